"""Reading what was written to a pseudo-terminal."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.file import File
from kernel.fs.iovector import IoVector
from kernel.fs.iovectors import IoVectors
from kernel.fs.openflag import OpenFlag
from kernel.pty.pseudoterminal import PseudoTerminal
from kernel.pty.ptydriver import PtyDriver
from kernel.sched.thread import INTERRUPTIBLE
from kernel.sched.waiting import FOREVER
from kernel.sync.mutex import Mutexes
from kernel.sync.pollqueue import READABLE, WRITABLE, PollEvent, Watcher
from kernel.sync.pollqueues import PollQueues
from kernel.tty.echo import Echo
from kernel.tty.lineinput import LineInput
from pykasm import *

PIECE = 256
"""Bytes that are moved at once."""

DATA = 0
"""What bytes that were written begin with in packet mode (TIOCPKT_DATA)."""


class PtyReading(Subsystem):
    """Reads as the master, and looks what it can do. Context: thread."""

    def __init__(
        self,
        driver: PtyDriver,
        input: LineInput,
        echo: Echo,
        vectors: IoVectors,
        queues: PollQueues,
        mutexes: Mutexes,
    ) -> None:
        self.driver = driver
        self.input = input
        self.echo = echo
        self.vectors = vectors
        self.queues = queues
        self.mutexes = mutexes

    @function(context="thread", sleeps=True)
    def read(
        self, file: Keep[Ptr[File]], vector: Keep[Ptr[IoVector]], position: Ptr[U64]
    ) -> OrErrno[I64]:
        """Read what there is, as `ReadFile` says. Returns -EIO once nobody has the slave open any
        more; -EAGAIN, -ERESTARTSYS or -EFAULT."""
        pty, noted, result = keep(cast(file.private, Ptr[PseudoTerminal])), keep(U64), keep(I64)
        was_left = local(U32)
        with if_(vector.left == 0):
            ret(0)
        with loop():
            mov(noted, self.queues.note(pty.typist))
            mov(eax, pty.is_left)  # before the look at what there is: the last of it is not lost
            mov(was_left, eax)
            mov(result, self._take(pty, vector))
            with if_(result != -Errno.EAGAIN):
                ret(result)
            fail_if(was_left != 0, Errno.EIO)
            fail_if(file.flags & OpenFlag.NONBLOCK, Errno.EAGAIN)
            waited = self.queues.wait(address_of(pty.typist), noted, FOREVER, INTERRUPTIBLE)
            fail_if(waited != 0, Errno.ERESTARTSYS)

    @function(context="thread", sleeps=True)
    def _take(self, pty: Keep[Ptr[PseudoTerminal]], vector: Keep[Ptr[IoVector]]) -> OrErrno[I64]:
        """Read what there is. Returns how many bytes; -EAGAIN or -EFAULT."""
        changes, first, result = keep(U32), local(U8), keep(I64)
        with if_(pty.in_packets == 0):
            tail(self._take_bytes, pty, vector)
        with self.mutexes.held(pty.lock):
            xor(changes, changes)
            xchg(pty.changes, changes)
        with if_(changes == 0):
            fail_if(self.driver.count(pty) == 0, Errno.EAGAIN)
        mov(first, u8(changes))
        copied = self.vectors.copy_to(vector, address_of(first), sizeof(U8))
        fail_if(copied == 0, Errno.EFAULT)
        with if_((changes != 0) | (vector.left == 0)):
            ret(1)
        mov(result, self._take_bytes(pty, vector))
        with if_(result > 0):
            inc(result)
        ret(result)

    @function(context="thread", sleeps=True)
    def _take_bytes(
        self, pty: Keep[Ptr[PseudoTerminal]], vector: Keep[Ptr[IoVector]]
    ) -> OrErrno[I64]:
        """Read bytes that were written, and announce room for more."""
        piece, total, length = local(U8 * PIECE), keep(U64), keep(U64)
        xor(u32(total), u32(total))
        with while_(vector.left != 0):
            mov(length, PIECE)
            with if_(length > vector.left):
                mov(length, vector.left)
            mov(length, self.driver.take(pty, address_of(piece), length))
            break_if(length == 0)
            copied = self.vectors.copy_to(vector, address_of(piece), length)
            add(total, copied)
            with if_(copied != length):
                fail_if(total == 0, Errno.EFAULT)
                break_()
        fail_if(total == 0, Errno.EAGAIN)
        with self.mutexes.held(pty.lock):
            self.echo.show(pty)
        self.queues.announce(address_of(pty.queue), WRITABLE)
        ret(i64(total))

    @function(context="thread", sleeps=True)
    def poll(self, file: Ptr[File], watcher: OrNull[Ptr[Watcher]]) -> U32:
        """Return what is possible, as `PollFile` says."""
        pty, events = keep(cast(file.private, Ptr[PseudoTerminal])), keep(U32)
        with if_(watcher != 0):
            self.queues.watch(address_of(pty.typist), watcher)
        xor(events, events)
        with if_(pty.is_left != 0):
            or_(events, PollEvent.HANG_UP)
        with if_(self.driver.count(pty) != 0):
            or_(events, READABLE)
        with if_((pty.in_packets != 0) & (pty.changes != 0)):
            or_(events, READABLE | PollEvent.PRIORITY)
        with self.mutexes.held(pty.lock), if_(self.input.has_room(pty)):
            or_(events, WRITABLE)
        ret(events)
