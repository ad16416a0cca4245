"""What happens on each vector."""

from collections.abc import Sequence

from kernel.cpu.exceptions import VECTORS, TrapHandler, Vector, VectorHandlers
from kernel.cpu.trapframe import TrapFrame
from kernel.debug.panic import Panic
from kernel.interrupts.vectors import FIRST_INTERRUPT
from pykasm import *
from pykasm.lang.function import BoundFunction


class Exceptions(Subsystem):
    """Who handles which vector. Whatever the kernel does not expect ends in a panic."""

    def __init__(self, panic: Panic, others: Sequence[VectorHandlers]) -> None:
        known: dict[int, BoundFunction[None]] = {Vector.BREAKPOINT: self.breakpoint}
        for one in others:
            known.update(one.handlers())
        handlers = [known.get(vector, panic.exception) for vector in range(VECTORS)]
        self.handlers = rodata(TrapHandler * FIRST_INTERRUPT, handlers[:FIRST_INTERRUPT])
        """Those of exceptions."""
        self.interrupt_handlers = rodata(
            TrapHandler * (VECTORS - FIRST_INTERRUPT), handlers[FIRST_INTERRUPT:]
        )
        """Those of the vectors from FIRST_INTERRUPT on."""

    @function
    def breakpoint(self, frame: Ptr[TrapFrame]) -> None:
        """Go on: without a debugger, int3 means nothing."""
