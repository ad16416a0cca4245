"""What happens on each vector."""

from collections.abc import Mapping
from typing import Any

from kernel.cpu.exceptions import VECTORS, Handler, Vector
from kernel.cpu.trapframe import TrapFrame
from pykasm import *


class Exceptions(Subsystem):
    """Who handles which vector. Whatever the kernel does not expect ends in a panic."""

    def __init__(self, panic: Any, others: Mapping[int, Any]) -> None:
        """`others` handle the vectors that they are given for."""
        known = {Vector.BREAKPOINT: self.breakpoint, **others}
        handlers = [known.get(vector, panic) for vector in range(VECTORS)]
        self.handlers = rodata(Handler * VECTORS, handlers)

    @function
    def breakpoint(self, frame: Ptr[TrapFrame]) -> None:
        """Go on: without a debugger, int3 means nothing."""
