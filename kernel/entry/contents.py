"""The parts of `kernel/entry`, in the order of reading."""

from kernel.entry.exceptions import Exceptions
from kernel.entry.interrupts import Interrupts
from kernel.entry.machinechecks import MachineChecks
from kernel.entry.maskableinterrupts import MaskableInterrupts
from kernel.entry.nmi import NonMaskableInterrupts
from kernel.entry.systemcalls import SystemCalls
from kernel.entry.systemcalltrace import SystemCallTrace
from kernel.entry.tracedentry import TracedEntry
from kernel.entry.traceline import TraceLine
from kernel.entry.traceparameters import TraceParameters
from kernel.entry.tracetables import TraceTables
from kernel.entry.userentry import UserEntry
from kernel.entry.userexceptions import UserExceptions
from pykasm import *

CONTENTS: Contents = (
    NonMaskableInterrupts,  # NMIs: to stop, or to report
    MachineChecks,  # errors of the hardware
    Exceptions,  # who handles which vector
    MaskableInterrupts,  # interrupts, on a stack of their own
    UserExceptions,  # exceptions of programs
    SystemCalls,  # which function does which system call
    UserEntry,  # how programs get here
    TraceTables,  # names and parameters of system calls, for traces
    TraceLine,  # the line of a trace
    TraceParameters,  # parameters in it as people read them
    SystemCallTrace,  # printing each call
    TracedEntry,  # how traced programs get here
    Interrupts,  # a gate for each of 256 vectors
)
