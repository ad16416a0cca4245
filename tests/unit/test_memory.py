"""Encodings that builds remember: used again, and never trusted blindly."""

from __future__ import annotations

from pathlib import Path

from pykasm.build.memory import Memory
from pykasm.isa.registers import REGISTERS
from pykasm.isa.statement import Address, Encoding, Statement

LOAD = Statement(64, "mov", (REGISTERS["rax"], Address(8, base=REGISTERS["rbx"])))


def remembered(cache: Path) -> Encoding:
    """Encode one statement, and leave it to later builds."""
    memory = Memory(cache)
    encoder = memory.encoder()
    (encoding,) = encoder.encode([LOAD])
    memory.save(encoder, memory.importer(cache), {})
    return encoding


def test_what_one_build_encodes_the_next_one_knows(tmp_path: Path) -> None:
    encoding = remembered(tmp_path)
    assert Memory(tmp_path).encoder().known == {LOAD: encoding}


def test_registers_come_back_as_themselves(tmp_path: Path) -> None:
    remembered(tmp_path)
    (statement,) = Memory(tmp_path).encoder().known
    assert statement.operands[0] is REGISTERS["rax"]
