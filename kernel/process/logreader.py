"""What programs see of the kernel's log."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.units import NSEC_PER_SEC
from kernel.errno import Errno
from kernel.interrupts.work import Work
from kernel.irq.deferred import Deferred
from kernel.log.log import Log
from kernel.log.record import MAX_LENGTH, LogMessage
from kernel.sched.thread import INTERRUPTIBLE
from kernel.sched.waiting import FOREVER
from kernel.sync.mutex import Mutex, Mutexes
from kernel.sync.pollqueue import READABLE, PollQueue
from kernel.sync.pollqueues import PollQueues
from kernel.text.numbers import Numbers
from kernel.text.symbols import Symbols
from kernel.text.writer import Writer
from kernel.vm.usercopy import UserCopy
from pykasm import *

NSEC_PER_USEC = 1000

LINE_ROOM = MAX_LENGTH + 64
"""Bytes of the longest line, with what stands in front of a message."""


class LogReader(Writer):
    """Copies the log to programs: lines like `<level>[seconds.microseconds] text`. Context:
    thread."""

    next = bss(U64)
    """The position of the message that `take` copies next."""
    part = bss(U64)
    """How much of it was copied already."""
    cleared = bss(U64)
    """From where on `copy_latest` sees messages. The mutex guards all three."""

    arrivals = bss(PollQueue)
    """What those wait for that have read all messages."""
    waiting = bss(U32)
    """How many these are."""

    def __init__(
        self,
        log: Log,
        clock: Clock,
        mutexes: Mutexes,
        copy: UserCopy,
        queues: PollQueues,
        deferred: Deferred,
        numbers: Numbers,
        symbols: Symbols,
    ) -> None:
        super().__init__(numbers, symbols)
        self.log = log
        self.queues = queues
        self.deferred = deferred
        self.work = data(Work, Work(handler=self._announce))
        self.clock = clock
        self.mutexes = mutexes
        self.copy = copy
        self.mutex = bss(Mutex)
        self.message = bss(LogMessage)
        self.line = bss(U8 * LINE_ROOM)
        self.length = bss(U64)
        """Bytes of the line so far. The mutex guards these, too."""

    @function(init=True)
    def start(self) -> None:
        """Be told of messages from now on."""
        mov(self.log.listener, address_of(self._hear))

    @function(context="any")
    def _hear(self) -> None:
        """Have who waits look for the message that was just written. Who wrote it may hold any
        lock, so that nobody is woken here, but behind an interrupt. The lock of the log lies
        between this look at who waits and that of a waiter at the messages: one sees the other."""
        with if_(self.waiting != 0):
            self.deferred.add(address_of(self.work))

    @function(context="deferred")
    def _announce(self, work: Ptr[Work]) -> None:
        """Wake who waits for messages."""
        self.queues.announce(address_of(self.arrivals), READABLE)

    @function(context="thread", sleeps=True)
    def wait_and_take(self, target: Keep[User[U8]], room: Keep[U64]) -> OrErrno[I64]:
        """Do what `take` does, as soon as there is something. Returns what that does, or
        -ERESTARTSYS."""
        result = keep(I64)
        lock.inc(self.waiting)
        mov(result, self._wait_and_take(target, room))
        lock.dec(self.waiting)
        ret(result)

    @function(context="thread", sleeps=True)
    def _wait_and_take(self, target: Keep[User[U8]], room: Keep[U64]) -> OrErrno[I64]:
        """Do that, as one of those who wait."""
        noted = keep(U64)
        with loop():
            mov(noted, self.queues.note(self.arrivals))
            result = self.take(target, room)
            with if_(result != 0):
                ret(result)
            place = address_of(self.arrivals)
            waited = self.queues.wait(place, noted, FOREVER, INTERRUPTIBLE)
            fail_if(waited != 0, Errno.ERESTARTSYS)

    @function(context="thread", sleeps=True)
    def clear(self) -> None:
        """Have `copy_latest` see none of the messages that there are."""
        position = keep(U64)
        with self.mutexes.held(self.mutex):
            mov(position, self.cleared)
            with loop():
                following = self._read(position)
                break_if(following == 0)
                mov(position, following)
            mov(self.cleared, position)

    @function(context="thread", sleeps=True)
    def count_unread(self) -> OrErrno[I64]:
        """Return how many bytes `take` could copy."""
        total = keep(U64)
        with self.mutexes.held(self.mutex):
            mov(total, self._count(self.next))
            with if_(total != 0):
                sub(total, self.part)
        ret(i64(total))

    @function(context="thread", sleeps=True)
    def _count(self, position: Keep[U64]) -> U64:
        """Return how many bytes the messages from `position` on have."""
        total = keep(U64)
        xor(u32(total), u32(total))
        with loop():
            following = self._read(position)
            break_if(following == 0)
            mov(position, following)
            add(total, self.length)
        ret(total)

    @function(context="thread", sleeps=True)
    def take(self, target: Keep[User[U8]], room: Keep[U64]) -> OrErrno[I64]:
        """Copy up to `room` bytes of what was not copied so before. Returns how many, or
        -EFAULT."""
        total, result = local(U64), keep(I64)
        mov(total, 0)
        xor(result, result)
        with self.mutexes.held(self.mutex), loop():
            following = self._read(self.next)
            break_if((following == 0) | (room == 0))
            mov(rcx, self.part)
            mov(rdx, self.length)
            sub(rdx, rcx)
            with if_(rdx > room):
                add(self.part, room)
                mov(rdx, room)
            with else_():
                mov(self.part, 0)
                mov(self.next, following)
            sub(room, rdx)
            add(total, rdx)
            mov(result, self._copy_out(target, rcx, rdx))
            break_if(result < 0)
            add(u64(target), result)
        with if_(result < 0):
            ret(result)
        mov(rax, total)
        ret(rax)

    @function(context="thread", sleeps=True)
    def copy_latest(self, target: Keep[User[U8]], room: Keep[U64]) -> OrErrno[I64]:
        """Copy the latest messages since `clear`, as many as `room` bytes take. Returns how many
        bytes that are, or -EFAULT."""
        total, left = local(U64), keep(U64)
        position, result = keep(U64), keep(I64)
        mov(total, 0)
        xor(result, result)
        with self.mutexes.held(self.mutex):
            mov(position, self.cleared)
            mov(left, self._count(position))
            with loop():
                mov(position, self._read(position))
                break_if(position == 0)
                with if_(left <= room):
                    mov(rdx, self.length)
                    with if_(rdx > room):  # there are more than when they were counted
                        break_()
                    sub(room, rdx)
                    add(total, rdx)
                    mov(result, self._copy_out(target, 0, rdx))
                    break_if(result < 0)
                    add(u64(target), result)
                with else_():
                    sub(left, self.length)
                with if_(left <= room):
                    mov(left, 0)
        with if_(result < 0):
            ret(result)
        mov(rax, total)
        ret(rax)

    @function(context="thread", sleeps=True)
    def _copy_out(self, target: User[U8], start: U64, length: U64) -> OrErrno[I64]:
        """Copy `length` bytes of the line. Returns how many these are, or -EFAULT."""
        length = keep(length)
        lea(rax, self.line)
        add(start, rax)
        self.copy.copy_out_all(target, start, length)
        ret(i64(length))

    # Lines

    @function(context="thread")
    def _read(self, position: U64) -> U64:
        """Make a line of the message at `position`, or of the oldest one. Returns the position of
        the next one; 0 if there is none."""
        following = keep(self.log.read(position, address_of(self.message)))
        with if_(following == 0):
            ret(0)
        mov(self.length, 0)
        seconds = keep(U64)
        mov(rax, self.clock.time_of(self.message.record.ticks))
        xor(edx, edx)
        mov(ecx, NSEC_PER_SEC)
        div(rcx)
        mov(seconds, rax)
        mov(rax, rdx)
        xor(edx, edx)
        mov(ecx, NSEC_PER_USEC)
        div(rcx)
        movzx(ecx, self.message.record.level)
        self.print("<%u>[%5u.%06u] %s\n", rcx, seconds, rax, address_of(self.message.text))
        ret(following)

    @function
    def put(self, byte: U8) -> None:
        """Append `byte` to the line, which has room for all messages."""
        mov(rax, self.length)
        with if_(rax < LINE_ROOM):
            mov(self.line[rax], byte)
            inc(self.length)
