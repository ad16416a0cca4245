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
    UserExceptions,  # what programs cause
    SystemCalls,  # what they ask for
    UserEntry,  # how they get here
    TraceTables,  # what is known of what they ask for
    TraceLine,  # a line about it
    TraceParameters,  # with values as people read them
    SystemCallTrace,  # each call
    TracedEntry,  # how programs get here meanwhile
    Interrupts,  # a gate for each of 256 vectors
)
