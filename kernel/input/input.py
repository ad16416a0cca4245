"""Reading what people type."""

from __future__ import annotations

from kernel.input.source import LOW, Source
from pykasm import *


class Input(Subsystem):
    """All sources as one. One thread reads."""

    sources = bss(Ptr[Source])
    """A list, the latest first. Sources stay for ever."""

    @function
    def add(self, source: Ptr[Source]) -> None:
        """Read from `source` too. Context: one at a time; the reader may be reading."""
        mov(rax, self.sources)
        mov(source.next, rax)
        mov(self.sources, source)

    @function
    def read(self) -> U8:
        """Wait for a byte. Context: the one thread that reads, interrupts on.

        The processor halts while there is none: between the look and the halt no interrupt can
        come, as `sti` takes effect only behind the instruction that follows it (AMD64 APM vol. 3,
        STI).
        """
        source = keep(Ptr[Source])
        with loop():
            cli()
            mov(source, self.find())
            break_if(source != 0)
            sti()
            hlt()
        sti()
        byte = keep(U8)
        source.queue.take(byte)
        self.let_go_on(source)
        ret(byte)

    @function
    def find(self) -> Ptr[Source]:
        """A source that has a byte, or null."""
        source = scratch(self.sources)
        with while_(source != 0):
            source.queue.count(al)
            break_if(al != 0)
            mov(source, source.next)
        ret(source)

    @function
    def let_go_on(self, source: Ptr[Source]) -> None:
        """Let the device go on if it was stopped and enough was read."""
        source.queue.count(al)
        with if_(al > LOW):
            ret()
        xor(eax, eax)
        xchg(source.stopped, eax)
        with if_(eax != 0):
            source.resume(source)
