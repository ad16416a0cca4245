"""Non-maskable interrupts."""

from __future__ import annotations

from collections.abc import Mapping

from kernel.cpu.exceptions import Vector, VectorHandlers
from kernel.cpu.percpu import PerCpu
from kernel.cpu.trapframe import TrapFrame
from kernel.debug.panic import Panic
from kernel.processors.stop import Stop
from pykasm import *
from pykasm.lang.function import BoundFunction


class NonMaskableInterrupts(VectorHandlers):
    """Stop this processor if another one asks for that; else report: the board has an error, or
    somebody has pressed a button. Context: NMI."""

    def __init__(self, per_cpu: PerCpu, stopping: Stop, panic: Panic) -> None:
        self.per_cpu = per_cpu
        self.stopping = stopping
        self.panic = panic

    def handlers(self) -> Mapping[int, BoundFunction[None]]:
        """Return that of NMIs."""
        return {Vector.NMI: self.handle}

    @function
    def handle(self, frame: Ptr[TrapFrame]) -> None:
        """Handle an NMI."""
        mov(eax, self.stopping.requester)
        with if_(eax != 0):
            dec(eax)
            with if_(eax != self.per_cpu.number):  # who stops the others does not stop itself
                tail(self.stopping.here)
        tail(self.panic.exception, frame)
