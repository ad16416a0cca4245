"""Layout: from lines, labels and padding to code, relocations and the place of every line.

Jumps to labels start in their short form and grow where the distance does not fit, until nothing
changes; as nothing shrinks again this ends. A jump that its author asked to be short stays so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

from pykasm.encode.encoder import Encoder
from pykasm.encode.nops import nops
from pykasm.errors import BranchRangeMistake, EncodingMistake, PlaceMistake
from pykasm.isa.code import (
    Align,
    AssembledCode,
    Body,
    CodeRelocation,
    Label,
    Line,
    PlacedLine,
    Reference,
)
from pykasm.isa.forms import branch_sizes
from pykasm.isa.intel import statement_text
from pykasm.isa.statement import BranchTarget, Encoding, Fixup, FixupKind, Statement
from pykasm.source import Span

_RELATIVE_BYTES = {
    FixupKind.BRANCH8: 1,
    FixupKind.BRANCH16: 2,
    FixupKind.BRANCH32: 4,
    FixupKind.PC32: 4,
}
"""The fix-ups that count from the instruction, with the bytes of their fields."""

_SHORT_LOW, _SHORT_HIGH = -128, 127
_DEFAULT_BITS = 64


def assemble(body: Body, encoder: Encoder, symbol: str) -> AssembledCode:
    """Lay out one piece of code, which begins at `symbol`.

    The piece must be placed at least as aligned as its widest padding. References to labels of
    the body are filled in, all others are left as relocations; so are absolute addresses of
    labels, as `symbol` plus an offset. Raises BranchRangeMistake for a branch that cannot reach
    its target, PlaceMistake for a label that is not in the body, and what the encoder raises.
    """
    return assemble_all([(symbol, body)], encoder)[0]


def assemble_all(pieces: Sequence[tuple[str, Body]], encoder: Encoder) -> list[AssembledCode]:
    """Lay out many pieces, given as symbol and body, with all their statements encoded at once."""
    layouts = [_Layout(symbol, body) for symbol, body in pieces]
    encodings = iter(encoder.encode([s for layout in layouts for s in layout.statements()]))
    return [layout.assembled(encodings, encoder) for layout in layouts]


class _Layout:
    """One piece of code on its way. Lists run parallel to the items of the body."""

    def __init__(self, symbol: str, body: Body) -> None:
        self.symbol = symbol
        self.body = body
        self.labels: dict[Label, int] = {}
        self.paddings: list[int] = []
        self.jumps: list[int] = []
        self.referring: list[int] = []
        self.codes: list[bytes] = []
        self.fixups: dict[int, tuple[Fixup, ...]] = {}
        self.offsets: list[int] = []

    def statements(self) -> Iterator[Statement]:
        """What to encode: each line's statement, of a jump that can grow the short form."""
        for index, item in enumerate(self.body):
            if type(item) is Line:
                if item.references:
                    self.referring.append(index)
                    if _can_grow(item):
                        self.jumps.append(index)
                        yield _in_short_form(item.statement)
                        continue
                yield item.statement
            elif type(item) is Label:
                self.labels[item] = index
            else:
                self.paddings.append(index)

    def assembled(self, encodings: Iterator[Encoding], encoder: Encoder) -> AssembledCode:
        """The piece after layout; `encodings` are those of `statements()`, in order."""
        self._take(encodings)
        self._grow(encoder)
        code = bytearray(b"".join(self.codes))
        relocations = list(self._fill(code))
        offsets, codes = self.offsets, self.codes
        lines = [
            PlacedLine(offsets[index], len(codes[index]), item)
            for index, item in enumerate(self.body)
            if type(item) is Line
        ]
        labels = {label: offsets[index] for label, index in self.labels.items()}
        return AssembledCode(bytes(code), relocations, lines, labels)

    def _take(self, encodings: Iterator[Encoding]) -> None:
        for index, item in enumerate(self.body):
            if type(item) is Line:
                code, fixups = next(encodings)
                self.codes.append(code)
                if fixups:
                    self.fixups[index] = fixups
            else:
                self.codes.append(b"")

    def _grow(self, encoder: Encoder) -> None:
        """Place everything, and give jumps that do not reach their near form, until all reach."""
        while True:
            self._place()
            too_far = [index for index in self.jumps if not self._reaches(index)]
            if not too_far:
                return
            grown = encoder.encode([self._line(index).statement for index in too_far])
            for index, (code, fixups) in zip(too_far, grown, strict=True):
                self.codes[index] = code
                self.fixups[index] = fixups
            self.jumps = sorted(set(self.jumps).difference(too_far))

    def _place(self) -> None:
        """Compute the offset of every item, and of the end, and the bytes of the paddings."""
        offsets: list[int] = []
        at, start = 0, 0
        for padding in self.paddings:
            offsets += accumulate(map(len, self.codes[start:padding]), initial=at)
            at = offsets.pop()
            self.codes[padding] = self._padding(padding, at)
            start = padding
        offsets += accumulate(map(len, self.codes[start:]), initial=at)
        self.offsets = offsets

    def _padding(self, index: int, at: int) -> bytes:
        item = self.body[index]
        assert isinstance(item, Align)
        before = (line for line in reversed(self.body[:index]) if isinstance(line, Line))
        after = (line for line in self.body[index:] if isinstance(line, Line))
        line = next(before, None) or next(after, None)
        return nops(-at % item.boundary, line.statement.bits if line else _DEFAULT_BITS)

    def _reaches(self, index: int) -> bool:
        line = self._line(index)
        reference = line.references[0]
        target = self._offset(reference, line) + reference.addend
        return _SHORT_LOW <= target - self.offsets[index + 1] <= _SHORT_HIGH

    def _line(self, index: int) -> Line:
        item = self.body[index]
        assert isinstance(item, Line)
        return item

    def _offset(self, reference: Reference, line: Line) -> int:
        """The place of the label that `reference` of `line` points to."""
        assert isinstance(reference.target, Label)
        index = self.labels.get(reference.target)
        if index is None:
            raise PlaceMistake(
                f"the label `{reference.target.name}` is not in this code",
                expected="a label placed in the function that refers to it",
                got=f"`{statement_text(line.statement)}`",
                span=_span(line),
            )
        return self.offsets[index]

    def _fill(self, code: bytearray) -> Iterator[CodeRelocation]:
        """Fill in what is known and tell what the linker has to."""
        for index in self.referring:
            line = self._line(index)
            fixups = {fixup.operand: fixup for fixup in self.fixups.get(index, ())}
            if len(fixups) != len(line.references):
                raise _unmatched(line)
            for reference in line.references:
                fixup = fixups[reference.operand]
                place = self.offsets[index] + fixup.offset
                addend = reference.addend + fixup.addend
                if not isinstance(reference.target, Label):
                    yield self._external(line, fixup, place, reference.target, addend)
                elif fixup.kind in _RELATIVE_BYTES:
                    distance = self._offset(reference, line) + addend - place
                    self._write(code, place, fixup.kind, distance, line)
                else:
                    addend += self._offset(reference, line)
                    yield CodeRelocation(place, fixup.kind, self.symbol, addend)

    def _external(
        self, line: Line, fixup: Fixup, place: int, target: str, addend: int
    ) -> CodeRelocation:
        if fixup.kind is FixupKind.BRANCH8:
            raise BranchRangeMistake(
                f"`{line.statement.mnemonic}` cannot leave its own code",
                expected="a label in the same function, at most 127 bytes away",
                got=f"the symbol `{target}`",
                fix="branch to a label here, and from there `jmp` to the symbol",
                span=_span(line),
            )
        return CodeRelocation(place, fixup.kind, target, addend)

    def _write(
        self, code: bytearray, place: int, kind: FixupKind, distance: int, line: Line
    ) -> None:
        size = _RELATIVE_BYTES[kind]
        try:
            code[place : place + size] = distance.to_bytes(size, "little", signed=True)
        except OverflowError:
            half = 1 << size * 8 - 1
            raise BranchRangeMistake(
                f"the target of `{line.statement.mnemonic}` is too far away",
                expected=f"a distance of {-half} … {half - 1} bytes",
                got=f"{distance} bytes",
                fix=_reach_help(line.statement),
                span=_span(line),
            ) from None


def _can_grow(line: Line) -> bool:
    """Whether `line` is a jump to a label whose length is left to the layout."""
    statement = line.statement
    operand = statement.operands[0] if statement.operands else None
    return (
        isinstance(operand, BranchTarget)
        and not operand.short
        and isinstance(line.references[0].target, Label)
        and len(branch_sizes(statement.bits, statement.mnemonic)) > 1
    )


def _in_short_form(statement: Statement) -> Statement:
    return statement._replace(operands=(BranchTarget(short=True),))


def _span(line: Line) -> Span:
    text = line.source.text
    return Span(line.source, len(text) - len(text.lstrip()), len(text))


def _reach_help(statement: Statement) -> str:
    if max(branch_sizes(statement.bits, statement.mnemonic)) > 1:
        return "leave out `short`, then the near form is taken"
    return "branch to a label nearby, and from there `jmp` on"


def _unmatched(line: Line) -> EncodingMistake:
    return EncodingMistake(
        f"`{statement_text(line.statement)}` does not hold the addresses that it refers to",
        expected="one symbolic operand for each reference",
        got=f"{len(line.references)} references",
        span=_span(line),
    )
