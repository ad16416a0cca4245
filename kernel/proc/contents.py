"""The parts of `kernel/proc`, in the order of reading."""

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
    ProcAccess,  # who may see that
    ProcDirectories,  # names
    Procfs,  # the file system
    ProcTasks,  # directories of processes and threads
    ThreadSummaries,  # what is told of threads in short
    ProcessTexts,  # and at length
    ProcLinks,  # links to what they have
    FileTexts,  # and what is known of open files
    RegionTexts,  # what is in memory
    NamespaceLinks,  # and to what they see of mounts
    MapTexts,  # their memory
    MemoryShortageTexts,  # who ends without any
    MemoryFiles,  # and that as files
    MountTexts,  # what is mounted
    ProcessorTexts,  # processors
    LoadTexts,  # and what they do
    InterruptTexts,  # what interrupts them
    IpcTexts,  # what programs share
    SettingTexts,  # how the kernel is set
    MachineTexts,  # and all that is the same for everybody
)
