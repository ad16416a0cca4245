"""Measures the kernel's own operations, in ticks of the time-stamp counter.

An emulator that counts instructions makes a tick of each (QEMU: `-icount shift=0,sleep=off`).
"""

from __future__ import annotations

from collections.abc import Sequence

from kernel.console.console import Console
from kernel.sched.scheduler import Scheduler
from kernel.selftest.case import Benchmark, BenchmarkSuite
from kernel.text.strings import Strings
from pykasm import *

ROUNDS = 3
"""Times each benchmark runs; the shortest counts, since the first one fills caches."""


class Benchmarks(Subsystem):
    """All benchmarks of the `suites`. Context: a thread that may sleep; one at a time."""

    found = bss(U32)

    def __init__(
        self,
        console: Console,
        scheduler: Scheduler,
        strings: Strings,
        suites: Sequence[BenchmarkSuite],
    ) -> None:
        self.console = console
        self.scheduler = scheduler
        self.strings = strings
        table = [row for suite in suites for row in suite.benchmarks]
        self.count = len(table)
        self.benchmarks = rodata(Benchmark * self.count, table)

    @function(sleeps=True)
    def run(self, name: Keep[Ptr[U8]]) -> None:
        """Run the benchmark `name`, or the family of that name, or `all`."""
        candidate, left = keep(Ptr[Benchmark]), keep(U32)
        mov(self.found, 0)
        lea(candidate, self.benchmarks)
        with for_(left, 0, self.count):
            with if_(self.strings.selects(name, candidate.name)):
                inc(self.found)
                self._run_one(candidate)
            add(candidate, sizeof(Benchmark))
        with if_(self.found == 0):
            self.console.print("no benchmark is called %s (`bench` lists them)\n", name)

    @function(sleeps=True)
    def _run_one(self, chosen: Keep[Ptr[Benchmark]]) -> None:
        """Prepare, measure, print, and finish, all of it on one processor."""
        thread = keep(self.scheduler.current)
        mov(thread.pinned, 1)
        self.console.print("%-36s ", chosen.name)
        with if_(self.prepare(chosen)):
            self._report(self._shortest(chosen), chosen.count)
        with else_():
            self.console.print("could not be prepared\n")
        with if_(chosen.finish != 0):
            chosen.finish()
        mov(thread.pinned, 0)

    @function(sleeps=True)
    def prepare(self, chosen: Ptr[Benchmark]) -> Bool:
        """Prepare the benchmark. Return whether all that it needs is there."""
        with if_(chosen.prepare == 0):
            ret(True)
        ready = chosen.prepare()
        ret(ready)

    @function(sleeps=True)
    def _shortest(self, chosen: Keep[Ptr[Benchmark]]) -> U64:
        """Return the ticks that the shortest of some rounds took."""
        least, start = keep(U64), keep(U64)
        mov(least, -1)
        with for_(keep(U32), 0, ROUNDS):
            self._ticks(start)
            chosen.run(chosen.count)
            self._ticks(rcx)
            sub(rcx, start)
            with if_(rcx < least):  # interrupts and cold caches only ever add
                mov(least, rcx)
        ret(least)

    @inline(changes=("register", rax, rdx))
    def _ticks(self, register: U64) -> None:
        """Load the time-stamp counter into `register`."""
        lfence()  # what came before has been done when the counter is read
        rdtsc()
        shl(rdx, 32)
        or_(rax, rdx)
        mov(register, rax)

    @function
    def _report(self, ticks: U64, count: U32) -> None:
        """Print the ticks for one of `count` operations, to a tenth."""
        mov(rax, ticks)
        lea(rax, bare[rax + rax * 4])
        add(rax, rax)  # ten times the ticks, for one decimal
        xor(edx, edx)
        div(u64(count))
        xor(edx, edx)
        mov(ecx, 10)
        div(rcx)
        self.console.print("%u.%u ticks\n", rax, rdx)

    @function
    def list(self) -> None:
        """Print the name of every benchmark."""
        candidate, left = keep(Ptr[Benchmark]), keep(U32)
        lea(candidate, self.benchmarks)
        with for_(left, 0, self.count):
            self.console.print("%s\n", candidate.name)
            add(candidate, sizeof(Benchmark))
