"""The parts of `kernel/fs`, in the order of reading."""

from kernel.fs.anonymousfiles import AnonymousFiles
from kernel.fs.attributes import Attributes
from kernel.fs.cacheddirectories import CachedDirectories
from kernel.fs.cachedfiles import CachedFiles
from kernel.fs.chacha import ChaCha
from kernel.fs.characterdevices import CharacterDevices
from kernel.fs.cpioreader import CpioReader
from kernel.fs.creation import Creation
from kernel.fs.credentialstore import CredentialStore
from kernel.fs.dentries import Dentries
from kernel.fs.dentrytable import DentryTable
from kernel.fs.devicenodes import DeviceNodes
from kernel.fs.devtmpfs import Devtmpfs
from kernel.fs.directoryreading import DirectoryReading
from kernel.fs.epollitems import EpollItems
from kernel.fs.epollnesting import EpollNesting
from kernel.fs.epollreadiness import EpollReadiness
from kernel.fs.epolls import Epolls
from kernel.fs.eventcounters import EventCounters
from kernel.fs.extendedattributes import ExtendedAttributes
from kernel.fs.filedefaults import FileDefaults
from kernel.fs.fileevents import FileEvents
from kernel.fs.fileio import FileIo
from kernel.fs.filelocks import FileLocks
from kernel.fs.filemappings import FileMappings
from kernel.fs.files import Files
from kernel.fs.fileseals import FileSeals
from kernel.fs.filetables import FileTables
from kernel.fs.filewaits import FileWaits
from kernel.fs.fixednames import FixedNames
from kernel.fs.fscontexts import FsContexts
from kernel.fs.gzip import Gzip
from kernel.fs.huffman import Huffman
from kernel.fs.inflate import Inflate
from kernel.fs.initramfs import Initramfs
from kernel.fs.inodelocks import InodeLocks
from kernel.fs.inodes import Inodes
from kernel.fs.iovectors import IoVectors
from kernel.fs.logdevice import LogDevice
from kernel.fs.memorydevices import MemoryDevices
from kernel.fs.mounting import Mounting
from kernel.fs.mountnamespaces import MountNamespaces
from kernel.fs.mountrights import MountRights
from kernel.fs.mounts import Mounts
from kernel.fs.mounttrees import MountTrees
from kernel.fs.namespacefiles import NamespaceFiles
from kernel.fs.noticefiles import NoticeFiles
from kernel.fs.notices import Notices
from kernel.fs.opening import Opening
from kernel.fs.optionnumbers import OptionNumbers
from kernel.fs.pagecache import PageCache
from kernel.fs.pathnames import PathNames
from kernel.fs.paths import Paths
from kernel.fs.peergroups import PeerGroups
from kernel.fs.permissions import Permissions
from kernel.fs.pipes import Pipes
from kernel.fs.polling import Polling
from kernel.fs.randomness import Randomness
from kernel.fs.recordlocks import RecordLocks
from kernel.fs.removal import Removal
from kernel.fs.renaming import Renaming
from kernel.fs.rootfilesystem import RootFileSystem
from kernel.fs.rootpivot import RootPivot
from kernel.fs.splicing import Splicing
from kernel.fs.superblocks import SuperBlocks
from kernel.fs.textfiles import TextFiles
from kernel.fs.textwriter import TextWriter
from kernel.fs.timerfiles import TimerFiles
from kernel.fs.tmpfs import Tmpfs
from kernel.fs.tmpfsoptions import TmpfsOptionTexts
from kernel.fs.transfers import Transfers
from kernel.fs.unmounting import Unmounting
from kernel.fs.walk import Walk
from kernel.fs.writeaccess import WriteAccess
from pykasm import *

CONTENTS: Contents = (
    CredentialStore,  # credentials, shared and counted
    Permissions,  # who may do what with a file
    Inodes,  # files, as their file system has them
    PageCache,  # the contents of files, as far as they are in memory
    FileMappings,  # which regions of memory show which files
    Notices,  # watching files, and queues of what is told of them
    DentryTable,  # where a name is looked for
    Dentries,  # names in directories, as far as they are in memory
    FileEvents,  # telling who watches what is done with files
    SuperBlocks,  # file systems in use
    Mounts,  # where file systems are seen
    Paths,  # places: a mount and a name
    PeerGroups,  # mounts that show the same as others
    MountTrees,  # copying, attaching and removing whole trees of mounts
    PathNames,  # the full name of a place
    MountNamespaces,  # which mounts a process sees
    FsContexts,  # root, current directory and umask
    Walk,  # going along a name from place to place
    IoVectors,  # memory that is read into and written from
    WriteAccess,  # what is written and what runs
    EpollReadiness,  # which items of watched sets are ready
    EpollItems,  # what is in watched sets
    Files,  # open files
    FileTables,  # open files by their numbers
    FileDefaults,  # what is done with an open file if its kind says nothing
    CachedFiles,  # reading, writing and resizing regular files
    FileSeals,  # promises about regular files (fcntl(2), F_ADD_SEALS)
    CachedDirectories,  # listing directories that are in memory
    FixedNames,  # refusals of file systems that only the kernel fills
    FileIo,  # reading, writing and listing open files
    Transfers,  # copying from one open file to another
    InodeLocks,  # the locks of inodes
    Creation,  # making names
    Removal,  # removing names
    Renaming,  # moving names
    ChaCha,  # a cipher
    Randomness,  # random numbers by that cipher
    MemoryDevices,  # null, zero, full, random
    CharacterDevices,  # opening special files
    Pipes,  # pipes and FIFOs
    AnonymousFiles,  # files without names
    NamespaceFiles,  # files that stand for mount namespaces
    FileWaits,  # waiting for a file
    Splicing,  # from pipes to other files, and into them
    NoticeFiles,  # files of inotify(7)
    EventCounters,  # files of eventfd(2)
    TimerFiles,  # files of timerfd_create(2)
    FileLocks,  # locks of whole files (flock(2))
    RecordLocks,  # locks of parts of files (fcntl(2))
    Polling,  # waiting for several open files
    EpollNesting,  # watched sets in others
    Epolls,  # watched sets (epoll(7))
    DirectoryReading,  # names of a directory for a program
    Attributes,  # modes, owners, times and sizes
    ExtendedAttributes,  # attributes with names (xattr(7))
    Opening,  # opening files
    OptionNumbers,  # numbers in options of file systems
    TmpfsOptionTexts,  # options of tmpfs
    TextWriter,  # texts in a buffer of the thread's
    TextFiles,  # files whose text is made when it is read
    Tmpfs,  # a file system that is in memory alone
    RootFileSystem,  # the first file system, and the first namespace
    MountRights,  # who may change what is mounted
    Mounting,  # mounting (mount(2))
    LogDevice,  # the kernel's log as a device
    Devtmpfs,  # the file system with the names of devices
    Unmounting,  # unmounting (umount2(2))
    RootPivot,  # exchanging the root (pivot_root(2))
    DeviceNodes,  # names of all devices in devtmpfs
    CpioReader,  # unpacking archives
    Huffman,  # codes of compressed data
    Inflate,  # decompression (RFC 1951)
    Gzip,  # compressed files (RFC 1952)
    Initramfs,  # the archive that the boot loader brings
)
