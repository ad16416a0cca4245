"""The vectors of exceptions."""

from collections.abc import Mapping
from enum import IntEnum

from kernel.cpu.trapframe import TrapFrame
from pykasm import *
from pykasm.lang.function import BoundFunction

VECTORS = 256
EXCEPTIONS = 32
"""Vectors that belong to the processor's exceptions (AMD64 APM vol. 2, 8.2)."""


class Vector(IntEnum):
    """Exceptions (AMD64 APM vol. 2, 8.1, table 8-1)."""

    DIVIDE_ERROR = 0
    DEBUG = 1
    NMI = 2
    BREAKPOINT = 3
    OVERFLOW = 4
    BOUND_RANGE = 5
    INVALID_OPCODE = 6
    DEVICE_NOT_AVAILABLE = 7
    DOUBLE_FAULT = 8
    INVALID_TSS = 10
    SEGMENT_NOT_PRESENT = 11
    STACK = 12
    GENERAL_PROTECTION = 13
    PAGE_FAULT = 14
    X87_FLOATING_POINT = 16
    ALIGNMENT_CHECK = 17
    MACHINE_CHECK = 18
    SIMD_FLOATING_POINT = 19
    VIRTUALIZATION = 20
    CONTROL_PROTECTION = 21
    HYPERVISOR_INJECTION = 28
    VMM_COMMUNICATION = 29
    SECURITY = 30


WITH_ERROR_CODE = {
    Vector.DOUBLE_FAULT,
    Vector.INVALID_TSS,
    Vector.SEGMENT_NOT_PRESENT,
    Vector.STACK,
    Vector.GENERAL_PROTECTION,
    Vector.PAGE_FAULT,
    Vector.ALIGNMENT_CHECK,
    Vector.CONTROL_PROTECTION,
    Vector.VMM_COMMUNICATION,
    Vector.SECURITY,
}
"""The vectors on which the processor pushes an error code (8.4)."""


class TrapHandler(Fn[[Ptr[TrapFrame]], Void]):
    """Called with interrupts off; when it returns, the interrupted code continues."""


class UserTrapHandler(Fn[[Ptr[TrapFrame], U64], Void], context="thread"):
    """Called in a thread whose program caused an exception, with the address of which a page fault
    tells; when it returns, the program continues."""


class VectorHandlers(Subsystem):
    """A subsystem that handles some vectors."""

    def handlers(self) -> Mapping[int, BoundFunction[None]]:
        """Return the handlers by vector, each a `TrapHandler`."""
        raise NotImplementedError
