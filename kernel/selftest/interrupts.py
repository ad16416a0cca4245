"""Interrupts of the running kernel."""

from __future__ import annotations

from kernel.console.console import Console
from kernel.errno import Errno
from kernel.interrupts.action import Action
from kernel.interrupts.dispatcher import VECTORS, Dispatcher
from kernel.interrupts.localapic import LocalApic
from kernel.interrupts.vectors import InterruptVector
from kernel.irq.lines import Lines
from kernel.selftest.case import BenchmarkSuite, TestSuite, check, measure
from pykasm import *

TIMEOUT = 10_000_000
"""Reads of a count before an interrupt counts as lost."""

QUIET_LINE = 13
"""The line of the 80387 coprocessor, which nothing uses any more (IBM PC/AT Technical
Reference)."""

NO_LINE = 0xFFFF_FFFF

VECTOR = InterruptVector.LAST_DEVICE
"""The vector of the benchmark: drivers are given it last of all."""


class InterruptTests(TestSuite, BenchmarkSuite):
    """Interrupts that this processor sends to itself."""

    actions = bss(Action * VECTORS)
    called = bss(U32)
    """The number of times that actions have run."""
    sum = bss(U64)
    """The sum of the arguments with which they ran."""

    def __init__(
        self, console: Console, dispatcher: Dispatcher, apic: LocalApic, lines: Lines
    ) -> None:
        self.console = console
        self.dispatcher = dispatcher
        self.apic = apic
        self.lines = lines
        self.tests = [
            check("interrupts.sent_to_itself", self.sent_to_itself),
            check("interrupts.shared_vector", self.shared_vector),
            check("interrupts.vectors_run_out", self.vectors_run_out),
            check("interrupts.shared_line", self.shared_line),
        ]
        self.benchmarks = [
            measure(
                "interrupts.entry_exit", self.entry_exit, prepare=self.claim, finish=self.give_back
            )
        ]

    @function(context="interrupt")
    def _act(self, argument: U64) -> None:
        """Count, and add the argument."""
        inc(self.called)
        add(self.sum, argument)

    @function
    def prepare(self, index: U32) -> Ptr[Action]:
        """Return the action `index`, which calls `_act` with its index plus 1."""
        action = scratch(Ptr[Action])
        point_at(action, self.actions, u64(index))
        mov(action.handler, address_of(self._act))
        inc(index)
        mov(action.argument, u64(index))
        ret(action)

    @function
    def _send_and_wait(self, vector: Keep[U32], wanted: Keep[U32]) -> Bool:
        """Interrupt this processor by `vector`, and wait until actions have run `wanted` times in
        all. Return whether they have in time."""
        self.apic.send(self.apic.id(), vector)
        with for_(scratch(U32), 0, TIMEOUT):
            with if_(self.called == wanted):
                ret(True)
            pause()
        self.console.print("vector %u: %u of %u actions ran\n", vector, self.called, wanted)
        ret(False)

    @function
    def sent_to_itself(self) -> U32:
        """An interrupt that this processor sends itself comes once, and calls nobody any more
        when its vector was released."""
        self._reset_counts()
        first, second = keep(U32), keep(U32)
        mov(first, self.dispatcher.allocate(self.prepare(0)))
        mov(second, self.dispatcher.allocate(self.prepare(1)))
        came = keep(self._send_and_wait(first, 1))
        self.dispatcher.release(first, address_of(self.actions[0]))
        self.apic.send(self.apic.id(), first)  # calls nobody
        and_(came, self._send_and_wait(second, 2))
        self.dispatcher.release(second, address_of(self.actions[1]))
        with if_(~came | (self.sum != 1 + 2)):
            ret(0)
        ret(1)

    @function
    def _reset_counts(self) -> None:
        """Reset the counts."""
        mov(self.called, 0)
        mov(self.sum, 0)

    @function
    def shared_vector(self) -> U32:
        """All actions on a vector run, each with its own argument."""
        self._reset_counts()
        first = keep(self.prepare(0))
        vector = keep(self.dispatcher.allocate(first))
        second = keep(self.prepare(1))
        self.dispatcher.claim(vector, second)
        came = keep(self._send_and_wait(vector, 2))
        self.dispatcher.release(vector, first)
        self.dispatcher.release(vector, second)
        with if_(~came | (self.sum != 1 + 2)):
            ret(0)
        ret(1)

    @function
    def vectors_run_out(self) -> U32:
        """Vectors can be taken until there are none, which is an error and nothing worse."""
        index, vector, last = keep(U32), keep(U32), keep(U32)
        xor(last, last)
        with for_(index, 0, VECTORS):
            mov(vector, self.dispatcher.allocate(self.prepare(index)))
            break_if(vector == 0)
            mov(last, vector)
            action = scratch(Ptr[Action])
            point_at(action, self.actions, u64(index))
            mov(action.argument, u64(vector))  # to release it by
            release(action)
        with if_((index == VECTORS) | (last != InterruptVector.LAST_DEVICE)):
            self.console.print("%u vectors, the last %u\n", index, last)
            ret(0)
        with while_(index != 0):
            dec(index)
            action = scratch(Ptr[Action])
            point_at(action, self.actions, u64(index))
            self.dispatcher.release(u32(action.argument), action)
        ret(1)

    @function
    def shared_line(self) -> U32:
        """Two actions share a line and leave it, which leaves it as it was; a line that is not
        there is refused."""
        with for_(keep(U32), 0, VECTORS):  # more often than there are vectors
            for index in (0, 1):
                attached = self.lines.attach(QUIET_LINE, self.prepare(index))
                with if_(attached != 0):
                    self.console.print("attach gives %d\n", attached)
                    ret(0)
            for index in (0, 1):
                self.lines.detach(QUIET_LINE, address_of(self.actions[index]))
        attached = self.lines.attach(NO_LINE, self.prepare(0))
        with if_(attached != -Errno.EINVAL):
            self.console.print("attach gives %d for no line\n", attached)
            ret(0)
        ret(1)

    @function
    def claim(self) -> Bool:
        """Claim `VECTOR` for an action. Return true."""
        self.dispatcher.claim(VECTOR, self.prepare(0))
        ret(True)

    @function
    def give_back(self) -> None:
        """Release `VECTOR`."""
        self.dispatcher.release(VECTOR, address_of(self.actions[0]))

    @function
    def entry_exit(self, count: U32) -> None:
        """Interrupt `count` times, with an action that does next to nothing."""
        with for_(scratch(U32), 0, count):
            int_(VECTOR)
