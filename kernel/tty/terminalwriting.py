"""Writing to terminals."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.file import File
from kernel.fs.iovector import IoVector
from kernel.fs.iovectors import IoVectors
from kernel.fs.openflag import OpenFlag
from kernel.process.jobcontrol import JobControl
from kernel.sched.thread import INTERRUPTIBLE
from kernel.sched.waiting import FOREVER
from kernel.signals.signalnumber import Signal
from kernel.sync.mutex import Mutexes
from kernel.sync.pollqueues import PollQueues
from kernel.tty.terminal import Terminal, is_hung_up
from kernel.tty.terminaloutput import TerminalOutput
from kernel.tty.termios import LocalMode
from pykasm import *


class TerminalWriting(Subsystem):
    """Writes what programs write. Context: thread."""

    def __init__(
        self,
        output: TerminalOutput,
        vectors: IoVectors,
        queues: PollQueues,
        mutexes: Mutexes,
        jobs: JobControl,
    ) -> None:
        self.output = output
        self.vectors = vectors
        self.queues = queues
        self.mutexes = mutexes
        self.jobs = jobs

    @function(context="thread", sleeps=True)
    def write(
        self, file: Keep[Ptr[File]], vector: Keep[Ptr[IoVector]], position: Ptr[U64]
    ) -> OrErrno[I64]:
        """Write all, as `WriteFile` says. Returns how much was written, where something ended it;
        -EAGAIN, -ERESTARTSYS or -EFAULT if nothing was, -EIO if the terminal was hung up."""
        try_(self._check(file))
        self.vectors.write_in_pieces(file, vector, self._write_piece)

    @function(context="thread", sleeps=True)
    def _check(self, file: Ptr[File]) -> OrErrno[I64]:
        """Return 0 if the process may write, or what `JobControl.check` does: who is not in the
        foreground may not, in terminals with TOSTOP."""
        terminal, local = keep(cast(file.private, Ptr[Terminal])), keep(U32)
        with self.mutexes.held(terminal.lock):
            mov(local, terminal.modes.local)
        with if_((local & LocalMode.TOSTOP) == 0):
            ret(0)
        tail(self.jobs.check, address_of(terminal.job), Signal.SIGTTOU)

    @function(context="thread", sleeps=True)
    def _write_piece(
        self, file: Keep[Ptr[File]], bytes: Keep[Ptr[U8]], length: U64
    ) -> OrErrno[I64]:
        """Write `length` bytes of the kernel's. Returns how many were written, or an error."""
        left, total, done, noted = keep(length), local(U64), keep(I64), local(U64)
        mov(total, length)
        terminal = cast(file.private, Ptr[Terminal])
        with loop():
            queue = scratch(terminal)
            mov(noted, self.queues.note(queue.queue))
            mov(done, -Errno.EIO)
            break_if(is_hung_up(file))
            mov(done, i64(self._put(scratch(terminal), bytes, left)))
            add(u64(bytes), done)
            sub(left, done)
            break_if(left == 0)
            continue_if(done != 0)
            mov(done, -Errno.EAGAIN)
            break_if(file.flags & OpenFlag.NONBLOCK)
            queue = scratch(terminal)
            waited = self.queues.wait(address_of(queue.queue), noted, FOREVER, INTERRUPTIBLE)
            mov(done, -Errno.ERESTARTSYS)
            break_if(waited != 0)
        mov(rax, total)
        sub(rax, left)
        with if_(rax == 0):
            ret(done)
        ret(i64(rax))

    @function(context="thread", sleeps=True)
    def _put(self, terminal: Keep[Ptr[Terminal]], bytes: Keep[Ptr[U8]], length: Keep[U64]) -> U64:
        """Put as many of `length` bytes as there is room for. Returns how many."""
        total = keep(length)
        with self.mutexes.held(terminal.lock):
            self.output.begin(terminal)
            with while_(length != 0):
                break_if(~self.output.put(terminal, at(bytes)))
                inc(bytes)
                dec(length)
            self.output.finish(terminal)
        sub(total, length)
        ret(total)
