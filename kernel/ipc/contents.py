"""The parts of `kernel/ipc`, in the order of reading."""

from kernel.ipc.ipctables import IpcTables
from kernel.ipc.messagecontrol import MessageControl
from kernel.ipc.messagequeues import MessageQueues
from kernel.ipc.messageselection import MessageSelection
from kernel.ipc.mqueuefs import Mqueuefs
from kernel.ipc.posixqueues import PosixQueues
from kernel.ipc.segmentcontrol import SegmentControl
from kernel.ipc.semaphoreattempts import SemaphoreAttempts
from kernel.ipc.semaphorecontrol import SemaphoreControl
from kernel.ipc.semaphoresets import SemaphoreSets
from kernel.ipc.semaphoreundos import SemaphoreUndos
from kernel.ipc.sharedsegments import SharedSegments
from pykasm import *

CONTENTS: Contents = (
    IpcTables,  # finding objects by ids and keys, and who may use them
    SemaphoreAttempts,  # operations on semaphores, all at once or none
    SemaphoreUndos,  # what is undone when processes end
    SemaphoreSets,  # making, finding and removing sets of semaphores, and waiting for them
    SemaphoreControl,  # looking at semaphores, and setting them
    MessageSelection,  # which message somebody gets
    MessageQueues,  # making and removing message queues, sending and receiving
    MessageControl,  # looking at message queues, and changing them
    SharedSegments,  # making segments of memory, and removing them
    SegmentControl,  # looking at these, and changing them
    PosixQueues,  # sending to POSIX message queues, and receiving from them
    Mqueuefs,  # the file system in which they have their names
)
