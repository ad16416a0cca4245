"""Encodings that builds remember: used again, and never trusted blindly."""

from __future__ import annotations

from pathlib import Path

from pykasm.build.memory import encodings, remembering_encoder
from pykasm.isa.registers import REGISTERS
from pykasm.isa.statement import Address, Statement

LOAD = Statement(64, "mov", (REGISTERS["rax"], Address(8, base=REGISTERS["rbx"])))


def remembered(path: Path) -> bytes:
    """Encode one statement, let it be remembered, and give its code."""
    journal = encodings(path)
    encoder = remembering_encoder(journal.known)
    (encoding,) = encoder.encode([LOAD])
    journal.save(encoder.known)
    return encoding.code


def test_what_one_build_encodes_the_next_one_knows(tmp_path: Path) -> None:
    code = remembered(tmp_path / "encodings")
    assert encodings(tmp_path / "encodings").known[LOAD].code == code


def test_registers_come_back_as_themselves(tmp_path: Path) -> None:
    remembered(tmp_path / "encodings")
    (statement,) = encodings(tmp_path / "encodings").known
    assert statement.operands[0] is REGISTERS["rax"]
