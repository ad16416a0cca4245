"""The least that a running kernel does, and what measuring costs by itself."""

from kernel.selftest.case import BenchmarkSuite, TestSuite, check, measure
from pykasm import *

PATTERN = 0x0123_4567_89AB_CDEF


class BasicTests(TestSuite, BenchmarkSuite):
    """Needs nothing but the processor."""

    def __init__(self) -> None:
        self.tests = [check("basics.breakpoint", self.breakpoint)]
        self.benchmarks = [measure("basics.empty_loop", self.empty_loop)]

    @function
    def breakpoint(self) -> U32:
        """An exception that means nothing comes back, with every register as it was."""
        with_pattern = scratch(U64)
        mov(with_pattern, PATTERN)
        mov(rax, with_pattern)
        int3()
        with if_(rax != with_pattern):
            ret(0)
        ret(1)

    @function
    def empty_loop(self, count: U32) -> None:
        """Run an empty loop: what it costs is part of the figures of all benchmarks."""
        with for_(scratch(U32), 0, count):
            nop()
