"""Statements to machine code: Keystone's bytes, taken only if they decode to what was meant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from iced_x86 import Decoder, Instruction

from pykasm.encode import fallback, keystone
from pykasm.encode.fixups import encoding_with_fixups
from pykasm.encode.render import render, with_placeholders
from pykasm.encode.verify import matching_form
from pykasm.errors import EncodingMistake
from pykasm.isa.forms import match
from pykasm.isa.intel import statement_text
from pykasm.isa.shapes import Shape
from pykasm.isa.statement import Encoding, Statement

BATCH = 250
"""How many statements Keystone is given at once: more gain nothing and cost more after an error."""

_WAITING = {
    "fclex": "fnclex",
    "finit": "fninit",
    "fsave": "fnsave",
    "fstcw": "fnstcw",
    "fstenv": "fnstenv",
    "fstsw": "fnstsw",
}
"""x87 instructions that are `wait` and another instruction (Intel SDM vol. 2, FINIT …)."""


class _Job(NamedTuple):
    """A statement to encode: as given, with placeholders for symbols, its shape and its text."""

    statement: Statement
    numeric: Statement
    shape: Shape
    text: str


class Encoder:
    """Encodes statements, each distinct one once."""

    def __init__(self, known: dict[Statement, Encoding] | None = None) -> None:
        self.known: dict[Statement, Encoding] = {} if known is None else known
        """What is encoded already; `known` are encodings that an encoder made before."""

    def encode(self, statements: Sequence[Statement]) -> list[Encoding]:
        """The machine code of each statement, in order.

        Raises what `forms.check` raises, and EncodingMistake for a statement that has a form but
        that no encoder turned into bytes that mean it.
        """
        known = self.known
        try:
            return [known[statement] for statement in statements]
        except KeyError:
            self._learn([s for s in dict.fromkeys(statements) if s not in known])
        return [known[statement] for statement in statements]

    def _learn(self, statements: list[Statement]) -> None:
        batches: dict[int, list[_Job]] = {}
        for statement in statements:
            if statement.mnemonic in _WAITING:
                self.known[statement] = self._after_wait(statement)
                continue
            job = _job(statement)
            if statement.options:
                self.known[statement] = _encoded_otherwise(job)
            elif job.shape.has_branch:
                self._encode_batch([job])
            else:
                batches.setdefault(statement.bits, []).append(job)
        for jobs in batches.values():
            for start in range(0, len(jobs), BATCH):
                self._encode_batch(jobs[start : start + BATCH])

    def _after_wait(self, statement: Statement) -> Encoding:
        match(statement)
        rest = statement._replace(mnemonic=_WAITING[statement.mnemonic])
        wait, other = self.encode([Statement(statement.bits, "wait"), rest])
        shift = len(wait.code)
        fixups = tuple(fixup._replace(offset=fixup.offset + shift) for fixup in other.fixups)
        return Encoding(wait.code + other.code, fixups)

    def _encode_batch(self, jobs: list[_Job]) -> None:
        """Encode `jobs` at once; after a fault keep the good ones and split to find the culprit."""
        code = keystone.assemble([job.text for job in jobs], jobs[0].statement.bits)
        good = 0 if code is None else self._accept(code, jobs)
        if good == len(jobs):
            return
        if len(jobs) == 1:
            self.known[jobs[0].statement] = _encoded_otherwise(jobs[0])
            return
        rest = jobs[good:]
        cut = 1 if code is not None else (len(rest) + 1) // 2
        for part in (rest[:cut], rest[cut:]):
            if part:
                self._encode_batch(part)

    def _accept(self, code: bytes, jobs: list[_Job]) -> int:
        """Take over the encodings of `jobs` as far as `code` means them; return how many."""
        found = _decoded(code, jobs)
        for job, encoding in zip(jobs, found, strict=False):
            self.known[job.statement] = encoding
        return len(found)


def _job(statement: Statement) -> _Job:
    shape = match(statement)
    numeric = with_placeholders(statement) if shape.has_symbol else statement
    return _Job(statement, numeric, shape, render(numeric, shape.forms[0]))


def _decoded(code: bytes, jobs: list[_Job]) -> list[Encoding]:
    """The encodings in `code` of `jobs`, up to the first that is not what was meant."""
    decoder = Decoder(jobs[0].statement.bits, code)
    instruction = Instruction()
    found: list[Encoding] = []
    start = 0
    for statement, numeric, shape, text in jobs:
        decoder.decode_out(instruction)
        form = matching_form(instruction, numeric, shape.forms, text)
        if form is None:
            return found
        end = decoder.position
        piece = code[start:end]
        if shape.has_symbol:
            offsets = decoder.get_constant_offsets(instruction)
            found.append(encoding_with_fixups(piece, offsets, statement, form))
        else:
            found.append(Encoding(piece))
        start = end
    if start != len(code):
        found.pop()
    return found


def _encoded_otherwise(job: _Job) -> Encoding:
    """The encoding by iced-x86, checked in the same way."""
    for code in fallback.candidates(job.numeric, job.shape.forms):
        found = _decoded(code, [job])
        if found:
            return found[0]
    raise EncodingMistake(
        f"no encoder makes machine code that means `{statement_text(job.statement)}`",
        expected="bytes that decode to the same instruction and operands",
        got="no such bytes from Keystone and from iced-x86",
        fix="write the instruction in another form",
    )
