"""The processor's own defences of the kernel."""

from kernel.cpu.control import Cr4
from kernel.cpu.features import Features, Structured, StructuredMore
from pykasm import *

USER_MEMORY_OPEN = PairedState("access to user memory")


class Protection(Subsystem):
    """Switches on what CPUID shows; `Cr0.WP` is on from the start, NX with the page tables."""

    def __init__(self, features: Features) -> None:
        self.features = features

    @function(init=True)
    def enable(self) -> None:
        """Set the bits of CR4 that this processor has. Its page tables are the final ones."""
        features = self.features
        mov(rax, cr4)
        or_(rax, Cr4.PGE)  # every processor with long mode has it
        for word, feature, bit in (
            (features.structured, Structured.SMEP, Cr4.SMEP),
            (features.structured, Structured.SMAP, Cr4.SMAP),
            (features.structured_more, StructuredMore.UMIP, Cr4.UMIP),
        ):
            with if_(word & feature):
                or_(rax, bit)
        mov(cr4, rax)  # at once: the processor faults at code that it does not want from here

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
