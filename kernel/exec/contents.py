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
    Programs,  # starting them
    ProgramWatch,  # until they have ended
    ArgumentLists,  # what they are started with
    ProgramLoader,  # filling their memory
    Execution,  # replacing those that run
    ExecCalls,  # system calls for that
    Scripts,  # files that name the program which runs them
    ExecutionCredentials,  # who they are
    AddressLayouts,  # where they have what
    ElfLoader,  # segments, from files
    InitialStack,  # what they are told
    Vdso,  # what they need not ask the kernel
    VdsoMapping,  # and where they find that
)
