"""How long the kernel takes to boot."""

from pykasm import *


class BootTimer(Subsystem):
    """Count the ticks of the time-stamp counter from the loader's jump to the first prompt."""

    start_ticks = data(U64, 0)
    """The counter when the loader jumped to the kernel. Not in `.bss`, which is cleared later."""
    elapsed_ticks = bss(U64)
    """Ticks until the first prompt; 0 before that."""

    @inline(changes=(rax, rdx, rdi))
    def start(self) -> None:
        """Note the counter, in 32-bit code before paging."""
        rdtsc()
        mov(edi, physical(self.start_ticks))
        mov(u32[edi], eax)
        mov(u32[edi + sizeof(U32)], edx)

    @function
    def stop(self) -> None:
        """Note the time since the start, the first time it is called."""
        with if_(self.elapsed_ticks == 0):
            rdtsc()
            shl(rdx, 32)
            or_(rax, rdx)
            sub(rax, self.start_ticks)
            mov(self.elapsed_ticks, rax)
