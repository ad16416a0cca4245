"""Check that the processor can run the kernel."""

from typing import Any

from kernel.boot.failure import BootFailure, failure_message
from kernel.cpu.control import RFlags
from kernel.cpu.features import Basic, Extended, Leaf
from pykasm import *

USES = {
    Basic.FPU: "switching threads",
    Basic.TSC: "the clock",
    Basic.MSR: "64-bit mode",
    Basic.PAE: "64-bit mode",
    Basic.PGE: "paging",
    Basic.CMOV: "64-bit code",
    Basic.FXSR: "switching threads",
    Basic.SSE: "switching threads",
    Basic.SSE2: "the clock",
}
"""What the kernel takes for granted that processors with long mode have, and what for."""


class CpuChecks(Subsystem):
    """Check the processor for what the kernel needs, before any of it is used."""

    no_cpuid = failure_message("the processor has no CPUID instruction (x86-64 is needed)")
    no_long_mode = failure_message("the processor has no 64-bit mode (x86-64 is needed)")
    no_apic = failure_message("the processor has no local APIC that is switched on")

    def __init__(self, failure: BootFailure) -> None:
        self.failure = failure
        self.messages = {
            feature: failure_message(f"the processor has no {feature.name} ({use} needs it)")
            for feature, use in USES.items()
        }

    @naked(bits=32, boot=True)
    def run(self) -> None:
        """Return if there is all that the kernel takes for granted, else stop with a message.

        Context: protected mode without paging. Changes eax, ecx and edx.
        """
        # cpuid changes ebx, in which the loader's information is
        push(ebx)
        self._require_cpuid()
        self._require_long_mode()
        self._require_basic()
        pop(ebx)
        ret()

    @inline(changes=(rax, rcx))
    def _require_cpuid(self) -> None:
        """Require that the ID flag can be changed, as it can where there is CPUID."""
        pushfd()
        pop(eax)
        mov(ecx, eax)
        xor(eax, RFlags.ID)
        push(eax)
        popfd()
        pushfd()
        pop(eax)
        push(ecx)
        popfd()  # the flags as they were
        xor(eax, ecx)
        self._require(eax & RFlags.ID, self.no_cpuid)

    @inline(changes=(rax, rcx, rdx, rbx))
    def _require_long_mode(self) -> None:
        """Require the extended leaf, and in it long mode (AMD64 APM vol. 3, E.4.2)."""
        mov(eax, Leaf.HIGHEST_EXTENDED)
        cpuid()
        self._require(eax >= Leaf.EXTENDED, self.no_long_mode)
        mov(eax, Leaf.EXTENDED)
        cpuid()
        self._require(edx & Extended.LONG_MODE, self.no_long_mode)

    @inline(changes=(rax, rcx, rdx, rbx))
    def _require_basic(self) -> None:
        """Require a local APIC that the firmware has not disabled, and all in `USES` (AMD64 APM
        vol. 3, E.3.2)."""
        mov(eax, Leaf.BASIC)
        cpuid()
        self._require(edx & Basic.APIC, self.no_apic)
        for feature, message in self.messages.items():
            self._require(edx & feature, message)

    @inline
    def _require(self, condition: Any, message: object) -> None:
        """Stop with `message` unless `condition` holds."""
        with if_(~condition):
            mov(ebx, u32[esp])
            mov(esi, physical(message))
            jmp(self.failure.stop)
