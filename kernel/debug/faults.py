"""Reports of exceptions: their names, and the meaning of their error codes."""

from collections.abc import Mapping
from enum import IntFlag
from typing import Any

from kernel.console.console import Console
from kernel.cpu.exceptions import EXCEPTIONS, Vector
from kernel.cpu.pagetable import PAGE
from kernel.cpu.trapframe import TrapFrame
from kernel.paging.walk import PageWalk
from pykasm import *

NAMES: Mapping[int, str] = {
    Vector.DIVIDE_ERROR: "divide error (#DE)",
    Vector.DEBUG: "debug (#DB)",
    Vector.NMI: "non-maskable interrupt (NMI)",
    Vector.BREAKPOINT: "breakpoint (#BP)",
    Vector.OVERFLOW: "overflow (#OF)",
    Vector.BOUND_RANGE: "bound range exceeded (#BR)",
    Vector.INVALID_OPCODE: "invalid opcode (#UD)",
    Vector.DEVICE_NOT_AVAILABLE: "device not available (#NM)",
    Vector.DOUBLE_FAULT: "double fault (#DF)",
    Vector.INVALID_TSS: "invalid TSS (#TS)",
    Vector.SEGMENT_NOT_PRESENT: "segment not present (#NP)",
    Vector.STACK: "stack fault (#SS)",
    Vector.GENERAL_PROTECTION: "general protection (#GP)",
    Vector.PAGE_FAULT: "page fault (#PF)",
    Vector.X87_FLOATING_POINT: "x87 floating-point exception (#MF)",
    Vector.ALIGNMENT_CHECK: "alignment check (#AC)",
    Vector.MACHINE_CHECK: "machine check (#MC)",
    Vector.SIMD_FLOATING_POINT: "SIMD floating-point exception (#XF)",
    Vector.VIRTUALIZATION: "virtualization exception (#VE)",
    Vector.CONTROL_PROTECTION: "control-protection exception (#CP)",
    Vector.HYPERVISOR_INJECTION: "hypervisor injection exception (#HV)",
    Vector.VMM_COMMUNICATION: "VMM communication exception (#VC)",
    Vector.SECURITY: "security exception (#SX)",
}
"""AMD64 APM vol. 2, table 8-1; #VE by Intel SDM vol. 3, table 6-1."""

SYSTEM_CONTROL_PORT = 0x61
"""The port that tells why an NMI came (Intel ICH9 data sheet, 13.7.1: NMI_SC)."""


class NmiStatus(IntFlag):
    """The register `SYSTEM_CONTROL_PORT`."""

    IOCHK = 1 << 6
    SERR = 1 << 7


NMI_CAUSES = {
    NmiStatus.IOCHK: "an error of a card on the bus (IOCHK#)",
    NmiStatus.SERR: "an error of memory or of PCI (SERR#)",
}

SELECTOR_VECTORS = (
    Vector.INVALID_TSS,
    Vector.SEGMENT_NOT_PRESENT,
    Vector.STACK,
    Vector.GENERAL_PROTECTION,
)
"""Those whose error code names a segment (8.4.1)."""


class PageFaultCode(IntFlag):
    """Error code of a page fault (AMD64 APM vol. 2, 8.4.2; SGX by Intel SDM vol. 3, 4.7)."""

    P = 1 << 0
    """The page was present: its permissions forbade the access."""
    RW = 1 << 1
    """It was a write."""
    US = 1 << 2
    """It was made in user mode."""
    RSV = 1 << 3
    """A reserved bit was set in a page table."""
    ID = 1 << 4
    """It was the fetch of an instruction."""
    PK = 1 << 5
    """A protection key forbade it."""
    SS = 1 << 6
    """It was made for a shadow stack."""
    SGX = 1 << 15
    """The rules of SGX forbade it."""


class SelectorCode(IntFlag):
    """Error code that names a segment (AMD64 APM vol. 2, 8.4.1)."""

    EXT = 1 << 0
    """An external event led to it."""
    IDT = 1 << 1
    """The index is that of a gate in the IDT."""
    TI = 1 << 2
    """The index is one in the LDT."""


SELECTOR_INDEX = 3
"""The lowest bit of the index in such a code."""


class Faults(Subsystem):
    """Print what an exception was, in words. Context: any."""

    names = rodata(
        Ptr[U8] * EXCEPTIONS, [NAMES.get(n, "reserved exception") for n in range(EXCEPTIONS)]
    )

    def __init__(self, console: Console, memory: PageWalk) -> None:
        self.console = console
        self.memory = memory

    @function
    def print(self, frame: Keep[Ptr[TrapFrame]]) -> None:
        """Print the exception of `frame`, and what its error code means."""
        vector = keep(frame.vector)
        with if_(vector >= EXCEPTIONS):
            self.console.print("unexpected interrupt, vector %u\n", vector)
            ret()
        self.console.print("%s, vector %u\n", self.names[vector], vector)
        with switch(vector):
            with case(Vector.NMI):
                tail(self._print_nmi_cause)
            with case(Vector.DEVICE_NOT_AVAILABLE):
                self.console.print("  code that has not asked for x87, SSE or AVX registers\n")
            with case(Vector.DOUBLE_FAULT):
                tail(self._print_double_fault, frame.rsp)
            with case(*SELECTOR_VECTORS):
                tail(self._print_selector, frame.error_code)
            with case(Vector.PAGE_FAULT):
                tail(self._print_page_fault, frame.error_code)

    @function
    def _print_nmi_cause(self) -> None:
        """Print what the board says of an NMI."""
        in_(al, SYSTEM_CONTROL_PORT)
        with if_(al == 0xFF):  # nothing answers there
            ret()
        cause = keep(U32)
        movzx(cause, al)
        for flag, words in NMI_CAUSES.items():
            with if_(cause & flag):
                self.console.print(f"  {words}\n")
        with if_((cause & (NmiStatus.SERR | NmiStatus.IOCHK)) == 0):
            self.console.print("  no error of the board: a watchdog, or somebody asked for it\n")

    @function
    def _print_double_fault(self, stack: Keep[U64]) -> None:
        """Print that the stack, with rsp at `stack`, has overflowed, if that is why the first fault
        could not be handled."""
        # The first fault was a page fault, as its frame did not fit: CR2 has where.
        mov(rax, cr2)
        address = keep(rax)
        with if_(self.is_overflow(address, stack)):
            self.console.print("  stack overflow: %p is in a guard page\n", address)

    @function
    def _print_page_fault(self, code: Keep[U64]) -> None:
        """Print who accessed which address how, why that was a fault, and the error `code`."""
        mov(rax, cr2)
        address = keep(rax)
        who = self._choose((code & PageFaultCode.US, "user code"), otherwise="the kernel")
        did = self._choose(
            (code & PageFaultCode.ID, "executed"),
            (code & PageFaultCode.RW, "wrote to"),
            otherwise="read from",
        )
        why = self._choose(
            ((code & PageFaultCode.P) == 0, "is not mapped"),
            (code & PageFaultCode.RSV, "is mapped with reserved bits set"),
            otherwise="is mapped without that permission",
        )
        self.console.print("  %s %s %p, which %s\n", who, did, address, why)
        self._print_flags(code, PageFaultCode)
        with if_(address < PAGE):
            self.console.print("  null pointer\n")

    @inline
    def _choose(self, *choices: tuple[Any, str], otherwise: str) -> Ptr[U8]:
        """Return the words of the first choice whose condition holds."""
        words = keep(Ptr[U8])
        mov(words, text(otherwise))
        # The last one first: those before it then overwrite what it gave.
        for condition, choice in reversed(choices):
            with if_(condition):
                mov(words, text(choice))
        return words

    @function
    def _print_selector(self, code: Keep[U64]) -> None:
        """Print an error `code` that names a segment or a gate, and which."""
        self._print_flags(code, SelectorCode)
        with if_(code != 0):
            mov(rax, code)
            shr(rax, SELECTOR_INDEX)
            self.console.print("  entry %u of the descriptor table\n", rax)

    @inline(changes=CALLER_SAVED)
    def _print_flags(self, code: U64, flags: type[IntFlag]) -> None:
        """Print an error code in hexadecimal and by the names of its `flags`."""
        self.console.print("  error code 0x%x", code)
        for flag in flags:
            with if_(code & flag):
                self.console.print(f" {flag.name}")
        self.console.print("\n")

    @function
    def is_overflow(self, address: Keep[U64], stack: U64) -> Bool:
        """Return whether `address` lies in the guard page of the stack with rsp at `stack`: a page
        that is not mapped, below one that is, and to which the next push goes."""
        same_page = stack
        dec(same_page)
        xor(same_page, address)
        with if_(same_page >= PAGE):
            ret(False)
        with if_(self.memory.is_mapped(address)):
            ret(False)
        and_(address, -PAGE)
        add(address, PAGE)
        tail(self.memory.is_mapped, address)
