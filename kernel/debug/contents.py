"""The parts of `kernel/debug`, in the order of reading."""

from functools import partial

from kernel.debug.backtrace import Backtrace
from kernel.debug.faults import Faults
from kernel.debug.lockorder import LockOrder
from kernel.debug.lockwatch import LockWatch
from kernel.debug.panic import Panic
from kernel.debug.reportheader import ReportHeader
from pykasm import *

CONTENTS: Contents = (
    Faults,  # exceptions in words
    partial(
        Backtrace,
        stubs=(symbol("Interrupts.interrupt"), symbol("Interrupts.exception")),
        stack_switch=symbol("MaskableInterrupts.handle"),
    ),  # who called whom
    ReportHeader,  # who runs on this processor
    Panic,  # the report of what went wrong
    LockOrder,  # in which order spin locks are taken
    LockWatch,  # which processor holds which of them
)
