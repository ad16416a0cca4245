"""The processor's own defences of the kernel."""

from kernel.cpu.control import Cr4, Msr
from kernel.cpu.features import Basic, Features, Structured, StructuredMore
from pykasm import *

PAT_SHIFT = 8
"""The bits of a kind of memory in `Msr.PAT` (AMD64 APM vol. 2, 7.8.2)."""
WRITE_COMBINING = 1
"""The kind of memory whose stores are combined and that is not cached (7.8.2, table 7-9)."""

USER_MEMORY_OPEN = PairedState("access to user memory")


class Protection(Subsystem):
    """Switches on what CPUID shows; `Cr0.WP` is on from the start, NX with the page tables."""

    def __init__(self, features: Features) -> None:
        self.features = features

    @function(init=True)
    def enable(self) -> None:
        """Set the bits of CR4 that this processor has. Its page tables are the final ones."""
        features = self.features
        with if_(features.basic & Basic.PAT):
            self._combine_writes()
        mov(rax, cr4)
        or_(rax, Cr4.PGE)  # every processor with long mode has it
        for word, feature, bit in (
            (features.structured, Structured.SMEP, Cr4.SMEP),
            (features.structured, Structured.SMAP, Cr4.SMAP),
            (features.structured_more, StructuredMore.UMIP, Cr4.UMIP),
        ):
            with if_(word & feature):
                or_(rax, bit)
        # At once: the processor faults at code that it does not want from here. PGE flushes the
        # TLB, and so what that says of kinds of memory (AMD64 APM vol. 2, 5.5.2).
        mov(cr4, rax)

    @inline(changes=(rax, rcx, rdx))
    def _combine_writes(self) -> None:
        """Have `PageFlags.WRITE_THROUGH`, without `CACHE_DISABLE`, stand for memory whose stores
        are combined, as Linux does. Where there is no PAT it stays written through."""
        mov(ecx, Msr.PAT)
        rdmsr()
        and_(eax, ~(((1 << PAT_SHIFT) - 1) << PAT_SHIFT))  # the second kind, of the flag alone
        or_(eax, WRITE_COMBINING << PAT_SHIFT)
        wrmsr()

    @inline
    def open_user_memory(self) -> None:
        """Allow accesses to the pages of programs (set AC), up to `close_user_memory`."""
        begins(USER_MEMORY_OPEN)
        with if_(self.features.structured & Structured.SMAP):
            stac()

    @inline
    def close_user_memory(self) -> None:
        """Forbid them again."""
        ends(USER_MEMORY_OPEN)
        self.forbid_user_memory()

    @inline
    def forbid_user_memory(self) -> None:
        """Forbid accesses to the pages of programs (clear AC), whether they are allowed or not."""
        with if_(self.features.structured & Structured.SMAP):
            clac()
