"""Which statements the machine has a form for, and what people are told about the others."""

import pytest

from pykasm.errors import (
    Mistake,
    OperandFormMistake,
    OperandSizeMistake,
    ValueRangeMistake,
)
from pykasm.isa.forms import branch_sizes, check, forms_of, mnemonics
from pykasm.isa.statement import (
    BranchTarget,
    FarPointer,
    Statement,
    SymbolImmediate,
)
from tests.unit.statements import memory, statement

ACCEPTED = [
    statement("mov", "rax", "rbx"),
    statement("and", "eax", 0xFFFFF000),
    statement("add", "rax", 0xFFFFFFFFFFFFFF80),
    statement("mov", "rax", 0xFFFFFFFFFFFFFFFF),
    statement("mov", "rax", memory(8, displacement=0x1122334455667788)),
    statement("mov", "al", 0xFF),
    statement("mov", "al", -0x80),
    statement("push", -1),
    statement("push", SymbolImmediate(4)),
    statement("mov", "rax", SymbolImmediate(8)),
    statement("ltr", "cx"),
    statement("lgdt", memory(0, "rax")),
    statement("lea", "rax", memory(4, "rip", symbolic=True)),
    statement("call", BranchTarget(short=False)),
    statement("jrcxz", BranchTarget(short=False)),
    statement("ljmp", FarPointer(8, 0x1000, 4), bits=32),
    statement("mov", "ax", memory(2, "bx", index="si"), bits=16),
    statement("add", memory(4, "rax"), 1, prefix="lock"),
    statement("movsb", prefix="rep"),
    statement("mov", "ah", memory(1, "rbx")),
]


@pytest.mark.parametrize("good", ACCEPTED, ids=str)
def test_a_form_that_the_machine_has_passes(good: Statement) -> None:
    check(good)


REFUSED = [
    (statement("mov", "rax", "ebx"), OperandSizeMistake),
    (statement("mov", "al", "bx"), OperandSizeMistake),
    (statement("movzx", "rax", "eax"), OperandSizeMistake),
    (statement("call", "ax"), OperandSizeMistake),
    (statement("movzx", "eax", memory(0, "rax")), OperandSizeMistake),
    (statement("inc", memory(0, "rax")), OperandSizeMistake),
    (statement("add", memory(0, "rax"), 0x80000001), OperandSizeMistake),
    (statement("lgdt", memory(0, "bx"), bits=16), OperandSizeMistake),
    (statement("mov", "rax", memory(8, "rax", index="ebx")), OperandSizeMistake),
    (statement("mov", memory(8, "rax"), memory(8, "rbx")), OperandFormMistake),
    (statement("mov", "rax"), OperandFormMistake),
    (statement("movx", "rax", "rbx"), OperandFormMistake),
    (statement("mov", "cs", "ax"), OperandFormMistake),
    (statement("mov", "rax", "rip"), OperandFormMistake),
    (statement("pusha"), OperandFormMistake),
    (statement("iret"), OperandFormMistake),
    (statement("sysret"), OperandFormMistake),
    (statement("mov", "ah", "sil"), OperandFormMistake),
    (statement("mov", "r8b", "ah"), OperandFormMistake),
    (statement("mov", "ah", memory(1, "r9")), OperandFormMistake),
    (statement("movzx", "rax", "ah"), OperandFormMistake),
    (statement("mov", "rax", memory(8, "rax", index="rsp")), OperandFormMistake),
    (statement("mov", "rax", memory(8, "rax", index="rbx", scale=3)), OperandFormMistake),
    (statement("mov", "rax", memory(8, "rip", index="rbx")), OperandFormMistake),
    (statement("mov", "rax", memory(8, "rax", 4, symbolic=True)), OperandFormMistake),
    (statement("mov", "rax", memory(8, "bx")), OperandFormMistake),
    (statement("mov", "eax", memory(4, "rbx"), bits=32), OperandFormMistake),
    (statement("mov", "ax", memory(2, "ax"), bits=16), OperandFormMistake),
    (statement("mov", "r8d", "eax", bits=32), OperandFormMistake),
    (statement("jmp", FarPointer(8, 0x1000, 4), bits=32), OperandFormMistake),
    (statement("ljmp", FarPointer(8, 0x1000, 4)), OperandFormMistake),
    (statement("mov", memory(8, "rax"), "rbx", prefix="lock"), OperandFormMistake),
    (statement("add", "rax", "rbx", prefix="lock"), OperandFormMistake),
    (statement("add", "rax", "rbx", prefix="rep"), OperandFormMistake),
    (statement("add", "rax", "rbx", prefix="often"), OperandFormMistake),
    (statement("and", "rax", 0xFFFFF000), ValueRangeMistake),
    (statement("push", 0xFFFFFFFF), ValueRangeMistake),
    (statement("ret", 0x10000), ValueRangeMistake),
    (statement("enter", 0x10000, 0), ValueRangeMistake),
    (statement("mov", "al", 0x1FF), ValueRangeMistake),
    (statement("mov", "eax", 0x123456789), ValueRangeMistake),
    (statement("mov", memory(8, "rax"), 0x80000000), ValueRangeMistake),
    (statement("shl", "rax", 256), ValueRangeMistake),
    (statement("mov", "rax", memory(8, "rax", 1 << 31)), ValueRangeMistake),
    (statement("mov", "rbx", memory(8, displacement=1 << 40)), ValueRangeMistake),
    (statement("mov", "ax", memory(2, displacement=0x10000), bits=16), ValueRangeMistake),
]


@pytest.mark.parametrize(("bad", "kind"), REFUSED, ids=str)
def test_a_form_that_the_machine_lacks_is_refused(bad: Statement, kind: type[Mistake]) -> None:
    with pytest.raises(Mistake) as raised:
        check(bad)
    assert type(raised.value) is kind


def words_of(bad: Statement) -> list[str]:
    """The message for `bad` without its place."""
    with pytest.raises(Mistake) as raised:
        check(bad)
    mistake = raised.value
    return [mistake.what, mistake.expected, mistake.got, mistake.fix]


def test_a_width_mistake_names_both_widths_and_the_ways_out() -> None:
    assert words_of(statement("mov", "rax", "ebx")) == [
        "the operands of `mov` do not fit each other in width",
        "`mov eax, ebx` or `mov rax, rbx`",
        "`rax` (64 bits) and `ebx` (32 bits)",
        "`mov eax, ebx` clears the upper half of rax; `movsxd rax, ebx` keeps the sign",
    ]


def test_an_unknown_mnemonic_gets_suggestions() -> None:
    assert words_of(statement("movx", "rax", "rbx")) == [
        "there is no instruction `movx`",
        "a mnemonic of the processor's manual",
        "`movx`",
        "did you mean `movzx` or `movsx` or `mov`?",
    ]


def test_a_number_out_of_range_is_shown_with_the_range() -> None:
    assert words_of(statement("and", "rax", 0xFFFFF000)) == [
        "0xfffff000 does not fit the immediate of `and`",
        "-0x80000000 … 0x7fffffff (32 bits, sign-extended to 64)",
        "`and rax, 0xfffff000`",
        "load it with `mov r64, …` into a register first",
    ]


def test_an_open_memory_width_lists_the_choices() -> None:
    assert words_of(statement("movzx", "eax", memory(0, "rax"))) == [
        "`movzx eax, [rax]` does not say how wide its memory operand is",
        "a memory operand with a width: byte ptr or word ptr",
        "an address without one",
        "write the width: `word ptr […]`",
    ]


def test_a_lock_that_means_nothing_says_where_locks_go() -> None:
    assert words_of(statement("mov", memory(8, "rax"), "rbx", prefix="lock")) == [
        "`mov` does not take `lock` with these operands",
        "`mov` without it",
        "`lock mov qword ptr [rax], rbx`",
        "`lock` goes before a read-modify-write of memory: `lock add dword ptr […], 1`",
    ]


def test_a_high_byte_with_rex_says_why() -> None:
    assert words_of(statement("mov", "ah", "sil")) == [
        "`ah` cannot stand in an instruction that needs a REX prefix",
        "no 64-bit operand, no spl … dil and none of r8 … r15 beside it",
        "`mov ah, sil`",
        "move the byte to a low byte register first, or shift it down",
    ]


def test_two_memory_operands_are_told_to_go_through_a_register() -> None:
    assert words_of(statement("mov", memory(8, "rax"), memory(8, "rbx")))[3] == (
        "load one of the two memory operands into a register first"
    )


@pytest.mark.parametrize("name", ["mov", "je", "jz", "endbr64", "vpaddd", "retfq", "movs"])
def test_mnemonics_knows_what_either_encoder_knows(name: str) -> None:
    assert name in mnemonics()


@pytest.mark.parametrize("name", ["xstore", "undoc", "zero_bytes", "invalid", "db"])
def test_mnemonics_leaves_out_what_is_no_instruction(name: str) -> None:
    assert name not in mnemonics()


def test_forms_are_listed_for_people() -> None:
    assert forms_of("bswap") == ["r32", "r64"]


def test_branch_sizes_tell_short_and_near_forms_apart() -> None:
    assert branch_sizes(64, "je") == {1, 4}
    assert branch_sizes(16, "jmp") == {1, 2}
    assert branch_sizes(64, "call") == {4}
    assert branch_sizes(64, "loop") == {1}
