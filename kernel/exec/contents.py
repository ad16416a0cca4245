"""The parts of `kernel/exec`, in the order of reading."""

from kernel.exec.addresslayouts import AddressLayouts
from kernel.exec.argumentlists import ArgumentLists
from kernel.exec.execcalls import ExecCalls
from kernel.exec.execution import Execution
from kernel.exec.executioncredentials import ExecutionCredentials
from kernel.exec.initialstack import InitialStack
from kernel.exec.loader import ElfLoader
from kernel.exec.programloader import ProgramLoader
from kernel.exec.programs import Programs
from kernel.exec.programwatch import ProgramWatch
from kernel.exec.scripts import Scripts
from kernel.exec.vdso import Vdso
from kernel.exec.vdsomapping import VdsoMapping
from pykasm import *

CONTENTS: Contents = (
    Programs,  # starting programs, each in a process of its own
    ProgramWatch,  # waiting for them, and giving them what is typed
    ArgumentLists,  # arguments and variables of an environment
    ProgramLoader,  # filling the memory of a program
    Execution,  # replacing the program of a process
    ExecCalls,  # execve(2), execveat(2)
    Scripts,  # files that name the program which runs them
    ExecutionCredentials,  # credentials of a program that is about to run
    AddressLayouts,  # where the parts of a program lie
    ElfLoader,  # segments of programs, from files
    InitialStack,  # arguments, environment and auxiliary vector
    Vdso,  # functions that save programs system calls (vdso(7))
    VdsoMapping,  # the pages in which programs find these
)
