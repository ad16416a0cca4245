"""The block of variables that each processor has of its own, reached through GS."""

from kernel.cpu.control import Msr
from pykasm import *


class PerCpu(Subsystem):
    """Makes blocks from the template that the linker gathers of all `percpu` variables.

    A variable's address in the template is its offset in every block.
    """

    block = percpu(U64)
    """The address of this very block, for pointers to variables in it."""
    number = percpu(U32)
    """Which processor this is, counted from 0."""

    @function(init=True)
    def start_first(self) -> None:
        """Give the processor that starts the kernel its block, for which the image has room."""
        self.start(address_of(symbol("first_percpu_start")), 0)

    @function
    def start(self, block: U64, number: U32) -> None:
        """Fill `block` (`percpu_size` bytes) from the template and let this processor use it."""
        mov(rax, block)
        mov(r8d, number)
        mov(rdi, rax)
        mov(rsi, address_of(symbol("percpu_start")))
        mov(rcx, address_of(symbol("percpu_size")))
        rep.movsb()
        mov(rdx, rax)
        shr(rdx, 32)
        mov(ecx, Msr.GS_BASE)
        wrmsr()
        mov(self.block, rax)
        mov(self.number, r8d)

    def point_at(self, register: U64, variable: object) -> None:
        """Let `register` point at this processor's own `variable`, wherever its block lies."""
        mov(register, self.block)
        add(register, address_of(variable))
