"""What the processor can do, as CPUID tells (AMD64 APM vol. 3, appendix E; Intel SDM vol. 2A)."""

from enum import IntEnum, IntFlag

from pykasm import *

LEAST_PHYSICAL_BITS = 36
"""Of a processor that does not tell (Intel SDM vol. 3A, 4.1.4)."""


APIC_ID_SHIFT = 24
"""`Leaf.BASIC` has the local APIC's number in ebx[31:24] (AMD64 APM vol. 3, E.3.2)."""


class Leaf(IntEnum):
    """Numbers of CPUID functions."""

    HIGHEST = 0
    """eax: the highest number below `HIGHEST_EXTENDED`."""
    BASIC = 1
    STRUCTURED = 7
    TOPOLOGY = 0xB
    """edx: the number of the local APIC in 32 bits, if ebx is not 0 (Intel SDM vol. 2A)."""
    EXTENDED_STATE = 0xD
    """Subleaf 0, eax: the components that XSAVE knows, as in XCR0."""
    HIGHEST_EXTENDED = 0x8000_0000
    """eax: the highest number from here on."""
    EXTENDED = 0x8000_0001
    BRAND = 0x8000_0002
    """This and the next two: what the processor is called, in all four registers."""
    CACHE = 0x8000_0006
    """ecx: KiB of the second cache in the high 16 bits."""
    POWER = 0x8000_0007
    SIZES = 0x8000_0008
    """eax: bits of a physical address in the low 8."""


class Basic(IntFlag):
    """edx of `Leaf.BASIC`."""

    FPU = 1 << 0
    TSC = 1 << 4
    MSR = 1 << 5
    PAE = 1 << 6
    MCE = 1 << 7
    """There are machine-check exceptions."""
    APIC = 1 << 9
    PGE = 1 << 13
    MCA = 1 << 14
    """There are the registers of the machine-check architecture."""
    CMOV = 1 << 15
    PAT = 1 << 16
    """There is the register `Msr.PAT`."""
    FXSR = 1 << 24
    SSE = 1 << 25
    SSE2 = 1 << 26
    HTT = 1 << 28
    """A package may have several processors."""


class BasicMore(IntFlag):
    """ecx of `Leaf.BASIC`."""

    TSC_DEADLINE = 1 << 24
    XSAVE = 1 << 26
    RDRAND = 1 << 30
    HYPERVISOR = 1 << 31
    """This is a virtual machine (AMD64 APM vol. 3, E.3.2)."""


class Structured(IntFlag):
    """ebx of `Leaf.STRUCTURED`."""

    FSGSBASE = 1 << 0
    SMEP = 1 << 7
    SMAP = 1 << 20


class StructuredMore(IntFlag):
    """ecx of `Leaf.STRUCTURED`."""

    UMIP = 1 << 2


class ExtendedStateMore(IntFlag):
    """eax of `Leaf.EXTENDED_STATE`, subleaf 1."""

    XSAVEOPT = 1 << 0


class Extended(IntFlag):
    """edx of `Leaf.EXTENDED`."""

    SYSCALL = 1 << 11
    """Of Intel's processors, only 64-bit code sees it (Intel SDM vol. 2A, CPUID)."""
    NX = 1 << 20
    PAGE_1GB = 1 << 26
    LONG_MODE = 1 << 29


class AdvancedPower(IntFlag):
    """edx of `Leaf.POWER`."""

    INVARIANT_TSC = 1 << 8
    """The time-stamp counter never changes its rate or stops."""


class CpuidAnswer(Struct):
    """The registers after CPUID."""

    a: U32
    b: U32
    c: U32
    d: U32


ANSWER = ("a", "b", "c", "d")
"""Its fields."""


class Features(Subsystem):
    """The answers of CPUID that the kernel asks for, each a flag set; nothing else runs CPUID.

    The processors of one machine are taken to be alike in these.
    """

    basic = bss(U32)
    basic_more = bss(U32)
    structured = bss(U32)
    structured_more = bss(U32)
    extended_state = bss(U32)
    extended_state_more = bss(U32)
    extended = bss(U32)
    power = bss(U32)
    physical_bits = bss(U32)
    """Bits that a physical address has."""

    @function(init=True)
    def read(self) -> None:
        """Ask the processor. Must come before anything that looks at the flags."""
        push(rbx)  # belongs to the caller, and cpuid writes it
        mov(eax, Leaf.HIGHEST)
        cpuid()
        with if_(eax >= Leaf.STRUCTURED):
            mov(eax, Leaf.STRUCTURED)
            xor(ecx, ecx)
            cpuid()
            mov(self.structured, ebx)
            mov(self.structured_more, ecx)
        mov(eax, Leaf.BASIC)
        cpuid()
        mov(self.basic, edx)
        mov(self.basic_more, ecx)
        with if_(ecx & BasicMore.XSAVE):
            self._read_extended_state()
        mov(eax, Leaf.EXTENDED)
        cpuid()
        mov(self.extended, edx)
        mov(eax, Leaf.HIGHEST_EXTENDED)
        cpuid()
        with if_(eax >= Leaf.POWER):
            mov(eax, Leaf.POWER)
            cpuid()
            mov(self.power, edx)
        self._read_sizes()
        pop(rbx)

    @function
    def ask(self, leaf: U32, subleaf: U32, answer: Ptr[CpuidAnswer]) -> None:
        """Fill in `answer` with what the processor tells; with 0 where it has no such `leaf`."""
        wanted, detail, told = r8d, r9d, cast(r10, Ptr[CpuidAnswer])
        mov(wanted, leaf)
        mov(detail, subleaf)
        mov(r10, answer)
        for name in ANSWER:
            mov(getattr(told, name), 0)
        push(rbx)  # belongs to the caller, and cpuid writes it
        mov(eax, wanted)
        and_(eax, Leaf.HIGHEST_EXTENDED)
        cpuid()
        with if_(eax >= wanted):
            mov(eax, wanted)
            mov(ecx, detail)
            cpuid()
            for name, register in zip(ANSWER, (eax, ebx, ecx, edx), strict=True):
                mov(getattr(told, name), register)
        pop(rbx)

    @inline(changes=(rax, rcx, rdx, rbx))
    def _read_sizes(self) -> None:
        """Ask how long addresses are."""
        mov(self.physical_bits, LEAST_PHYSICAL_BITS)
        mov(eax, Leaf.HIGHEST_EXTENDED)
        cpuid()
        with if_(eax >= Leaf.SIZES):
            mov(eax, Leaf.SIZES)
            cpuid()
            movzx(eax, al)
            mov(self.physical_bits, eax)

    @inline(changes=(rax, rcx, rdx, rbx))
    def _read_extended_state(self) -> None:
        """Ask what XSAVE can do."""
        mov(eax, Leaf.EXTENDED_STATE)
        xor(ecx, ecx)
        cpuid()
        mov(self.extended_state, eax)
        mov(eax, Leaf.EXTENDED_STATE)
        mov(ecx, 1)
        cpuid()
        mov(self.extended_state_more, eax)
