"""The way of what is typed to a terminal."""

from __future__ import annotations

from kernel.sync.mutex import Mutexes
from kernel.sync.pollqueue import READABLE, PollEvent
from kernel.sync.pollqueues import PollQueues
from kernel.tty.echo import Echo
from kernel.tty.lineinput import LineInput
from kernel.tty.terminal import Terminal
from pykasm import *


class TerminalTyping(Subsystem):
    """Hands bytes to terminals. Context: thread."""

    def __init__(self, input: LineInput, echo: Echo, queues: PollQueues, mutexes: Mutexes) -> None:
        self.input = input
        self.echo = echo
        self.queues = queues
        self.mutexes = mutexes

    @function(context="thread", sleeps=True)
    def type(self, terminal: Keep[Ptr[Terminal]], bytes: Keep[Ptr[U8]], length: U64) -> U64:
        """Type `length` bytes of the kernel's. Returns how many there was room for; reading
        announces room for the rest."""
        left, total = keep(length), local(U64)
        mov(total, length)
        with self.mutexes.held(terminal.lock):
            with while_(left != 0):
                with if_(~self.input.take(terminal, at(bytes))):
                    mov(terminal.is_full, 1)
                    break_()
                inc(bytes)
                dec(left)
            self.echo.show(terminal)
        self.queues.announce(address_of(terminal.queue), READABLE)
        self.queues.announce(address_of(terminal.typist), PollEvent.PRIORITY)
        mov(rax, total)
        sub(rax, left)
        ret(rax)
