"""How long it takes to start."""

from pykasm import *


class BootTimer(Subsystem):
    """Counts the ticks of the time-stamp counter from the loader's jump to the first prompt."""

    start = data(U64, 0)
    """The counter when the loader jumped here; not in `.bss`, which is cleared after that."""
    elapsed = bss(U64)
    """Ticks until the first prompt; 0 before it."""

    def begin(self) -> None:
        """Note the time, in 32-bit code before paging. Changes eax, edx and edi."""
        rdtsc()
        mov(edi, physical(self.start))
        mov(u32[edi], eax)
        mov(u32[edi + sizeof(U32)], edx)

    @function
    def stop(self) -> None:
        """Take the time; called again it changes nothing."""
        with if_(self.elapsed == 0):
            rdtsc()
            shl(rdx, 32)
            or_(rax, rdx)
            sub(rax, self.start)
            mov(self.elapsed, rax)
