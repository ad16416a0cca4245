"""Threads that wait until the serial line has taken what was said before."""

from __future__ import annotations

import pytest

from kernel.console.output import RESERVE, RING_SIZE
from kernel.console.serial import COM1, FIFO_DEPTH, UartRegister
from kernel.sched.runqueue import BOOT_PRIORITY
from kernel.sched.thread import Thread
from kernel.terminal.backlog import STALL_TIMEOUT, Backlog
from kernel.threads.threads import Threads
from pykasm import *
from tests.host.threads_support import Kernel
from tests.host.uart import Uart

ROUNDS = RING_SIZE // FIFO_DEPTH
"""What the line needs to send everything."""
MUCH = bytes(n % 251 for n in range(RING_SIZE))


class Talker(Subsystem):
    """A thread that has something to say, and another one that runs while it waits."""

    rounds = bss(U32)
    """How often the other one does something."""
    done = bss(U32)
    """How often it has."""
    expiring = bss(U32)
    """Whether what it does is to let the time be over, and not what the line interrupts for."""

    def __init__(self, backlog: Backlog, threads: Threads) -> None:
        self.backlog = backlog
        self.output = backlog.output
        self.scheduler = backlog.scheduler
        self.threads = threads

    @function(exported=True)
    def fill(self, bytes: Ptr[U8], length: U64) -> None:
        """Say so much."""
        bytes, length = keep(bytes), keep(length)
        self.backlog.start()
        cli()
        with while_(length != 0):
            self.output.put(at(bytes))
            inc(bytes)
            dec(length)
        self.output.finish()
        sti()

    @function(exported=True)
    def expect(self) -> U32:
        """Expect room; how often the other thread had done something when this went on."""
        result, other = keep(U32), keep(self.make_other())
        self.output.wait_for_space()
        mov(result, self.done)
        self.threads.join(other)
        ret(result)

    @function(exported=True)
    def expect_where_nothing_sleeps(self) -> U32:
        """As `expect`, with interrupts off, and once more where no other thread may run."""
        result, other = keep(U32), keep(self.make_other())
        cli()
        self.output.wait_for_space()
        sti()
        with self.scheduler.preemption_disabled():
            self.output.wait_for_space()
            mov(result, self.done)
        self.threads.join(other)
        ret(result)

    @function
    def make_other(self) -> Ptr[Thread]:
        """Make the thread that runs meanwhile."""
        tail(self.threads.create, text("other"), address_of(self.go_on), 0, BOOT_PRIORITY)

    @function
    def go_on(self, argument: U64) -> None:
        """What the other thread does."""
        with while_(self.rounds != 0):
            dec(self.rounds)
            inc(self.done)
            self.turn()
            with if_(self.expiring != 0):
                self.expire()
            with else_():
                self.interrupt()
            self.scheduler.yield_now()

    @function
    def turn(self) -> None:
        """Answered by the tests: what the line does meanwhile."""

    @function
    def interrupt(self) -> None:
        """What the line's handler does."""
        cli()
        with self.output.serial.lock.held_interrupts_off():
            ignore(self.output.serial.read(UartRegister.IIR))
            self.output.handle_interrupt()
        self.backlog.wake()
        sti()

    @function
    def expire(self) -> None:
        """What the timer does."""
        cli()
        self.backlog._expire(address_of(self.backlog.timer))
        sti()


class Bench:
    """Threads with a line that has stopped."""

    def __init__(self) -> None:
        self.kernel = Kernel()
        self.backlog = self.kernel.parts[Backlog]
        self.talker = Talker(self.backlog, self.kernel.threads)
        self.host = self.kernel.host(self.talker, limit=10_000_000)

    def start(self, said: int, rounds: int = ROUNDS, *, expiring: bool = False) -> None:
        """Say so many bytes. The other thread is to do something so often."""
        self.kernel.reset(self.host)
        self.uart = Uart()
        self.host.on_in(range(COM1, COM1 + 8), self.uart.read)
        self.host.on_out(range(COM1, COM1 + 8), self.uart.write)
        self.host.stub(self.talker.turn, self.uart.empty)
        self.armed = self.host.stub(self.kernel.timers.arm)
        self.host.call(self.backlog.output.serial.start)
        self.uart.empty()
        self.uart.stopped = True
        self.host.call(self.talker.fill, self.host.bytes(MUCH), said)
        self.host[self.talker.rounds] = rounds
        self.host[self.talker.expiring] = expiring

    @property
    def waiting(self) -> int:
        """How many bytes wait."""
        output = self.backlog.output
        return int(self.host[output.end]) - int(self.host[output.sent])

    def standstills(self) -> int:
        """How often the timer was armed."""
        return sum(deadline == STALL_TIMEOUT for _, deadline in self.armed.calls)


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


def test_a_thread_that_finds_no_room_sleeps_until_half_is_sent(bench: Bench) -> None:
    bench.start(RING_SIZE)
    sent = bench.waiting - RING_SIZE // 2
    assert bench.host.call(bench.talker.expect) == -(-sent // bench.uart.depth)
    assert bench.uart.sent == MUCH[: len(bench.uart.sent)]
    assert bench.standstills() == 1


def test_a_thread_that_finds_room_does_not_sleep(bench: Bench) -> None:
    bench.start(RING_SIZE - RESERVE)
    assert bench.host.call(bench.talker.expect) == 0


def test_nobody_sleeps_with_interrupts_off_or_where_threads_stay(bench: Bench) -> None:
    bench.start(RING_SIZE)
    assert bench.host.call(bench.talker.expect_where_nothing_sleeps) == 0


def test_a_line_that_has_just_become_empty_needs_no_interrupt(bench: Bench) -> None:
    bench.start(RING_SIZE, 0)
    bench.uart.stopped = False
    assert bench.host.call(bench.talker.expect) == 0
    assert bench.uart.sent == MUCH


def test_threads_give_a_line_up_that_stands_still(bench: Bench) -> None:
    bench.start(RING_SIZE, 1, expiring=True)
    bench.host.stub(bench.talker.turn)
    assert bench.host.call(bench.talker.expect) == 1
    assert bench.waiting == RING_SIZE - bench.uart.depth


def test_threads_wait_on_for_a_line_that_is_slow(bench: Bench) -> None:
    bench.start(RING_SIZE, 5, expiring=True)
    sent = bench.backlog.output.sent

    def send() -> None:
        """One byte, and nothing more from the third time on."""
        if int(bench.host[bench.talker.done]) < 3:
            bench.host[sent] += 1

    bench.host.stub(bench.talker.turn, send)
    assert bench.host.call(bench.talker.expect) == 3
    assert bench.standstills() == 3
