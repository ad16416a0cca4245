"""Encodings that builds remember: used again, and never trusted blindly."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from pykasm.build.memory import remember, remembering_encoder
from pykasm.isa.registers import REGISTERS
from pykasm.isa.statement import Address, Statement

LOAD = Statement(64, "mov", (REGISTERS["rax"], Address(8, base=REGISTERS["rbx"])))


def remembered(path: Path) -> bytes:
    """Encode one statement, let it be remembered, and give its code."""
    encoder = remembering_encoder(path)
    (encoding,) = encoder.encode([LOAD])
    remember(path, encoder)
    return encoding.code


def test_what_one_build_encodes_the_next_one_knows(tmp_path: Path) -> None:
    code = remembered(tmp_path / "encodings")
    known = remembering_encoder(tmp_path / "encodings").known
    assert known[LOAD].code == code


def test_registers_come_back_as_themselves(tmp_path: Path) -> None:
    remembered(tmp_path / "encodings")
    (statement,) = remembering_encoder(tmp_path / "encodings").known
    assert statement.operands[0] is REGISTERS["rax"]


@pytest.mark.parametrize(
    "contents", [b"", b"damaged", pickle.dumps(7), pickle.dumps(("of another version", {LOAD: 1}))]
)
def test_what_can_not_be_used_is_as_good_as_nothing(tmp_path: Path, contents: bytes) -> None:
    (tmp_path / "encodings").write_bytes(contents)
    assert remembering_encoder(tmp_path / "encodings").known == {}
