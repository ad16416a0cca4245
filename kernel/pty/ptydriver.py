"""What is behind the slave of a pseudo-terminal: bytes that wait for the master."""

from __future__ import annotations

from kernel.pty.pseudoterminal import CONTENTS_MASK, CONTENTS_SIZE, PseudoTerminal
from kernel.sync.pollqueue import READABLE
from kernel.sync.pollqueues import PollQueues
from kernel.tty.terminal import OUTPUT_SIZE, Terminal
from pykasm import *


class PtyDriver(Subsystem):
    """Keeps what is written until the master reads it. Context: thread."""

    def __init__(self, queues: PollQueues) -> None:
        self.queues = queues

    @function
    def room(self, terminal: Ptr[Terminal]) -> U32:
        """Return how many bytes there is room for, as `OutputRoom` says. It does not become less
        until `send`, as that is called by nobody else meanwhile."""
        pty = scratch(cast(terminal, Ptr[PseudoTerminal]))
        mov(rax, pty.taken)
        sub(rax, pty.written)
        add(rax, CONTENTS_SIZE)
        mov(ecx, OUTPUT_SIZE)
        with if_(rax > rcx):
            mov(eax, ecx)
        ret(eax)

    @function(context="thread")
    def send(self, terminal: Keep[Ptr[Terminal]], bytes: Ptr[U8], length: U32) -> None:
        """Keep bytes, as `SendOutput` says, and tell the master."""
        pty, source = scratch(cast(terminal, Ptr[PseudoTerminal])), scratch(bytes)
        left = scratch(length)
        with pty.contents_lock.held(), while_(left != 0):
            mov(rax, pty.written)
            and_(eax, CONTENTS_MASK)
            mov(cl, at(source))
            mov(pty.contents[rax], cl)
            inc(pty.written)
            inc(u64(source))
            dec(left)
        tail(self.queues.announce, address_of(terminal.typist), READABLE)

    @function
    def take(self, pty: Ptr[PseudoTerminal], place: Ptr[U8], most: U64) -> U64:
        """Move up to `most` bytes to `place`. Returns how many there were."""
        total = local(U64)
        mov(total, most)
        pty, place, left = scratch(pty), scratch(place), scratch(most)
        with pty.contents_lock.held(), while_(left != 0):
            mov(rax, pty.taken)
            break_if(rax == pty.written)
            and_(eax, CONTENTS_MASK)
            mov(cl, pty.contents[rax])
            mov(at(place), cl)
            inc(pty.taken)
            inc(u64(place))
            dec(left)
        mov(rax, total)
        sub(rax, left)
        ret(rax)

    @function
    def count(self, pty: Ptr[PseudoTerminal]) -> U32:
        """Return how many bytes wait for the master."""
        mov(rax, pty.written)
        sub(rax, pty.taken)
        ret(eax)
