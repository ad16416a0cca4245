"""Run tests inside the kernel and count their outcomes."""

from __future__ import annotations

from collections.abc import Sequence

from kernel.console.console import Console
from kernel.debug.leakcheck import LeakCheck, LeakChecks
from kernel.mm.reclaim import Reclaim
from kernel.selftest.case import Outcome, Test, TestSuite
from kernel.selftest.watchdog import Watchdog
from kernel.text.strings import Strings
from pykasm import *


class SelfTests(Subsystem):
    """All tests of the `suites`.

    Leak checks must read the same before and after each test: a test that leaks fails.
    Context: a thread that may sleep; one at a time.
    """

    found = bss(U32)
    """Tests that the name stands for: those that passed, failed or were skipped."""
    passed = bss(U32)
    failed = bss(U32)

    def __init__(
        self,
        console: Console,
        watchdog: Watchdog,
        strings: Strings,
        reclaim: Reclaim,
        suites: Sequence[TestSuite],
        counted: Sequence[LeakChecks],
    ) -> None:
        self.console = console
        self.watchdog = watchdog
        self.strings = strings
        self.reclaim = reclaim
        table = [row for suite in suites for row in suite.tests]
        self.count = len(table)
        self.tests = rodata(Test * self.count, table)
        leak_checks = [row for one in counted for row in one.leak_checks]
        self.entries = len(leak_checks)
        self.leak_checks = rodata(LeakCheck * self.entries, leak_checks)
        self.before = bss(U64 * self.entries)

    @function(sleeps=True)
    def run(self, name: Keep[Ptr[U8]]) -> None:
        """Run the test `name`, or the family of that name, or `all`; print the outcome."""
        candidate, left, all = keep(Ptr[Test]), keep(U32), keep(U32)
        mov(all, self.strings.equal(name, text("all")))
        mov(self.found, 0)
        mov(self.passed, 0)
        mov(self.failed, 0)
        lea(candidate, self.tests)
        with for_(left, 0, self.count):
            wanted = self.strings.selects(name, candidate.name)
            with if_((wanted != 0) & ((all == 0) | (candidate.apart == 0))):
                inc(self.found)
                self._run_one(candidate)
            add(candidate, sizeof(Test))
        with if_(self.found == 0):
            self.console.print("no test is called %s (`test` lists them)\n", name)
            ret()
        self.console.print("tests: %u passed, %u failed\n", self.passed, self.failed)

    @function(sleeps=True)
    def _run_one(self, chosen: Keep[Ptr[Test]]) -> None:
        """Run a test, check whether it leaked, and print its outcome."""
        outcome = keep(U32)
        self.console.print("%-36s ", chosen.name)
        self._open_leak_checks()
        self.watchdog.begin(chosen)
        mov(outcome, chosen.run())
        self.watchdog.end()
        balanced = self._close_leak_checks()
        with if_(~balanced):
            mov(outcome, Outcome.FAILED)
        with switch(outcome):
            with case(Outcome.PASSED):
                inc(self.passed)
                self.console.print("passed\n")
            with case(Outcome.SKIPPED):
                self.console.print("skipped\n")
            with default():
                inc(self.failed)
                self.console.print("failed\n")

    @function(sleeps=True)
    def _open_leak_checks(self) -> None:
        """Store what each leak check reads."""
        self.reclaim.run()  # what is cached for later is no leak
        for index in range(self.entries):
            mov(self.before[index], self.leak_checks[index].read())

    @function(sleeps=True)
    def _close_leak_checks(self) -> Bool:
        """Return whether each leak check reads what it did; print those that do not."""
        balanced = keep(Bool)
        mov(balanced, 1)
        self.reclaim.run()
        for index in range(self.entries):
            entry = self.leak_checks[index]
            count = entry.read()
            with if_(count != self.before[index]):
                xor(balanced, balanced)
                self.console.print(
                    "%s: %u before, %u after: ", entry.name, self.before[index], count
                )
        ret(balanced)

    @function
    def list(self) -> None:
        """Print the name of every test."""
        candidate, left = keep(Ptr[Test]), keep(U32)
        lea(candidate, self.tests)
        with for_(left, 0, self.count):
            self.console.print("%s\n", candidate.name)
            add(candidate, sizeof(Test))
