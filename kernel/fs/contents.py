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
    CredentialStore,  # who acts
    Permissions,  # and who may do what
    Inodes,  # files, as their file system has them
    PageCache,  # what they contain, as far as it is in memory
    FileMappings,  # and who maps it
    Notices,  # who is told of what happens to them
    Dentries,  # the names that lead to them
    FileEvents,  # and what does
    SuperBlocks,  # file systems in use
    Mounts,  # where these are seen
    Paths,  # places there
    PeerGroups,  # which others show the same
    MountTrees,  # and all that is mounted at a place
    PathNames,  # how they are called
    MountNamespaces,  # who sees which
    FsContexts,  # where names begin
    Walk,  # and what they lead to
    IoVectors,  # memory that is read into and written from
    WriteAccess,  # what is written and what runs
    EpollReadiness,  # who waits for sets of such
    EpollItems,  # what is in these
    Files,  # what is open
    FileTables,  # by which numbers
    FileDefaults,  # what is done with it, if its kind says nothing
    CachedFiles,  # with regular files
    FileSeals,  # what is promised of these
    CachedDirectories,  # with directories that are in memory
    FixedNames,  # with those that only the kernel fills
    FileIo,  # reading, writing and listing it
    Transfers,  # from one to another
    InodeLocks,  # the locks of inodes
    Creation,  # new names
    Removal,  # names that go
    Renaming,  # and names that change
    ChaCha,  # a cipher
    Randomness,  # random numbers by it
    MemoryDevices,  # null, zero, full, random
    CharacterDevices,  # whatever is a device
    Pipes,  # bytes from one to another
    AnonymousFiles,  # files without names
    NamespaceFiles,  # which stand for what processes see of mounts
    FileWaits,  # waiting for such a file
    Splicing,  # from pipes to others, and into them
    NoticeFiles,  # what is told of others
    EventCounters,  # numbers that count
    TimerFiles,  # timers
    FileLocks,  # locks of whole files
    RecordLocks,  # and of their parts
    Polling,  # waiting for several
    EpollNesting,  # sets in sets
    Epolls,  # and for these
    DirectoryReading,  # names for programs
    Attributes,  # what is known of files
    ExtendedAttributes,  # and said of them by others
    Opening,  # opening files
    OptionNumbers,  # numbers in what is asked of file systems
    TmpfsOptionTexts,  # what is asked of the one in memory
    TextWriter,  # texts that tell something
    TextFiles,  # and files that are such texts
    Tmpfs,  # the file system that is there alone
    RootFileSystem,  # the one that everything begins with
    MountRights,  # who may change that
    Mounting,  # and further ones
    LogDevice,  # the kernel's log as one
    Devtmpfs,  # the file system of their names
    Unmounting,  # which go again
    RootPivot,  # and one that takes its place
    DeviceNodes,  # where devices are found
    CpioReader,  # archives
    Huffman,  # codes of compressed data
    Inflate,  # decompression
    Gzip,  # of files
    Initramfs,  # the one that the boot loader brings
)
