"""The report of each way to crash: what, where, registers, who called."""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kernel.debug.panic import END
from kernel.monitor.commands.crash import CrashCommands
from pykasm.machine.gdb import Gdb
from pykasm.machine.images import Images
from pykasm.machine.pytest_plugin import MakeMachine
from pykasm.machine.qemu import PANIC_STATUS
from pykasm.machine.session import Machine
from pykasm.machine.symbols import SymbolTable
from tests.lines import line_of

Patch = Callable[[Machine, dict[int, int]], None]

REGISTER = re.compile(r"\b([a-z][a-z0-9]{1,5}) +([0-9a-f]{16})\b")
FRAME = re.compile(r"^  #(\d+) 0x([0-9a-f]{16})(?: <(\S+)\+0x[0-9a-f]+(?: (\S+))?>)?", re.MULTILINE)
UD2 = 0x0B0F
"""The instruction that is always invalid, as bytes of memory."""
INT3 = 0x90CC
"""A breakpoint, and an instruction that does nothing."""
PROLOGUE = 4
"""Bytes of `push rbp` and `mov rbp, rsp`."""
CALLERS = ["CrashCommands.crash", "Monitor._try_to_run", "Monitor.execute", "Monitor.run"]


@dataclass
class Report:
    """A panic's report, taken apart."""

    text: str
    registers: dict[str, int] = field(init=False)
    frames: list[tuple[str, str]] = field(init=False)
    """Function and `file:line` of each frame."""
    addresses: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.registers = {name: int(value, 16) for name, value in REGISTER.findall(self.text)}
        found = FRAME.findall(self.text)
        assert [int(number) for number, *_ in found] == list(range(len(found)))
        self.frames = [(function, source) for _, _, function, source in found]
        self.addresses = [int(address, 16) for _, address, *_ in found]


def crash(machine: Machine, kind: str) -> Report:
    """Crash the kernel in the way `kind` and return the report. QEMU must end."""
    machine.expect_prompt()
    machine.send_line(f"crash {kind}")
    assert machine.wait_exit() == PANIC_STATUS
    (report,) = re.findall(rf"^panic: .*?^{END}$", machine.output, re.DOTALL | re.MULTILINE)
    return Report(report)


@dataclass(frozen=True)
class Way:
    """What the report of `crash` says: its first lines, and the function and line at fault."""

    kind: str
    says: tuple[str, ...]
    function: str
    code: str


WAYS = (
    Way("div0", (r"divide error \(#DE\), vector 0",), "divide_by_zero", "div("),
    Way("ud", (r"invalid opcode \(#UD\), vector 6",), "invalid_opcode", "ud2("),
    Way(
        "gp",
        (r"general protection \(#GP\), vector 13", "error code 0x0"),
        "general_protection",
        "u64[rax]",
    ),
    Way(
        "sse",
        (
            r"device not available \(#NM\), vector 7",
            "code that has not asked for x87, SSE or AVX registers",
        ),
        "use_unasked",
        "pxor(",
    ),
    Way(
        "null",
        (
            r"page fault \(#PF\), vector 14",
            "the kernel read from 0x0000000000000000, which is not mapped",
            "error code 0x0",
            "null pointer",
        ),
        "null_read",
        "u64[rax]",
    ),
    Way(
        "stack",
        (
            r"double fault \(#DF\), vector 8",
            r"stack overflow: 0x[0-9a-f]{16} <Stacks.boot\+0xff8> is in a guard page",
        ),
        "stack_overflow",
        "push(",
    ),
    Way("tight", (r"invalid opcode \(#UD\), vector 6",), "use_most_of_stack", "ud2("),
    Way("double", (r"double fault \(#DF\), vector 8",), "double_fault", "push("),
    Way(
        "text",
        (
            r"page fault \(#PF\), vector 14",
            r"the kernel wrote to 0x[0-9a-f]{16} <CrashCommands.write_to_text\+0x0 \S+>,"
            " which is mapped without that permission",
            "error code 0x3 P RW",
        ),
        "write_to_text",
        "mov(u8[rax]",
    ),
    Way(
        "assert",
        (r"assertion failed: \S+/crash\.py:\d+: asserts\(eax == 1\)",),
        "fail_assertion",
        "asserts(",
    ),
    Way("masked", (r"invalid opcode \(#UD\), vector 6",), "crash_with_others_masked", "ud2("),
)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.kind)
def test_a_crash_is_reported_with_what_where_and_who_called(machine: MakeMachine, way: Way) -> None:
    report = crash(machine(), way.kind)
    at = rf"at 0x[0-9a-f]{{16}} <CrashCommands\.{way.function}\+0x[0-9a-f]+ (\S+)>"
    beginning = "panic: " + r"\n  ".join([*way.says, at]) + r"\n  rax "
    found = re.match(beginning, report.text)
    assert found, report.text
    place = line_of(CrashCommands, way.function, way.code)
    assert found[1] == place
    assert report.frames[0] == (f"CrashCommands.{way.function}", place)
    assert [function for function, _ in report.frames[1:5]] == CALLERS


LOCK_WAYS = (
    Way(
        "lock",
        (
            "a spin lock is taken by who holds it",
            "CrashCommands.first at 0x[0-9a-f]{16}, in PLACE",
            "processor 0 holds CrashCommands.first at 0x[0-9a-f]{16} since PLACE",
        ),
        "take_twice",
        "self.first.held(), self.first.held()",
    ),
    Way(
        "unlock",
        (
            "a spin lock is released by who does not hold it",
            "CrashCommands.first at 0x[0-9a-f]{16}, in PLACE",
        ),
        "release_free_lock",
        "self.first.release()",
    ),
    Way(
        "order",
        (
            "spin locks are taken in a wrong order",
            "CrashCommands.first is taken in PLACE",
            "while that was held, CrashCommands.second was taken in EARLIER",
            "which is held since PLACE",
        ),
        "take_in_both_orders",
        "self.second.held(), self.first.held()",
    ),
)


@pytest.mark.parametrize("way", LOCK_WAYS, ids=lambda way: way.kind)
def test_misuse_of_a_lock_is_reported_with_all_places(machine: MakeMachine, way: Way) -> None:
    report = crash(machine(), way.kind)
    earlier = line_of(CrashCommands, "take_in_both_orders", "self.first.held(), self.second.held()")
    says = "\n  ".join(way.says).replace("EARLIER", earlier)
    says = says.replace("PLACE", line_of(CrashCommands, way.function, way.code))
    assert re.match(rf"panic: {says}\n  at 0x", report.text), report.text
    functions = [function for function, _ in report.frames]
    crashed = functions.index(f"CrashCommands.{way.function}")
    assert functions[crashed + 1 : crashed + 5] == CALLERS


@pytest.mark.parametrize("way", [{"direct": False}, {"uefi": True}], ids=["bios", "uefi"])
def test_reports_are_the_same_whichever_way_the_kernel_started(
    machine: MakeMachine, way: dict[str, bool]
) -> None:
    report = crash(machine(**way), "null")
    place = line_of(CrashCommands, "null_read", "u64[rax]")
    assert report.frames[0] == ("CrashCommands.null_read", place)
    assert [function for function, _ in report.frames[1:5]] == CALLERS


def test_executing_data_is_reported_with_the_code_that_went_there(machine: MakeMachine) -> None:
    report = crash(machine(), "data")
    assert "the kernel executed 0x" in report.text
    assert "error code 0x11 P ID\n" in report.text
    caller = line_of(CrashCommands, "execute_data", "call(rax)")
    assert report.frames[:2] == [
        ("CrashCommands.code", ""),
        ("CrashCommands.execute_data", caller),
    ]
    assert [function for function, _ in report.frames[2:6]] == CALLERS


def test_a_stack_of_interrupts_that_runs_over_is_traced_to_what_was_interrupted(
    machine: MakeMachine,
) -> None:
    report = crash(machine(smp=2), "stack 1")
    functions = [function for function, _ in report.frames]
    assert "(interrupt 242)\n" in report.text
    assert functions[functions.index("Dispatcher.serve") + 1] == "MaskableInterrupts.handle"
    assert functions[-1] in ("Trampoline._higher_half", "Threads.begin", "Start.higher_half")
    assert report.text.startswith("panic: double fault (#DF), vector 8\n")
    place = f"0x{report.registers['cr2']:016x}"
    assert f"\n  stack overflow: {place} is in a guard page\n" in report.text
    assert "\n  thread 0 boot\n" not in report.text


def test_every_way_to_crash_is_tested() -> None:
    source = inspect.getsource(CrashCommands.__init__)
    ways = re.findall(r'"(\w+)": self\.', source)
    assert {*ways} == {"data", *(way.kind for way in (*WAYS, *LOCK_WAYS))}


def test_callers_are_shown_at_the_lines_of_their_calls(
    machine: MakeMachine, kernel_symbols: SymbolTable
) -> None:
    report = crash(machine(), "div0")
    assert report.frames[1][1] == line_of(CrashCommands, "crash", "way.run()")
    for address, (function, source) in zip(report.addresses, report.frames, strict=True):
        location = kernel_symbols.lookup(address)
        assert (location.symbol.name, str(location.source)) == (function, source)


def test_registers_are_those_of_the_moment(
    machine: MakeMachine, kernel_symbols: SymbolTable
) -> None:
    report = crash(machine(), "text")
    target = kernel_symbols.address("CrashCommands.write_to_text")
    assert report.registers["rax"] == report.registers["cr2"] == target
    assert report.registers["rip"] == report.addresses[0]
    assert report.registers["cs"] & 3 == 0
    assert report.registers["cr3"] % 4096 == 0
    stack = kernel_symbols.named("Stacks.boot")
    assert stack.address < report.registers["rsp"] < stack.address + stack.size
    assert report.registers["rsp"] <= report.registers["rbp"]
    assert "  cpu 0\n  thread 0 boot\n" in report.text


def test_a_failed_check_reports_the_callers_registers(
    machine: MakeMachine, kernel_symbols: SymbolTable
) -> None:
    report = crash(machine(), "assert")
    symbol = kernel_symbols.lookup(report.registers["rip"]).symbol
    assert symbol.name == "CrashCommands.fail_assertion"
    assert report.registers["rax"] == 0
    assert report.registers["rsp"] % 16 == 0


def test_without_test_on_the_command_line_a_panic_halts(machine: MakeMachine) -> None:
    halted = machine(command_line="")
    halted.expect_prompt()
    halted.send_line("crash ud")
    halted.expect(f"{END}\r\n")
    assert halted.qmp("query-status")["status"] == "running"
    assert "HLT=1" in halted.qmp("human-monitor-command", **{"command-line": "info registers"})


@pytest.fixture
def patch(kernel_images: Images) -> Patch:
    """Writes two bytes of code at each of some addresses into a machine made with `gdb=True`."""

    def write(machine: Machine, code: dict[int, int]) -> None:
        with Gdb(kernel_images.project.kernel, machine.gdb_address, Path.cwd()) as gdb:
            for address, contents in code.items():
                gdb.console(f"set {{unsigned short}}{address:#x} = {contents:#x}")
            gdb.console("detach")

    return write


def test_a_fault_in_a_handler_is_traced_to_what_was_interrupted(
    machine: MakeMachine, patch: Patch, kernel_symbols: SymbolTable
) -> None:
    made = machine(gdb=True)
    made.expect_prompt()
    handler, interrupted = "Exceptions.breakpoint", "CrashCommands.invalid_opcode"
    addresses = [kernel_symbols.address(name) + PROLOGUE for name in (handler, interrupted)]
    patch(made, dict(zip(addresses, (UD2, INT3), strict=True)))
    made.send_line("crash ud")
    assert made.wait_exit() == PANIC_STATUS
    report = Report(made.output.partition("panic: ")[2])
    assert [function for function, _ in report.frames[:3]] == [handler, interrupted, CALLERS[0]]
    assert "(interrupt 3)\n" in report.text


def test_an_nmi_is_traced_from_its_own_stack(machine: MakeMachine) -> None:
    made = machine()
    made.expect_prompt()
    made.qmp("inject-nmi")
    assert made.wait_exit() == PANIC_STATUS
    report = Report(made.output.partition("panic: ")[2])
    assert report.text.startswith("non-maskable interrupt (NMI), vector 2\n")
    # It may come at any moment, in any thread: all begin in one place, but for the boot thread.
    assert report.frames[-1][0] in ("Threads.begin", "Start.higher_half")


def test_a_report_that_fails_itself_says_where_and_ends(
    machine: MakeMachine, patch: Patch, kernel_symbols: SymbolTable
) -> None:
    broken = machine(gdb=True)
    broken.expect_prompt()
    address = kernel_symbols.address("Backtrace.print")
    patch(broken, {address: UD2})
    broken.send_line("crash gp")
    assert broken.wait_exit() == PANIC_STATUS
    report = broken.output.partition("panic: ")[2]
    assert report.startswith("general protection (#GP), vector 13\n")
    again = f"panic: again, at {address:#x}, cr2 0x0, while this was reported"
    assert report.endswith(f"backtrace\n\n{again}\n{END}\n")


def test_a_report_that_cannot_even_say_so_ends(
    machine: MakeMachine, patch: Patch, kernel_symbols: SymbolTable
) -> None:
    broken = machine(gdb=True)
    broken.expect_prompt()
    patch(broken, {kernel_symbols.address("Console.put"): UD2})
    broken.send("x")  # its echo is what fails first
    assert broken.wait_exit() == PANIC_STATUS
