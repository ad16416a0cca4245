"""Layout: jump lengths, labels, padding, relocations."""

import pytest

from pykasm.encode.encoder import Encoder
from pykasm.encode.layout import assemble, assemble_all
from pykasm.errors import (
    BranchRangeMistake,
    Collector,
    EncodingMistake,
    PlaceMistake,
    collecting,
)
from pykasm.isa.code import Align, CodeRelocation, Item, Label, Line, Reference
from pykasm.isa.statement import BranchTarget, FarPointer, FixupKind, SymbolImmediate
from tests.unit.statements import HERE, line, memory

NOP = line("nop")


def to(target: Label | str, addend: int = 0, operand: int = 0) -> tuple[Reference, ...]:
    return (Reference(operand, target, addend),)


def jump(mnemonic: str, target: Label | str, short: bool = False) -> Line:
    return line(mnemonic, BranchTarget(short), refers=to(target))


def code_of(*body: Item) -> bytes:
    return assemble(body, Encoder(), "routine").code


def test_a_jump_back_that_reaches_is_short() -> None:
    start = Label("start")
    assert code_of(start, *[NOP] * 126, jump("jmp", start))[126:].hex() == "eb80"


def test_a_jump_back_that_does_not_reach_is_near() -> None:
    start = Label("start")
    assert code_of(start, *[NOP] * 127, jump("jmp", start))[127:].hex() == "e97cffffff"


def test_a_jump_forward_that_reaches_is_short() -> None:
    end = Label("end")
    assert code_of(jump("je", end), *[NOP] * 127, end)[:2].hex() == "747f"


def test_a_jump_forward_that_does_not_reach_is_near() -> None:
    end = Label("end")
    assert code_of(jump("je", end), *[NOP] * 128, end)[:6].hex() == "0f8480000000"


def test_a_jump_that_grows_makes_the_jumps_around_it_grow() -> None:
    end, far = Label("end"), Label("far")
    body = [jump("jmp", end), *[NOP] * 125, jump("jmp", far), end, *[NOP] * 128, far]
    assert code_of(*body[:127], end, far)[:1].hex() == "eb"
    assert code_of(*body)[:1].hex() == "e9"


def test_a_call_to_a_label_is_filled_in() -> None:
    routine = Label("routine")
    call = line("call", BranchTarget(short=False), refers=to(routine))
    assert code_of(call, line("ret"), routine).hex() == "e801000000c3"


def test_a_jump_to_a_symbol_is_near_and_left_to_the_linker() -> None:
    assembled = assemble([NOP, jump("jmp", "other")], Encoder(), "routine")
    assert assembled.code.hex() == "90e900000000"
    assert assembled.relocations == [CodeRelocation(2, FixupKind.BRANCH32, "other", -4)]


def test_an_addend_of_a_reference_is_added() -> None:
    lea = line("lea", "rax", memory(0, "rip", symbolic=True), refers=to("table", 16, operand=1))
    relocations = assemble([lea], Encoder(), "routine").relocations
    assert relocations == [CodeRelocation(3, FixupKind.PC32, "table", 12)]


def test_memory_at_a_label_is_filled_in() -> None:
    here = Label("here")
    lea = line("lea", "rax", memory(0, "rip", symbolic=True), refers=to(here, operand=1))
    assert code_of(here, lea).hex() == "488d05f9ffffff"


def test_an_absolute_address_of_a_label_is_the_routine_plus_an_offset() -> None:
    there = Label("there")
    load = line("mov", "rax", SymbolImmediate(8), refers=to(there, 2, operand=1))
    relocations = assemble([load, there, NOP], Encoder(), "routine").relocations
    assert relocations == [CodeRelocation(2, FixupKind.ABSOLUTE64, "routine", 12)]


def test_a_far_jump_to_a_label_of_16_bit_code_is_relocated() -> None:
    there = Label("there")
    pointer = FarPointer(8, 0, 4, symbolic=True)
    far = line("ljmp", pointer, refers=to(there), bits=16)
    assembled = assemble([far, there], Encoder(), "routine")
    assert assembled.code.hex() == "66ea000000000800"
    assert assembled.relocations == [CodeRelocation(2, FixupKind.ABSOLUTE32, "routine", 8)]


def test_padding_reaches_the_boundary_with_nops() -> None:
    assembled = assemble([line("ret"), Align(8), line("ret")], Encoder(), "routine")
    assert assembled.code.hex() == "c3" + "0f1f8000000000" + "c3"
    assert [placed.offset for placed in assembled.lines] == [0, 8]


def test_padding_at_a_boundary_is_empty() -> None:
    assert code_of(Align(16), line("ret")).hex() == "c3"


def test_padding_in_16_bit_code_is_of_16_bit_instructions() -> None:
    assert code_of(line("ret", bits=16), Align(8)).hex() == "c3" + "0f1f4000" + "0f1f00"


def test_a_jump_over_padding_counts_it() -> None:
    end = Label("end")
    assert code_of(jump("jmp", end), Align(16), end)[:2].hex() == "eb0e"


def test_lines_and_labels_have_their_places() -> None:
    middle = Label("middle")
    lines = [line("push", "rax"), line("mov", "eax", 1), line("ret")]
    assembled = assemble([lines[0], lines[1], middle, lines[2]], Encoder(), "routine")
    assert [(p.offset, p.size, p.line) for p in assembled.lines] == [
        (0, 1, lines[0]),
        (1, 5, lines[1]),
        (6, 1, lines[2]),
    ]
    assert assembled.labels == {middle: 6}


def test_routines_are_laid_out_each_on_its_own() -> None:
    first, second = Label("first"), Label("second")
    routines = [("a", [first, NOP, jump("jmp", first)]), ("b", [jump("jmp", second), second])]
    assembled = assemble_all(routines, Encoder())
    assert [routine.code.hex() for routine in assembled] == ["90ebfd", "eb00"]


def mistake_of(*body: Item) -> BranchRangeMistake:
    with pytest.raises(BranchRangeMistake) as raised:
        code_of(*body)
    return raised.value


@pytest.mark.parametrize("mnemonic", ["jrcxz", "loop"])
def test_a_branch_without_a_near_form_says_when_it_is_too_far(mnemonic: str) -> None:
    end = Label("end")
    mistake = mistake_of(jump(mnemonic, end), *[NOP] * 128, end)
    assert mistake.what == f"the target of `{mnemonic}` is too far away"
    assert mistake.expected == "a distance of -128 … 127 bytes"
    assert mistake.got == "128 bytes"
    assert mistake.fix == "branch to a label nearby, and from there `jmp` on"
    assert mistake.source == HERE


def test_a_jump_asked_to_be_short_does_not_grow() -> None:
    end = Label("end")
    mistake = mistake_of(jump("jmp", end, short=True), *[NOP] * 128, end)
    assert mistake.fix == "leave out `short`, then the near form is taken"


def test_a_branch_without_a_near_form_cannot_leave_its_code() -> None:
    mistake = mistake_of(jump("jrcxz", "other"))
    assert mistake.what == "`jrcxz` cannot leave its own code"


def test_a_label_that_is_not_placed_is_named() -> None:
    with pytest.raises(PlaceMistake, match="the label `lost` is not in this code"):
        code_of(jump("jmp", Label("lost")))


def test_all_mistakes_of_a_routine_are_told() -> None:
    far = Label("far")
    body = [jump("jmp", Label("lost")), jump("jrcxz", far), jump("je", Label("gone"))]
    with collecting(Collector()) as collector, pytest.raises(BranchRangeMistake):
        code_of(*body, *[NOP] * 128, jump("jrcxz", "other"), far, jump("loop", "other"))
    assert [mistake.what for mistake in collector.mistakes] == [
        "the label `lost` is not in this code",
        "the label `gone` is not in this code",
        "the target of `jrcxz` is too far away",
        "`jrcxz` cannot leave its own code",
    ]


def test_references_that_do_not_match_the_operands_are_refused() -> None:
    call = line("call", BranchTarget(short=False), refers=to("a") + to("b", operand=1))
    with pytest.raises(EncodingMistake, match="does not hold the addresses that it refers to"):
        code_of(call)
