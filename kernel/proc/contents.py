"""The parts of `kernel/proc`, in the order of reading."""

from kernel.proc.dumptexts import DumpTexts
from kernel.proc.filetexts import FileTexts
from kernel.proc.interrupttexts import InterruptTexts
from kernel.proc.ipctexts import IpcTexts
from kernel.proc.loadtexts import LoadTexts
from kernel.proc.machinetexts import MachineTexts
from kernel.proc.maptexts import MapTexts
from kernel.proc.memoryfiles import MemoryFiles
from kernel.proc.memoryshortagetexts import MemoryShortageTexts
from kernel.proc.mounttexts import MountTexts
from kernel.proc.namespacelinks import NamespaceLinks
from kernel.proc.procaccess import ProcAccess
from kernel.proc.procdirectories import ProcDirectories
from kernel.proc.processortexts import ProcessorTexts
from kernel.proc.processtexts import ProcessTexts
from kernel.proc.procfs import Procfs
from kernel.proc.proclinks import ProcLinks
from kernel.proc.procnodes import ProcNodes
from kernel.proc.proctasks import ProcTasks
from kernel.proc.regiontexts import RegionTexts
from kernel.proc.settingtexts import SettingTexts
from kernel.proc.threadsummaries import ThreadSummaries
from pykasm import *

CONTENTS: Contents = (
    ProcNodes,  # inodes for what processes have
    ProcAccess,  # who may see private entries
    ProcDirectories,  # finding and listing names
    Procfs,  # the file system, from what all sources name
    ProcTasks,  # directories of processes and threads
    ThreadSummaries,  # what is told of threads in short
    ProcessTexts,  # what is told of a process at length
    ProcLinks,  # links to directories, programs and files of processes
    FileTexts,  # what is told of open files
    RegionTexts,  # sizes of regions
    NamespaceLinks,  # links to mount namespaces
    MapTexts,  # mapped memory, arguments and environment
    MemoryShortageTexts,  # who is ended first without memory
    DumpTexts,  # what processes leave behind that signals end
    MemoryFiles,  # the memory of processes as files
    MountTexts,  # what is mounted
    ProcessorTexts,  # processors
    LoadTexts,  # how busy processors are
    InterruptTexts,  # how often interrupts came
    IpcTexts,  # what programs share by keys
    SettingTexts,  # how the kernel is set
    MachineTexts,  # what is the same for all processes
)
