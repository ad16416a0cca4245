"""The code that a woken processor starts with: from 16 bits to the kernel's addresses."""

from __future__ import annotations

from kernel.boot.longmode import enter_higher_half, enter_long_mode
from kernel.boot.tables import BootTables
from kernel.cpu.control import Cr0
from kernel.cpu.features import APIC_ID_SHIFT, Leaf
from kernel.cpu.pagetable import PAGE
from kernel.cpu.segments import FLAT_SEGMENTS, FlatSelector, FlatTablePointer
from kernel.cpu.stack import STACK_SIZE
from kernel.mm.freeranges import FreeRanges
from kernel.mm.kernelspace import KernelSpace
from kernel.paging.addresses import direct
from kernel.paging.entryformat import EntryFormat
from kernel.start.secondary import SecondaryStart
from pykasm import *
from pykasm.objects.debug import EntryFrame

REAL_MODE_END = 1 << 20
"""The end of the memory that 16-bit code reaches."""


CLOSED = 0xFFFF_FFFF
"""`StartParameters.expected` when no processor is expected any more."""

MOST_ARRIVALS = 512
"""Processors that can note their arrival."""


class StartParameters(Struct, packed=True):
    """The parameters of the 16-bit code, at the end of its page."""

    expected: U32
    """The number of the local APIC of the processor that may go on, plus 1; 0 for none. The
    processor takes it: so either it goes on, or the one that waits for it has taken it back, but
    not both."""
    arrived: U32
    """How many processors have come."""
    arrivals: Array[U32] = field(count=MOST_ARRIVALS)
    """The numbers of their local APICs, plus 1; 0 where one is just being noted."""
    segments: FlatTablePointer


PARAMETERS = PAGE - sizeof(StartParameters)
"""Their offset in the page, which begins with the code."""


class Trampoline(Subsystem):
    """A started processor runs 16-bit code at the beginning of a page below 1 MiB (Intel SDM vol.
    3A, 9.4.4). This is copied to such a page; the code of the other modes stays where it is linked,
    and is freed with all that only starting needs. The page is never freed, as a processor that was
    waited for in vain may still start there, to halt.
    """

    segments = boot(U64 * len(FLAT_SEGMENTS), FLAT_SEGMENTS, align=8)

    def __init__(
        self,
        tables: BootTables,
        free_ranges: FreeRanges,
        entries: EntryFormat,
        kernel: KernelSpace,
        secondary_start: SecondaryStart,
    ) -> None:
        self.tables = tables
        self.free_ranges = free_ranges
        self.entries = entries
        self.kernel = kernel
        self.secondary_start = secondary_start

    @naked(bits=16, boot=True, entered=EntryFrame.NONE)
    def _real_mode(self) -> None:
        """Wherever it was copied to, with the page's start in cs, and 0 in ip.

        All processors come at once, note that they are there, and wait until they are expected.
        """
        cli()
        mov(ax, cs)
        mov(ds, ax)
        self._find_own_number()
        parameters = cast(u8[PARAMETERS], StartParameters)
        inc(ebx)
        mov(eax, 1)
        lock.xadd(parameters.arrived, eax)
        with if_(eax < MOST_ARRIVALS):
            mov(u32[eax * sizeof(U32) + PARAMETERS + offsetof(StartParameters, "arrivals")], ebx)
        with loop():
            mov(eax, ebx)
            xor(ecx, ecx)
            lock.cmpxchg(parameters.expected, ecx)  # against the one that waits and takes it back
            break_if(ZF)
            with while_(eax == CLOSED):
                hlt()
            pause()
        lgdt(x48(parameters.segments))
        mov(eax, cr0)
        or_(eax, Cr0.PE)
        mov(cr0, eax)
        # Until CS is loaded, the processor still decodes 16-bit code.
        ljmp(far(FlatSelector.CODE, self._protected_mode, size=sizeof(U32)))

    @inline(changes=(rax, rbx, rcx, rdx, rsi))
    def _find_own_number(self) -> None:
        """Load ebx with the number of this processor's local APIC: that of leaf 0xB where there is
        one, else the 8 bits of leaf 1 (Intel SDM vol. 3A, 9.4.5)."""
        mov(eax, Leaf.BASIC)
        cpuid()
        shr(ebx, APIC_ID_SHIFT)
        mov(esi, ebx)
        xor(eax, eax)
        cpuid()
        with if_(eax >= Leaf.TOPOLOGY):
            mov(eax, Leaf.TOPOLOGY)
            xor(ecx, ecx)
            cpuid()
            with if_(ebx != 0):
                mov(esi, edx)
        mov(ebx, esi)

    @naked(bits=32, boot=True, entered=EntryFrame.NONE)
    def _protected_mode(self) -> None:
        """The 32-bit code, which is not copied: what is copied ends before it."""
        mov(eax, FlatSelector.DATA)
        mov(ds, eax)
        enter_long_mode(self.tables, self._long_mode)

    @naked(boot=True, entered=EntryFrame.NONE)
    def _long_mode(self) -> None:
        """The first 64-bit code, still at its physical address."""
        enter_higher_half(self._higher_half)

    @naked(entered=EntryFrame.NONE, stack=STACK_SIZE)
    def _higher_half(self) -> None:
        """The first code at the kernel's own addresses, without a stack that is mapped yet."""
        self.entries.enable_no_execute()  # before CR3: NX bits are reserved ones without it
        mov(rax, self.kernel.space.root)
        mov(cr3, rax)
        mov(rsp, self.secondary_start.thread)
        xor(ebp, ebp)  # backtraces end here
        call(self.secondary_start.run)

    @function(init=True)
    def install(self) -> U64:
        """Copy the code to a page below 1 MiB. Return its physical address, 0 if there is none."""
        start, end = self.free_ranges.find(PAGE)  # page 0 belongs to the firmware
        with if_((end == 0) | (start >= REAL_MODE_END)):
            ret(0)
        page = keep(start)
        mov(rdi, page)
        direct(rdi)
        mov(rsi, address_of(self._real_mode))
        mov(ecx, address_of(self._protected_mode))
        sub(ecx, esi)
        direct(rsi)
        rep.movsb()
        parameters = scratch(Ptr[StartParameters])
        self.parameters(page, parameters)
        mov(parameters.expected, 0)
        mov(parameters.arrived, 0)
        with for_(ecx, 0, MOST_ARRIVALS):
            mov(parameters.arrivals[rcx], 0)
        mov(parameters.segments.limit, sizeof(U64 * len(FLAT_SEGMENTS)) - 1)
        mov(eax, address_of(self.segments))
        mov(parameters.segments.base, eax)
        ret(page)

    @inline(changes="parameters")
    def parameters(self, page: U64, parameters: Ptr[StartParameters]) -> None:
        """Load the address of the parameters in the physical `page` into `parameters`."""
        mov(parameters, page)
        add(parameters, PARAMETERS)
        direct(u64(parameters))
