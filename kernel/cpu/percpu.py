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
        self.fill(address_of(symbol("first_percpu_start")))
        tail(self.use, address_of(symbol("first_percpu_start")), 0)

    @function(init=True)
    def fill(self, block: U64) -> None:
        """Make the `percpu_size` bytes at `block` a copy of the template."""
        mov(rsi, address_of(symbol("percpu_start")))
        mov(rcx, address_of(symbol("percpu_size")))
        rep.movsb()

    @function(init=True)
    def use(self, block: U64, number: U32) -> None:
        """Point GS of this processor at `block`, and store its `number` there."""
        mov(rax, block)
        mov(rdx, block)
        shr(rdx, 32)
        mov(ecx, Msr.GS_BASE)  # wrgsbase would need CR4.FSGSBASE, which not all have
        wrmsr()
        mov(self.block, block)
        mov(self.number, number)

    @inline(changes="register")
    def point_at(self, register: U64, variable: object) -> None:
        """Load `register` with the address of this processor's own `variable`."""
        mov(register, self.block)
        add(register, address_of(variable))

    @inline(changes="block")
    def point_into(self, block: U64, variable: object) -> None:
        """Turn the address of a processor's block, in the register `block`, into that of its
        `variable`."""
        add(block, address_of(variable))
