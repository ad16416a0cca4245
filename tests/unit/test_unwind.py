"""Call frame information checked against a processor, instruction by instruction."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from elftools.dwarf.callframe import FDE
from elftools.elf.elffile import ELFFile
from hypothesis import given, settings
from hypothesis import strategies as st
from unicorn import UC_ARCH_X86, UC_HOOK_CODE, UC_MODE_64, Uc
from unicorn import x86_const as uc

from pykasm.objects.debug import DebugFunction, DebugUnit, EntryFrame
from pykasm.objects.dwarf import REGISTER_NUMBERS
from pykasm.objects.elf import write_object
from pykasm.objects.model import ObjectFile, Section
from pykasm.objects.unwind import entry_frame, frame_rows
from pykasm.source import Source
from tests.unit.objects_support import CODE, assemble

CODE_START = 0x10000
RETURN = 0x20000
STACK = 0x80000
STACK_TOP = STACK + 0x8000
GENERAL = [name for name, number in REGISTER_NUMBERS.items() if number < 16]
CALLEE_SAVED = ["rbx", "rbp", "r12", "r13", "r14", "r15"]
RSP, RIP = REGISTER_NUMBERS["rsp"], REGISTER_NUMBERS["rip"]

Registers = dict[int, int]


@lru_cache(None)
def code_of(text: str) -> bytes:
    """The bytes of statements that refer to nothing."""
    with TemporaryDirectory() as folder:
        return assemble(text.replace(";", "\n"), Path(folder))[0]


class Builder:
    """Code with labels; `branch` takes the first bytes of a branch with a 32-bit distance."""

    def __init__(self) -> None:
        self.code = bytearray()
        self.labels: list[int | None] = []
        self.fields: list[tuple[int, int]] = []

    def emit(self, text: str) -> None:
        self.code += code_of(text)

    def label(self) -> int:
        self.labels.append(None)
        return len(self.labels) - 1

    def place(self, label: int) -> None:
        self.labels[label] = len(self.code)

    def branch(self, opcode: str, label: int) -> None:
        self.code += bytes.fromhex(opcode)
        self.fields.append((len(self.code), label))
        self.code += bytes(4)

    def finish(self) -> bytes:
        for field, label in self.fields:
            target = self.labels[label]
            assert target is not None
            self.code[field : field + 4] = (target - field - 4).to_bytes(4, "little", signed=True)
        return bytes(self.code)


JMP, JC = "e9", "0f82"
NEXT_BIT = "shr r11, 1"  # the path taken is in the bits of r11

Block = list  # of statements: a text, or a tuple of a kind and its parts


def blocks() -> st.SearchStrategy[Block]:
    plain = st.sampled_from(
        ["mov eax, 5", "lea rdx, [rsp+8]", "xor ecx, ecx", "mov rdi, rsp", "push 1; pop rsi",
         "sub rsp, 24; add rsp, 24", "push rax; push rdx; add rsp, 16"]
    )  # fmt: skip
    return st.recursive(
        st.lists(plain, max_size=3),
        lambda inner: st.lists(
            st.one_of(
                plain,
                st.tuples(st.just("if"), inner, inner),
                st.tuples(st.just("loop"), inner),
                st.tuples(st.just("pushed"), inner),
                st.just(("clobber",)),
                st.just(("return",)),
                st.tuples(st.just("switch"), inner, inner),
            ),
            max_size=4,
        ),
        max_leaves=6,
    )


class Shape:
    """A function: which registers it saves, in what kind of frame, around a body."""

    def __init__(self, saved: list[str], frame: bool, room: int, moving: bool, body: Block) -> None:
        self.saved, self.frame, self.room, self.moving = saved, frame, room, moving and frame
        self.out = Builder()
        self.pushed = 0
        self.prologue()
        self.block(body)
        self.epilogue()
        self.code = self.out.finish()

    def prologue(self) -> None:
        if self.frame:
            self.out.emit("push rbp; mov rbp, rsp")
        if self.room:
            self.out.emit(f"sub rsp, {self.room}")
        for register in self.saved:
            self.out.emit(f"push {register}")
        if self.moving:
            self.out.emit("and rsp, -64; sub rsp, 128")

    def epilogue(self) -> None:
        if self.moving:
            self.out.emit(f"lea rsp, [rbp-{self.room + 8 * len(self.saved)}]")
        elif self.pushed:
            self.out.emit(f"add rsp, {8 * self.pushed}")
        for register in reversed(self.saved):
            self.out.emit(f"pop {register}")
        if self.frame:
            self.out.emit("leave")
        elif self.room:
            self.out.emit(f"add rsp, {self.room}")
        self.out.emit("ret")

    def block(self, body: Block) -> None:
        for statement in body:
            if isinstance(statement, str):
                self.out.emit(statement)
            else:
                getattr(self, f"do_{statement[0]}")(*statement[1:])

    def do_if(self, then: Block, otherwise: Block) -> None:
        other, end = self.out.label(), self.out.label()
        self.out.emit(NEXT_BIT)
        self.out.branch(JC, other)
        self.block(then)
        self.out.branch(JMP, end)
        self.out.place(other)
        self.block(otherwise)
        self.out.place(end)

    def do_loop(self, body: Block) -> None:
        again, test = self.out.label(), self.out.label()
        self.out.branch(JMP, test)  # so that only a branch backwards reaches the body
        self.out.place(again)
        self.block(body)
        self.out.place(test)
        self.out.emit(NEXT_BIT)
        self.out.branch(JC, again)

    def do_switch(self, first: Block, second: Block) -> None:
        cases, end = (self.out.label(), self.out.label()), self.out.label()
        self.out.emit("xor eax, eax; shr r11, 1; adc eax, eax")
        # lea rdx, [rip + first case]; add rdx, distance of the cases * rax, both set below
        self.out.branch("488d15", cases[0])
        self.out.emit("imul rax, rax, 0x12345678")
        field = len(self.out.code) - 4
        self.out.emit("add rdx, rax; jmp rdx")
        for case, body in zip(cases, (first, second), strict=True):
            self.out.place(case)
            if case == cases[1]:
                distance = len(self.out.code) - (self.out.labels[cases[0]] or 0)
                self.out.code[field : field + 4] = distance.to_bytes(4, "little")
            self.block(body)
            self.out.branch(JMP, end)
        self.out.place(end)

    def do_pushed(self, body: Block) -> None:
        self.out.emit("push r10")
        self.pushed += 1
        self.block(body)
        self.out.emit("pop r10")
        self.pushed -= 1

    def do_clobber(self) -> None:
        for register in self.saved:
            self.out.emit(f"mov {register}, 0x1234")

    def do_return(self) -> None:
        self.epilogue()


shapes = st.builds(
    Shape,
    st.lists(st.sampled_from(["rbx", "r12", "r13", "r14", "r15"]), unique=True),
    st.booleans(),
    st.sampled_from([0, 8, 40, 512]),
    st.booleans(),
    blocks(),
)


def description(code: bytes, entry: EntryFrame, pushed: int = 0) -> FDE:
    """What pyelftools reads about a function of `code` in an object."""
    line = Source("demo.py", 1)
    function = DebugFunction(
        "f", ".text", 0, code, line, [(0, line)], entry_frame=entry, pushed=pushed
    )
    text = Section(".text", CODE, 16, bytearray(code))
    data = write_object(ObjectFile("demo", [text], [], DebugUnit("demo.py", ".", [function])))
    entries = list(ELFFile(io.BytesIO(data)).get_dwarf_info().CFI_entries())
    assert len(entries) == 2
    return entries[1]


class Processor:
    """Runs code and hands the registers at each instruction to a check."""

    def __init__(self, code: bytes) -> None:
        self.machine = Uc(UC_ARCH_X86, UC_MODE_64)
        self.machine.mem_map(CODE_START, 0x10000)
        self.machine.mem_map(RETURN, 0x1000)
        self.machine.mem_map(STACK, 0x10000)
        self.machine.mem_write(CODE_START, code)
        for number, name in enumerate(GENERAL):
            self.write(name, 0x1111_0000_0000 + number)
        self.write("rsp", STACK_TOP)

    def read(self, name: str) -> int:
        return self.machine.reg_read(getattr(uc, f"UC_X86_REG_{name.upper()}"))

    def write(self, name: str, value: int) -> None:
        self.machine.reg_write(getattr(uc, f"UC_X86_REG_{name.upper()}"), value)

    def push(self, value: int) -> None:
        self.write("rsp", self.read("rsp") - 8)
        self.machine.mem_write(self.read("rsp"), value.to_bytes(8, "little"))

    def word(self, address: int) -> int:
        return int.from_bytes(self.machine.mem_read(address, 8), "little")

    def registers(self) -> Registers:
        return {REGISTER_NUMBERS[name]: self.read(name) for name in GENERAL}

    def run(self, end: int, check: Callable[[int], None]) -> None:
        failures: list[AssertionError] = []

        def hook(machine: Uc, address: int, size: int, data: object) -> None:
            try:
                check(address - CODE_START)
            except AssertionError as failure:
                failures.append(failure)
                machine.emu_stop()

        self.machine.hook_add(UC_HOOK_CODE, hook, begin=CODE_START, end=CODE_START + 0xFFFF)
        self.machine.emu_start(CODE_START, end, count=2000)
        if failures:
            raise failures[0]

    def unwound(self, table: list[dict], offset: int) -> tuple[int, Registers]:
        """The CFA and the caller's registers by the row of `table` for the code at `offset`."""
        row = [row for row in table if row["pc"] <= offset][-1]
        now = self.registers()
        cfa = now[row["cfa"].reg] + row["cfa"].offset
        found = {**now, RSP: cfa}
        for number, rule in row.items():
            if number in ("pc", "cfa"):
                continue
            if rule.type == "OFFSET":
                found[number] = self.word(cfa + rule.arg)
            else:
                assert rule.type == "UNDEFINED"
                del found[number]
        return cfa, found


@settings(max_examples=150, deadline=None)
@given(shapes, st.integers(0, 0xFFFF))
def test_return_address_and_saved_registers_are_found_at_every_instruction(
    shape: Shape, path: int
) -> None:
    processor = Processor(shape.code)
    processor.push(RETURN)
    processor.write("r11", path)
    before = processor.registers()
    table = description(shape.code, EntryFrame.CALL).get_decoded().table

    def check(offset: int) -> None:
        cfa, found = processor.unwound(table, offset)
        assert cfa == STACK_TOP, hex(offset)
        assert found[RIP] == RETURN
        for name in CALLEE_SAVED:
            number = REGISTER_NUMBERS[name]
            assert found[number] == before[number], (name, hex(offset))

    processor.run(RETURN, check)
    assert processor.read("rip") == RETURN


STUB_REGISTERS = [name for name in GENERAL if name != "rsp"]


def stub(saved: list[str], below: int) -> tuple[bytes, int]:
    """An interrupt stub that saves registers and calls the handler behind it; the stub's length."""
    out = Builder()
    handler = out.label()
    out.emit("cld")
    for register in saved:
        out.emit(f"push {register}")
    out.emit("mov rdi, rsp; mov rbp, rsp; and rsp, -16")
    out.branch("e8", handler)
    out.emit("mov rsp, rbp")
    for register in reversed(saved):
        out.emit(f"pop {register}")
    out.emit(f"add rsp, {below}; iretq" if below else "iretq")
    length = len(out.code)
    out.place(handler)
    out.emit("mov eax, 1; mov ecx, 2; mov r11, 3; ret")
    return out.finish(), length


@settings(max_examples=20, deadline=None)
@given(
    st.permutations(STUB_REGISTERS),
    st.sampled_from([EntryFrame.INTERRUPT, EntryFrame.INTERRUPT_WITH_ERROR]),
    st.sampled_from([0, 8, 16]),
)
def test_everything_interrupted_is_found_at_every_instruction_of_a_stub(
    saved: list[str], entry: EntryFrame, pushed: int
) -> None:
    error = entry is EntryFrame.INTERRUPT_WITH_ERROR
    code, own = stub(saved, pushed + 8 * error)
    processor = Processor(code)
    interrupted = {**processor.registers(), RSP: 0x5000, RIP: 0x7000}
    flags, cs, ss = (REGISTER_NUMBERS[name] for name in ("rflags", "cs", "ss"))
    interrupted |= {ss: 0x10, flags: 0x246, cs: 0x8}
    for number in (ss, RSP, flags, cs, RIP):
        processor.push(interrupted[number])
    for _ in range(error + pushed // 8):
        processor.push(0)
    table = description(code[:own], entry, pushed).get_decoded().table

    def check(offset: int) -> None:
        if offset < own:
            cfa, found = processor.unwound(table, offset)
            assert cfa == STACK_TOP
            assert found == interrupted, hex(offset)

    processor.run(CODE_START + own - 2, check)
    assert processor.read("rip") == CODE_START + own - 2


def test_interrupt_frames_are_signal_frames() -> None:
    interrupt = description(code_of("iretq"), EntryFrame.INTERRUPT)
    assert interrupt.cie["augmentation"] == b"zS"
    assert description(code_of("ret"), EntryFrame.CALL).cie["augmentation"] == b""


def test_code_without_a_caller_has_no_return_address() -> None:
    table = description(code_of("cli;hlt"), EntryFrame.NONE).get_decoded().table
    assert table[0][RIP].type == "UNDEFINED"


def last(code: str, **options: object) -> object:
    return frame_rows(code_of(code), entry_frame(EntryFrame.CALL, 0), **options)[-1][1]  # type: ignore[arg-type]


def saved_places(frame: object) -> dict[str, int]:
    names = {number: name for name, number in REGISTER_NUMBERS.items()}
    return {names[register]: place for register, place in frame.saved}  # type: ignore[attr-defined]


def test_a_register_pushed_twice_is_saved_at_the_first_place() -> None:
    assert saved_places(last("push rbx;push rbx;nop"))["rbx"] == -16


def test_a_register_changed_before_it_is_pushed_is_lost() -> None:
    frame = last("mov ebx, 1;push rbx")
    assert "rbx" not in saved_places(frame)
    assert REGISTER_NUMBERS["rbx"] in frame.lost  # type: ignore[attr-defined]


def test_a_register_dropped_from_the_stack_is_lost() -> None:
    assert REGISTER_NUMBERS["rbx"] in last("push rbx;add rsp, 8").lost  # type: ignore[attr-defined]


def test_a_stack_pointer_of_unknown_value_ends_the_backtrace() -> None:
    assert RIP in last("and rsp, -16").lost  # type: ignore[attr-defined]


def test_a_thread_switch_finds_its_frame_on_the_other_stack() -> None:
    code = "push rbx;push rbp;mov [rdi], rsp;mov rsp, [rsi];pop rbp;nop"
    frame = last(code)
    assert saved_places(frame) == {"rip": -8, "rbx": -16}
    assert frame.depth == 16  # type: ignore[attr-defined]


def test_enter_makes_a_frame() -> None:
    frame = last("enter 32, 0")
    assert (frame.depth, frame.base) == (48, 16)  # type: ignore[attr-defined]


def test_a_branch_that_the_linker_fills_in_leaves_the_function() -> None:
    code = code_of("push rbx") + bytes.fromhex("0f8400000000") + code_of("pop rbx;ret")
    entry = entry_frame(EntryFrame.CALL, 0)
    jump = code_of("push rbx;pop rbx") + bytes.fromhex("e900000000") + code_of("push rbx")
    rows = frame_rows(jump, entry, 0x40, frozenset({0x43}))
    assert [offset for offset, _ in rows] == [0, 1, 2]
    assert [offset for offset, _ in frame_rows(code, entry)] == [0, 1, 8]


def test_code_that_jumps_into_an_instruction_or_is_none_is_described_without_failing() -> None:
    entry = entry_frame(EntryFrame.CALL, 0)
    for code in (b"\xeb\xff\xc0", b"\x06\x06", b"\x48", b"\xe9\xff\xff\xff\x7f", b""):
        assert frame_rows(code, entry)[0] == (0, entry)


@pytest.mark.parametrize("bits", [16, 32])
def test_code_of_other_modes_has_no_frames(bits: int) -> None:
    line = Source("demo.py", 1)
    function = DebugFunction("f", ".text", 0, b"\xc3", line, [(0, line)], bits=bits)
    text = Section(".text", CODE, data=bytearray(b"\xc3"))
    data = write_object(ObjectFile("demo", [text], [], DebugUnit("demo.py", ".", [function])))
    info = ELFFile(io.BytesIO(data)).get_dwarf_info()
    assert not info.has_CFI() or list(info.CFI_entries()) == []


def test_code_that_drops_its_return_address_has_no_caller_from_then_on() -> None:
    table = description(code_of("nop;add rsp, 24;ret"), EntryFrame.CALL).get_decoded().table
    assert [(row["pc"], row[RIP].type) for row in table] == [(0, "OFFSET"), (5, "UNDEFINED")]


def test_code_without_a_caller_may_drop_what_was_on_the_stack() -> None:
    table = description(code_of("pop rax;add rsp, 24;hlt"), EntryFrame.NONE).get_decoded().table
    assert [row["pc"] for row in table] == [0]
