"""The encoder: bytes, fix-ups, and what happens when Keystone is wrong."""

import pytest
from iced_x86 import Decoder, Mnemonic

from pykasm.encode import keystone
from pykasm.encode.encoder import Encoder
from pykasm.encode.nops import nops
from pykasm.errors import EncodingMistake, OperandFormMistake
from pykasm.isa.forms import mnemonics
from pykasm.isa.formtable import forms
from pykasm.isa.statement import (
    BranchTarget,
    Encoding,
    FarPointer,
    Fixup,
    FixupKind,
    Statement,
    SymbolImmediate,
)
from tests.unit.statements import memory, statement


def code_of(one: Statement) -> str:
    return Encoder().encode([one])[0].code.hex()


FAULTS_OF_KEYSTONE = [
    (statement("mov", "rax", memory(8, displacement=0x28, segment="gs")), "65488b042528000000"),
    (statement("mov", "ebx", memory(4, displacement=0xB8000)), "8b1c2500800b00"),
    (statement("pushfq"), "9c"),
    (statement("pushf"), "9c"),
    (statement("iretq"), "48cf"),
    (statement("nop", memory(4, "rax")), "0f1f00"),
    (statement("sysretq"), "480f07"),
    (statement("retfq"), "48cb"),
    (statement("movsd", prefix="rep"), "f3a5"),
    (statement("endbr64"), "f30f1efa"),
    (statement("lcall", memory(6, "rax")), "ff18"),
    (statement("ljmp", memory(10, "rax")), "48ff28"),
    (statement("pop", memory(8, "rax")), "8f00"),
    (statement("lar", "rax", "bx"), "480f02c3"),
    (statement("mov", "ds", "ax"), "8ed8"),
    (statement("str", "rax"), "0f00c8"),
    (statement("finit"), "9bdbe3"),
    (statement("ret", bits=16), "c3"),
    (statement("push", "cs", bits=32), "0e"),
    (statement("pop", "ds", bits=32), "1f"),
    (statement("iret", bits=32), "cf"),
    (statement("lgdt", memory(6, "eax"), bits=32), "0f0110"),
    (statement("ljmp", FarPointer(8, 0x1000, 4), bits=32), "ea001000000800"),
    (statement("lgdt", memory(6, displacement=0x500), bits=16), "660f01160005"),
]


@pytest.mark.parametrize(("one", "code"), FAULTS_OF_KEYSTONE, ids=str)
def test_what_keystone_gets_wrong_comes_out_right(one: Statement, code: str) -> None:
    assert code_of(one) == code


KINDS = FixupKind
FIXUPS = [
    (statement("call", BranchTarget(short=False)), "e800000000", KINDS.BRANCH32, 1, -4),
    (statement("je", BranchTarget(short=False)), "0f8400000000", KINDS.BRANCH32, 2, -4),
    (statement("jmp", BranchTarget(short=True)), "eb00", KINDS.BRANCH8, 1, -1),
    (statement("xbegin", BranchTarget(short=False)), "c7f800000000", KINDS.BRANCH32, 2, -4),
    (statement("jmp", BranchTarget(short=False), bits=16), "e90000", KINDS.BRANCH16, 1, -2),
    (statement("push", SymbolImmediate(4)), "6800000000", KINDS.SIGNED32, 1, 0),
    (
        statement("lea", "rax", memory(0, "rip", symbolic=True)),
        "488d0500000000",
        KINDS.PC32,
        3,
        -4,
    ),
    (
        statement("mov", memory(4, "rip", symbolic=True), 5),
        "c7050000000005000000",
        KINDS.PC32,
        2,
        -8,
    ),
    (
        statement("mov", memory(1, "rip", symbolic=True), 5),
        "c6050000000005",
        KINDS.PC32,
        2,
        -5,
    ),
    (
        statement("mov", "rcx", memory(8, "rax", symbolic=True)),
        "488b8800000000",
        KINDS.SIGNED32,
        3,
        0,
    ),
    (
        statement("mov", "rax", SymbolImmediate(8)),
        "48b80000000000000000",
        KINDS.ABSOLUTE64,
        2,
        0,
    ),
    (statement("mov", "rax", SymbolImmediate(4)), "48c7c000000000", KINDS.SIGNED32, 3, 0),
    (statement("mov", "eax", SymbolImmediate(4)), "b800000000", KINDS.ABSOLUTE32, 1, 0),
    (
        statement("mov", "ebx", memory(4, symbolic=True), bits=32),
        "8b1d00000000",
        KINDS.ABSOLUTE32,
        2,
        0,
    ),
    (
        statement("mov", "bx", memory(2, symbolic=True), bits=16),
        "8b1e0000",
        KINDS.ABSOLUTE16,
        2,
        0,
    ),
    (
        statement("ljmp", FarPointer(8, 0, 4, symbolic=True), bits=16),
        "66ea000000000800",
        KINDS.ABSOLUTE32,
        2,
        0,
    ),
    (
        statement("fstcw", memory(2, "rip", symbolic=True)),
        "9bd93d00000000",
        KINDS.PC32,
        3,
        -4,
    ),
]


@pytest.mark.parametrize(("one", "code", "kind", "offset", "addend"), FIXUPS, ids=str)
def test_a_symbol_leaves_a_zero_field_and_a_fixup(
    one: Statement, code: str, kind: FixupKind, offset: int, addend: int
) -> None:
    encoding = Encoder().encode([one])[0]
    fixup = encoding.fixups[0]
    assert encoding.code.hex() == code
    assert (fixup.kind, fixup.offset, fixup.addend) == (kind, offset, addend)


def test_a_far_pointer_is_symbolic_or_not_whichever_came_first() -> None:
    numeric = statement("ljmp", FarPointer(8, 0x1000, 2), bits=32)
    symbolic = statement("ljmp", FarPointer(8, 0, 2, symbolic=True), bits=32)
    fixups = [Encoder().encode([one])[0].fixups for one in (numeric, symbolic, numeric)]
    assert [len(one) for one in fixups] == [0, 1, 0]


def test_two_symbols_in_one_statement_have_a_fixup_each() -> None:
    both = statement("mov", memory(8, "rip", symbolic=True), SymbolImmediate(4))
    assert Encoder().encode([both]) == [
        Encoding(
            bytes.fromhex("48c7050000000000000000"),
            (Fixup(3, KINDS.PC32, 0, -8), Fixup(7, KINDS.SIGNED32, 1, 0)),
        )
    ]


def test_encodings_come_in_the_order_of_the_statements() -> None:
    statements = [statement("push", "rbx"), statement("ret"), statement("push", "rbx")]
    assert [e.code.hex() for e in Encoder().encode(statements)] == ["53", "c3", "53"]


def test_a_statement_is_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    assemble = keystone.assemble

    def counting(lines: list[str], bits: int) -> bytes | None:
        asked.extend(lines)
        return assemble(lines, bits)

    monkeypatch.setattr(keystone, "assemble", counting)
    encoder = Encoder()
    encoder.encode([statement("ret"), statement("ret")])
    encoder.encode([statement("ret")])
    assert asked == ["ret"]


keystone_assemble = keystone.assemble


def lying_about_the_middle(lines: list[str], bits: int) -> bytes | None:
    """Keystone as it is after an error in a batch: one statement silently gone."""
    good = [line for line in lines if line != "inc eax"]
    return keystone_assemble(good, bits) if good else None


def test_a_statement_swallowed_in_a_batch_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keystone, "assemble", lying_about_the_middle)
    statements = [statement("ret"), statement("inc", "eax"), statement("leave")]
    assert [e.code.hex() for e in Encoder().encode(statements)] == ["c3", "ffc0", "c9"]


def test_wrong_bytes_never_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keystone, "assemble", lambda lines, bits: b"\x90" * len(lines))
    assert code_of(statement("add", "rax", "rbx")) == "4801d8"


def test_bytes_after_the_last_statement_never_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keystone, "assemble", lambda lines, bits: b"\xc3\xc3")
    assert code_of(statement("ret")) == "c3"


def test_a_wrong_operand_width_never_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keystone, "assemble", lambda lines, bits: b"\x66\x68\x34\x12")
    assert code_of(statement("push", 0x1234)) == "6834120000"


def test_a_statement_that_no_encoder_makes_is_named() -> None:
    mixed = statement("movs", memory(1, "rdi"), memory(1, "esi"))
    with pytest.raises(EncodingMistake, match=r"means `movs byte ptr \[rdi\], byte ptr \[esi\]`"):
        Encoder().encode([mixed])


def test_a_statement_without_a_form_is_refused_before_encoding() -> None:
    with pytest.raises(OperandFormMistake):
        Encoder().encode([statement("mov", "sil", "ah")])


def test_every_instruction_without_operands_encodes() -> None:
    encoder = Encoder()
    alone = [
        Statement(bits, name)
        for name in sorted(mnemonics())
        for bits in (16, 32, 64)
        if any(not form.rules for form in forms(bits, name))
    ]
    assert len(alone) > 500
    assert all(encoding.code for encoding in encoder.encode(alone))


@pytest.mark.parametrize("bits", [16, 32, 64])
@pytest.mark.parametrize("length", range(20))
def test_padding_is_nops_of_exactly_its_length(length: int, bits: int) -> None:
    padding = nops(length, bits)
    instructions = list(Decoder(bits, padding))
    assert sum(instruction.len for instruction in instructions) == len(padding) == length
    assert all(instruction.mnemonic == Mnemonic.NOP for instruction in instructions)
