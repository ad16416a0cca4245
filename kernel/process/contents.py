"""The parts of `kernel/process`, in the order of reading."""

from kernel.process.exits import Exits
from kernel.process.filecalls import FileCalls
from kernel.process.filestates import FileStates
from kernel.process.memorycalls import MemoryCalls
from kernel.process.pathcalls import PathCalls
from kernel.process.processcalls import ProcessCalls
from kernel.process.processes import Processes
from kernel.process.processids import ProcessIds
from kernel.process.standardfiles import StandardFiles
from kernel.process.statuscalls import StatusCalls
from kernel.process.tasks import Tasks
from kernel.process.userpath import UserPaths
from kernel.process.userreturn import UserReturn
from kernel.process.userwork import UserWork
from kernel.process.vectorcalls import VectorCalls
from pykasm import *

CONTENTS: Contents = (
    ProcessIds,  # the numbers of processes and threads
    Processes,  # programs that run
    FileStates,  # what their threads have of files
    StandardFiles,  # the first of these
    UserPaths,  # names that they give
    FileCalls,  # system calls for open files
    VectorCalls,  # for several parts of memory at once
    PathCalls,  # and for names
    StatusCalls,  # and for what is told of files
    MemoryCalls,  # and for memory
    Exits,  # how their threads end, and they with them
    ProcessCalls,  # system calls about themselves
    UserWork,  # what is to be done before a program goes on
    UserReturn,  # the way to it
    Tasks,  # threads of programs
)
