"""Panics: a report of what went wrong, after which nothing runs any more."""

from typing import Any, NoReturn

from kernel.boot.information import BootInformation
from kernel.console.console import Console
from kernel.cpu.features import APIC_ID_SHIFT, Leaf
from kernel.cpu.snapshot import push_frame
from kernel.cpu.stack import STACK_SIZE
from kernel.cpu.stacks import Stacks
from kernel.cpu.trapframe import TrapFrame
from kernel.debug.backtrace import Backtrace
from kernel.debug.emulator import ExitValue, leave_emulator
from kernel.debug.faults import Faults
from kernel.debug.reportheader import ReportHeader
from kernel.log.log import Log
from kernel.processors.stop import Stop
from kernel.text.colour import Colour
from kernel.text.symbols import Symbols
from pykasm import *
from pykasm.objects.debug import EntryFrame

ROWS = (
    ("rax", "rbx", "rcx", "rdx"),
    ("rsi", "rdi", "rbp", "rsp"),
    ("r8", "r9", "r10", "r11"),
    ("r12", "r13", "r14", "r15"),
    ("rip", "cs", "rflags", "ss"),
)
"""The registers of a TrapFrame as the report shows them."""

END = "panic: end of report"
"""The last line of a report."""


class Report(Fn[[U64, Ptr[TrapFrame]], Void]):
    """Prints the first lines of a report: of an argument, and the registers of the code that
    failed."""


class Panic(Subsystem):
    """Report a fault that the kernel can't continue after, and stop the machine.

    Context: any, with any lock held. The first processor reports, and any other one stops silently.
    If the report itself fails, the second entry only prints where, and the third one nothing.
    """

    reporter = bss(U32)
    """The local APIC's number, plus 1, of the processor that reports; 0 for none."""
    entries = bss(U32)
    """The number of times that this processor has entered."""

    def __init__(
        self,
        stacks: Stacks,
        console: Console,
        log: Log,
        symbols: Symbols,
        faults: Faults,
        report_header: ReportHeader,
        backtrace: Backtrace,
        information: BootInformation,
        stopping: Stop,
    ) -> None:
        self.stacks = stacks
        self.console = console
        self.log = log
        self.symbols = symbols
        self.faults = faults
        self.report_header = report_header
        self.backtrace = backtrace
        self.information = information
        self.stopping = stopping

    # Ways in

    @function
    def exception(self, frame: Ptr[TrapFrame]) -> NoReturn:
        """Report the exception of `frame`."""
        tail(self.enter, address_of(self._say_exception), 0, frame)
        never()

    @naked
    def stop(self, message: Ptr[U8]) -> NoReturn:
        """Report `message`, from the caller's place and with its registers."""
        self._enter_with_frame(self.say)
        never()

    @naked
    def assertion_failed(self, message: Ptr[U8]) -> NoReturn:
        """Report a failed `asserts`: `message` has its place and its text."""
        self._enter_with_frame(self._say_assertion)
        never()

    @inline
    def _enter_with_frame(self, report: Any) -> None:
        """Call `enter` with `report`, its argument from rdi, and the caller's registers."""
        push_frame()
        mov(rsi, rdi)
        mov(rdi, address_of(report))
        mov(rdx, rsp)
        call(self.enter)

    # How a report begins

    @function
    def enter(
        self, report: Keep[Report], argument: Keep[U64], frame: Keep[Ptr[TrapFrame]]
    ) -> NoReturn:
        """Make this processor the one that reports; `report(argument, frame)` prints the first
        lines.

        This runs on the stack of the code that failed, which may have little space left. A report
        that fails begins on the stack of reports anew, as it never goes on.
        """
        cli()
        processor = scratch(self.processor())
        inc(processor)
        xor(eax, eax)
        lock.cmpxchg(self.reporter, processor)  # eax: who reports already, if anybody does
        with if_(~ZF & (eax != processor)):
            tail(self.stopping.here)
        inc(self.entries)
        with if_(self.entries == 1):
            tail(self._run_on_own_stack, report, argument, frame)
        with if_(self.entries == 2):
            tail(self._report_again_on_own_stack, frame.rip)
        tail(self._leave)
        never()

    @naked(entered=EntryFrame.NONE, stack=STACK_SIZE)
    def _run_on_own_stack(self, report: Report, argument: U64, frame: Ptr[TrapFrame]) -> NoReturn:
        """Leave the stack of the code that failed for good. One processor comes here, once."""
        lea(rsp, self.stacks.panic.top)
        xor(ebp, ebp)  # the end of backtraces of the report
        call(self.run)
        never()

    @naked(entered=EntryFrame.NONE, stack=STACK_SIZE)
    def _report_again_on_own_stack(self, place: U64) -> NoReturn:
        """Leave what the report has on its stack for good."""
        lea(rsp, self.stacks.panic.top)
        xor(ebp, ebp)
        call(self._report_again)
        never()

    @function
    def run(
        self, report: Keep[Report], argument: Keep[U64], frame: Keep[Ptr[TrapFrame]]
    ) -> NoReturn:
        """Print the report, and leave."""
        self.stopping.others()  # first: what they hold may then be broken open
        self.log.break_lock()
        self.console.break_lock()
        self.symbols.check()  # before any are printed
        report(argument, frame)
        tail(self.finish, frame)
        never()

    # First lines of reports

    @function
    def _say_exception(self, _: U64, frame: Keep[Ptr[TrapFrame]]) -> None:
        """Print which exception it is."""
        self.console.print("\npanic: ", colour=Colour.LIGHT_RED)
        tail(self.faults.print, frame)

    @function
    def say(self, message: U64, frame: Ptr[TrapFrame]) -> None:
        """Print `message`, the address of a text."""
        self.console.print("\npanic: %s\n", cast(message, Ptr[U8]), colour=Colour.LIGHT_RED)

    @function
    def _say_assertion(self, message: U64, frame: Ptr[TrapFrame]) -> None:
        """Print which assertion failed."""
        self.console.print(
            "\npanic: assertion failed: %s\n", cast(message, Ptr[U8]), colour=Colour.LIGHT_RED
        )

    # The rest of reports

    @function
    def _report_again(self, place: Keep[U64]) -> NoReturn:
        """Print that the report itself failed at `place`, by as little code as possible."""
        self.console.break_lock()
        mov(rax, cr2)
        self.console.print(
            "\npanic: again, at 0x%x, cr2 0x%x, while this was reported\n", place, rax
        )
        self.console.print(END + "\n")
        tail(self._leave)
        never()

    @function
    def processor(self) -> U32:
        """Return the number of this processor's local APIC, by CPUID, as GS and the APIC may not
        work yet."""
        push(rbx)  # belongs to the caller, and cpuid writes it
        mov(eax, Leaf.BASIC)
        cpuid()
        mov(eax, ebx)
        pop(rbx)
        shr(eax, APIC_ID_SHIFT)
        ret(eax)

    @function
    def finish(self, frame: Keep[Ptr[TrapFrame]]) -> NoReturn:
        """Print place, registers and backtrace, and leave."""
        with if_(self.symbols.is_damaged != 0):
            self.console.print("  the table of symbols is damaged: places have no names\n")
        self.console.print("  at %p\n", frame.rip)
        self.print_registers(frame)
        self.console.print("backtrace\n")
        self.backtrace.print(frame)
        self.console.print(END + "\n")
        tail(self._leave)
        never()

    @function
    def print_registers(self, frame: Keep[Ptr[TrapFrame]]) -> None:
        """Print the registers of `frame`, the control registers, and this processor's thread."""
        for row in ROWS:
            values = [getattr(frame, name) for name in row]
            self.console.print(_row(row), *values)
        for register, into in ((cr0, rax), (cr2, rcx), (cr3, rdx), (cr4, rsi)):
            mov(into, register)
        self.console.print(_row(("cr0", "cr2", "cr3", "cr4")), rax, rcx, rdx, rsi)
        self.report_header.print(self.processor())

    @function
    def _leave(self) -> NoReturn:
        """Leave the emulator if the command line says that this is a test; else halt."""
        with if_(self.information.has_option(text("test"))):
            leave_emulator(ExitValue.PANIC)
        tail(self.stopping.halt)
        never()


def _row(names: tuple[str, ...]) -> str:
    """Return the format for a line of registers."""
    return "".join(f"  {name:<6} %016x" for name in names) + "\n"
