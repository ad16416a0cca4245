"""Where boot loaders enter, and the way from there to 64-bit code at the kernel's addresses."""

from kernel.boot import multiboot2, pvh
from kernel.boot.checks import CpuChecks
from kernel.boot.failure import BootFailure, failure_message
from kernel.boot.longmode import enter_higher_half, enter_long_mode
from kernel.boot.protocol import Protocol
from kernel.boot.tables import BootTables
from kernel.clock.boottimer import BootTimer
from kernel.cpu.stack import STACK_SIZE
from kernel.cpu.stacks import Stacks
from kernel.start.init import Init
from pykasm import *
from pykasm.objects.debug import EntryFrame


class Start(Subsystem):
    """The first code to run. Loaders enter in 32-bit protected mode without paging, with flat
    segments, interrupts off, and the physical address of their information in ebx."""

    not_multiboot2 = failure_message("the loader entered as by Multiboot2, but its magic is wrong")
    not_pvh = failure_message("the loader entered as by PVH, but its start info has no magic")

    def __init__(
        self,
        boot_timer: BootTimer,
        stacks: Stacks,
        checks: CpuChecks,
        tables: BootTables,
        failure: BootFailure,
        init_: Init,
    ) -> None:
        self.boot_timer = boot_timer
        self.stacks = stacks
        self.checks = checks
        self.tables = tables
        self.failure = failure
        self.init_ = init_
        self.multiboot2_header = header(multiboot2.Multiboot2Header, multiboot2.image_header())
        self.pvh_note = note(pvh.EntryNote, pvh.entry_note(self.pvh))

    @entry(bits=32)
    def multiboot2(self) -> None:
        """Start from a Multiboot2 loader, with its magic in eax (3.3)."""
        mov(ebp, Protocol.MULTIBOOT2)  # where neither cpuid nor the checks put anything
        with if_(eax != multiboot2.LOADER_MAGIC):
            xor(ebx, ebx)  # which can be anything
            mov(esi, physical(self.not_multiboot2))
            jmp(self.failure.stop)
        jmp(self.enter_long_mode)

    @entry(bits=32)
    def pvh(self) -> None:
        """Start from a PVH loader, with ebx pointing to a `StartInfo`."""
        mov(ebp, Protocol.PVH)
        mov(esi, physical(self.not_pvh))
        cmp(u32[ebx + offsetof(pvh.StartInfo, "magic")], pvh.START_MAGIC)
        jne(self.failure.stop)
        self._clear_bss()
        jmp(self.enter_long_mode)

    @naked(bits=32, boot=True, entered=EntryFrame.NONE)
    def enter_long_mode(self) -> None:
        """Check the processor and enter long mode; keep ebx and ebp."""
        self.boot_timer.start()  # before anything else, so that all of the start is counted
        mov(esp, physical(self.stacks.boot.top))
        call(self.checks.run)
        enter_long_mode(self.tables, self.long_mode)

    @inline(changes=(rax, rcx, rdi))
    def _clear_bss(self) -> None:
        """Zero what the image leaves to the loader. A Multiboot2 loader reads the image at each
        start; QEMU's memory is as it was before a reset."""
        cld()
        xor(eax, eax)
        mov(edi, physical(symbol("bss_start")))
        mov(ecx, physical(symbol("bss_end")))
        sub(ecx, edi)
        add(ecx, sizeof(U32) - 1)
        shr(ecx, 2)
        rep.stosd()

    @naked(boot=True, entered=EntryFrame.NONE)
    def long_mode(self) -> None:
        """The first 64-bit code, still at its physical address."""
        enter_higher_half(self.higher_half)

    @naked(entered=EntryFrame.NONE, stack=STACK_SIZE)
    def higher_half(self) -> None:
        """The first code at the kernel's own addresses; a backtrace ends here."""
        lea(rsp, self.stacks.boot.top)
        mov(edi, ebp)
        mov(esi, ebx)
        xor(ebp, ebp)  # the end of backtraces
        call(self.init_.run)
