"""E028: an interrupt returns with something else on the stack, or in registers, than it found."""

from pykasm import *
from pykasm.objects.debug import EntryFrame


class Broken(Subsystem):
    """Saves two registers, and takes back one."""

    ticks = bss(U64)

    @naked(entered=EntryFrame.INTERRUPT)
    def run(self) -> None:
        """Count an interrupt."""
        push(rcx)
        push(rax)
        mov(eax, 1)
        lock.xadd(self.ticks, rax)
        pop(rax)
        iretq()


class Mended(Subsystem):
    """Takes back what it saves."""

    ticks = bss(U64)

    @naked(entered=EntryFrame.INTERRUPT)
    def run(self) -> None:
        """Count an interrupt."""
        push(rax)
        mov(eax, 1)
        lock.xadd(self.ticks, rax)
        pop(rax)
        iretq()
