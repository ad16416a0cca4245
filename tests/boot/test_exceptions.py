"""Gates, interrupt stacks, and the way into a handler and back."""

import struct
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from kernel.cpu.descriptors import InterruptStack, InterruptStackBase, TaskState
from kernel.cpu.exceptions import VECTORS, Vector
from kernel.cpu.segments import Selector
from kernel.cpu.stack import GuardedStack
from kernel.cpu.trapframe import GENERAL_REGISTERS
from kernel.entry.interrupts import INTERRUPT_STACKS, USER_VECTORS, Gate, GateFlags
from kernel.paging.addresses import Area
from pykasm import offsetof, sizeof
from pykasm.machine.gdb import Gdb, Stop
from pykasm.machine.images import Images
from pykasm.machine.pytest_plugin import MakeMachine
from pykasm.machine.qemu import PANIC_STATUS
from pykasm.machine.session import Machine
from pykasm.machine.symbols import SymbolTable
from tests.boot.test_programs import TEXT, started_on
from tests.elf import Segment, code, program

INT3, SYSRETQ = b"\xcc", b"\x48\x0f\x07"
RESERVED_VECTOR = 0x16
"""No exception of any processor yet (AMD64 APM vol. 2, table 8-1)."""

DEVICE_VECTOR = 0x80
GENERAL = [f"r{name}" for name in ("ax", "bx", "cx", "dx", "si", "di", "bp", "sp", *range(8, 16))]


@pytest.fixture
def symbols(kernel_images: Images) -> SymbolTable:
    """The kernel's."""
    return SymbolTable.from_elf(kernel_images.project.kernel)


@pytest.fixture
def running(machine: MakeMachine) -> Machine:
    """A machine at its prompt, ready for gdb."""
    made = machine(gdb=True)
    made.expect_prompt()
    return made


@pytest.fixture
def gdb(running: Machine, kernel_images: Images) -> Iterator[Gdb]:
    """gdb, where the monitor begins with a command."""
    project = kernel_images.project
    with Gdb(project.kernel, running.gdb_address, project.root) as attached:
        attached.break_at("Monitor.execute")
        running.send_line("help")
        attached.resume()
        yield attached


def read_image(machine: Machine, address: int, size: int) -> bytes:
    """`size` bytes of the kernel's image at `address`."""
    return machine.memory(address - Area.IMAGE, size)


def gates(machine: Machine, symbols: SymbolTable) -> list[tuple[int, int, int, int]]:
    """Offset, selector, interrupt stack and flags of each gate (AMD64 APM vol. 2, 4.8.4)."""
    table = read_image(machine, symbols.address("Interrupts.table"), sizeof(Gate) * VECTORS)
    return [
        (low | middle << 16 | high << 32, selector, stack, flags)
        for low, selector, stack, flags, middle, high, _ in struct.iter_unpack("<HHBBHII", table)
    ]


def run(gdb: Gdb, instruction: bytes) -> Stop:
    """Have the machine run `instruction` where it stands, up to what follows that."""
    for offset, byte in enumerate(instruction):
        gdb.console(f"set var *(unsigned char *)($rip + {offset}) = {byte}")
    gdb.break_at(f"*($rip+{len(instruction)})")
    return gdb.resume()


def software_interrupt(vector: int) -> bytes:
    """The instruction `int vector` (AMD64 APM vol. 3, INT)."""
    return bytes([0xCD, vector])


def registers(gdb: Gdb) -> dict[str, str]:
    """All general registers and the flags."""
    return {name: gdb.evaluate(f"${name}") for name in [*GENERAL, "eflags"]}


def functions(gdb: Gdb) -> list[str]:
    """The functions of the backtrace, innermost first."""
    return [frame.function for frame in gdb.backtrace()]


def test_every_vector_has_a_gate_to_its_own_stub(running: Machine, symbols: SymbolTable) -> None:
    present = GateFlags.PRESENT | GateFlags.INTERRUPT
    assert [
        (offset, selector, flags) for offset, selector, _, flags in gates(running, symbols)
    ] == [
        (
            symbols.address(f"Interrupts.vector_{vector}"),
            Selector.CODE,
            present | (GateFlags.USER if vector in USER_VECTORS else 0),
        )
        for vector in range(VECTORS)
    ]


def test_what_can_come_on_a_bad_stack_has_its_own(running: Machine, symbols: SymbolTable) -> None:
    stacks = {vector: stack for vector, (_, _, stack, _) in enumerate(gates(running, symbols))}
    assert {vector: stack for vector, stack in stacks.items() if stack} == INTERRUPT_STACKS
    assert set(INTERRUPT_STACKS) == {Vector.NMI, Vector.DOUBLE_FAULT, Vector.MACHINE_CHECK}


def test_the_interrupt_stacks_are_those_of_the_image(
    running: Machine, symbols: SymbolTable
) -> None:
    block = symbols.address("first_percpu_start") + symbols.address("Descriptors.task")
    ist = read_image(running, block + offsetof(TaskState, "ist"), 4 * 8)
    assert list(struct.unpack("<4Q", ist)) == [
        symbols.address(f"Stacks.{stack.name.lower()}")
        + sizeof(GuardedStack)
        - sizeof(InterruptStackBase)
        for stack in InterruptStack
        if stack is not InterruptStack.NONE
    ]


def test_a_breakpoint_returns_with_all_registers_as_they_were(gdb: Gdb) -> None:
    before = registers(gdb)
    assert run(gdb, INT3).frame.function == "Monitor.execute"
    assert registers(gdb) == before


def test_a_vector_that_nobody_expects_is_a_panic(running: Machine, gdb: Gdb) -> None:
    gdb.break_at("Panic.exception")
    assert run(gdb, software_interrupt(RESERVED_VECTOR)).frame.function == "Panic.exception"
    assert gdb.evaluate("frame->vector") == str(RESERVED_VECTOR)
    gdb.console("delete")
    gdb.console("detach")
    running.expect(f"panic: reserved exception, vector {RESERVED_VECTOR}\r\n")
    assert running.wait_exit() == PANIC_STATUS


def test_an_interrupt_of_a_device_that_nobody_has_is_counted(
    running: Machine, gdb: Gdb, symbols: SymbolTable
) -> None:
    counts = symbols.address("first_percpu_start") + symbols.address("Dispatcher.counts")
    place = counts + 8 * DEVICE_VECTOR
    before = registers(gdb)
    assert read_image(running, place, 8) == struct.pack("<Q", 0)
    run(gdb, software_interrupt(DEVICE_VECTOR))
    assert read_image(running, place, 8) == struct.pack("<Q", 1)
    assert registers(gdb) == before


def test_gdb_goes_from_a_handler_into_the_interrupted_code(gdb: Gdb) -> None:
    callers = functions(gdb)
    gdb.break_at("Exceptions.breakpoint")
    run(gdb, INT3)
    assert functions(gdb) == ["Exceptions.breakpoint", "<signal handler called>", *callers]


def test_gdb_finds_the_interrupted_code_from_every_place_in_the_stub(
    gdb: Gdb, symbols: SymbolTable
) -> None:
    callers = functions(gdb)
    gdb.break_at(f"*{symbols.address(f'Interrupts.vector_{Vector.BREAKPOINT}')}")
    run(gdb, INT3)
    visited = []
    while functions(gdb)[0] != "Exceptions.breakpoint":
        assert functions(gdb)[1:] == callers
        visited.append(gdb.step_instruction().frame.address)
    gdb.finish()
    while functions(gdb) != callers:
        assert functions(gdb)[1:] == callers
        visited.append(gdb.step_instruction().frame.address)
    assert len(set(visited)) == len(visited) > 2 * len(GENERAL_REGISTERS)


def test_gdb_goes_from_the_stack_of_interrupts_into_the_interrupted_code(
    gdb: Gdb, symbols: SymbolTable
) -> None:
    callers = functions(gdb)
    gdb.break_at(f"*{symbols.address(f'Interrupts.vector_{DEVICE_VECTOR}')}")
    run(gdb, software_interrupt(DEVICE_VECTOR))
    while functions(gdb)[0] != "Dispatcher.serve":
        assert functions(gdb)[-len(callers) :] == callers
        gdb.step_instruction()
    trampolines = 2 * ["<signal handler called>"]  # `MaskableInterrupts.handle`, and the stub
    assert functions(gdb) == ["Dispatcher.serve", *trampolines, *callers]
    stack = int(gdb.evaluate("(unsigned long)$rsp")) - symbols.address("Stacks.maskable")
    assert 0 < stack < sizeof(GuardedStack)
    gdb.finish()
    while functions(gdb) != callers:
        assert functions(gdb)[-len(callers) :] == callers
        gdb.step_instruction()


def test_a_non_maskable_interrupt_has_its_own_stack(
    running: Machine, gdb: Gdb, symbols: SymbolTable
) -> None:
    gdb.break_at("Panic.exception")
    callers = functions(gdb)
    running.qmp("inject-nmi")
    gdb.resume()
    assert gdb.evaluate("frame->vector") == str(int(Vector.NMI))
    stack = int(gdb.evaluate("(unsigned long)$rsp")) - symbols.address("Stacks.nmi")
    assert 0 < stack < sizeof(GuardedStack)
    assert functions(gdb) == ["Panic.exception", "<signal handler called>", *callers]


CALLS = program(
    Segment(
        TEXT, code(f"mov ebp, {TEXT}", "mov eax, 110", "syscall", f"mov ecx, {TEXT}", "jmp rcx")
    ),
    entry=TEXT,
)
"""Does system calls for ever, and has in rbp what could be a frame."""


@pytest.mark.parametrize("way", ["in", "out", "between"])
def test_an_nmi_on_the_way_of_a_program_is_reported(
    machine: MakeMachine, kernel_images: Images, symbols: SymbolTable, tmp_path: Path, way: str
) -> None:
    kernel = started_on(1, partial(machine, gdb=True), tmp_path, {"calls": CALLS})
    project = kernel_images.project
    entry = symbols.named("UserEntry.system_call")
    begin = entry.address
    sysret = begin + read_image(kernel, begin, entry.size).index(SYSRETQ)
    with Gdb(project.kernel, kernel.gdb_address, project.root) as gdb:
        gdb.break_at(f"*{begin if way == 'in' else sysret}")
        kernel.send_line("run /bin/calls")
        gdb.resume()
        if way == "between":
            gdb.step_instruction()  # into the program
        kernel.qmp("inject-nmi")
        gdb.console("delete")
        gdb.console("detach")
    said = kernel.expect(r"panic: non-maskable interrupt[^$]*panic: end of report\r\n").group()
    assert "process 1, thread 1: calls" in said
    assert "again" not in said
    assert kernel.wait_exit() == PANIC_STATUS
