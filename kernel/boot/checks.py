"""Whether this machine can run the kernel at all."""

from typing import Any

from kernel.boot.failure import BootFailure, complaint
from kernel.cpu.control import RFlags
from kernel.cpu.features import Basic, Extended, Leaf
from pykasm import *


class Checks(Subsystem):
    """Looks at the processor before anything that it may not have is used."""

    no_cpuid = complaint("the processor has no CPUID instruction (x86-64 is needed)")
    no_long_mode = complaint("the processor has no 64-bit mode (x86-64 is needed)")
    no_apic = complaint("the processor has no local APIC that is switched on")

    def __init__(self, failure: BootFailure) -> None:
        self.failure = failure

    @naked(bits=32, boot=True)
    def processor(self) -> None:
        """Come back only if there are long mode and a local APIC; changes eax to edx."""
        push(ebx)
        self._cpuid()
        self._long_mode()
        self._apic()
        pop(ebx)
        ret()

    def _cpuid(self) -> None:
        """A processor without CPUID does not let the ID flag be changed."""
        pushfd()
        pop(eax)
        mov(ecx, eax)
        xor(eax, RFlags.ID)
        push(eax)
        popfd()
        pushfd()
        pop(eax)
        push(ecx)
        popfd()
        xor(eax, ecx)
        self._insist(eax & RFlags.ID, self.no_cpuid)

    def _long_mode(self) -> None:
        mov(eax, Leaf.HIGHEST_EXTENDED)
        cpuid()
        self._insist(eax >= Leaf.EXTENDED, self.no_long_mode)
        mov(eax, Leaf.EXTENDED)
        cpuid()
        self._insist(edx & Extended.LONG_MODE, self.no_long_mode)

    def _apic(self) -> None:
        mov(eax, Leaf.BASIC)
        cpuid()
        self._insist(edx & Basic.APIC, self.no_apic)

    def _insist(self, condition: Any, message: object) -> None:
        with if_(~condition):
            mov(esi, physical(message))
            jmp(self.failure.stop)
