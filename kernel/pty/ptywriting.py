"""Writing what a pseudo-terminal takes as typed."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.file import File
from kernel.fs.iovector import IoVector
from kernel.fs.iovectors import IoVectors
from kernel.fs.openflag import OpenFlag
from kernel.pty.pseudoterminal import PseudoTerminal
from kernel.sched.thread import INTERRUPTIBLE
from kernel.sched.waiting import FOREVER
from kernel.sync.pollqueues import PollQueues
from kernel.tty.terminaltyping import TerminalTyping
from pykasm import *


class PtyWriting(Subsystem):
    """Writes as the master. Context: thread."""

    def __init__(self, typing: TerminalTyping, vectors: IoVectors, queues: PollQueues) -> None:
        self.typing = typing
        self.vectors = vectors
        self.queues = queues

    @function(context="thread", sleeps=True)
    def write(
        self, file: Keep[Ptr[File]], vector: Keep[Ptr[IoVector]], position: Ptr[U64]
    ) -> OrErrno[I64]:
        """Type all, as `WriteFile` says. Returns how much was, where something ended it; -EAGAIN,
        -ERESTARTSYS or -EFAULT if nothing was."""
        self.vectors.write_in_pieces(file, vector, self._write_piece)

    @function(context="thread", sleeps=True)
    def _write_piece(
        self, file: Keep[Ptr[File]], bytes: Keep[Ptr[U8]], length: U64
    ) -> OrErrno[I64]:
        """Type `length` bytes of the kernel's. Returns how many were, or an error."""
        left, total, done, noted = keep(length), local(U64), keep(I64), local(U64)
        mov(total, length)
        with loop():
            pty = scratch(cast(file.private, Ptr[PseudoTerminal]))
            mov(noted, self.queues.note(pty.typist))
            pty = scratch(cast(file.private, Ptr[PseudoTerminal]))
            mov(done, i64(self.typing.type(pty, bytes, left)))
            add(u64(bytes), done)
            sub(left, done)
            break_if(left == 0)
            continue_if(done != 0)
            mov(done, -Errno.EAGAIN)
            break_if(file.flags & OpenFlag.NONBLOCK)
            pty = scratch(cast(file.private, Ptr[PseudoTerminal]))
            waited = self.queues.wait(address_of(pty.typist), noted, FOREVER, INTERRUPTIBLE)
            mov(done, -Errno.ERESTARTSYS)
            break_if(waited != 0)
        mov(rax, total)
        sub(rax, left)
        with if_(rax == 0):
            ret(done)
        ret(i64(rax))
