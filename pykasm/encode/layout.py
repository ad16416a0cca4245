"""Layout: from lines, labels and padding to code, relocations and the place of every line.

Jumps to labels start in their short form and grow where the distance does not fit, until nothing
changes; as nothing shrinks again this ends. A jump that its author asked to be short stays so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
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

_RELATIVE = (FixupKind.BRANCH8, FixupKind.BRANCH16, FixupKind.BRANCH32, FixupKind.PC32)
"""The fix-ups that count from the instruction."""

_RELATIVE_BYTES = dict(zip(_RELATIVE, (1, 2, 4, 4), strict=True))

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
    encodings = encoder.encode([s for layout in layouts for s in layout.statements])
    assembled = []
    end = 0
    for layout in layouts:
        start, end = end, end + len(layout.statements)
        assembled.append(layout.assembled(encodings[start:end], encoder))
    return assembled


class _Layout:
    """One piece of code on its way.

    `statements` is what to encode, line by line; of a jump that can grow it has the short form.
    `codes` and `offsets` run parallel to the items of the body, everything else goes by an item's
    index in it.
    """

    def __init__(self, symbol: str, body: Body) -> None:
        self.symbol = symbol
        self.body = body
        self.statements: list[Statement] = []
        self.lines: dict[int, Line] = {}
        self.labels: dict[Label, int] = {}
        self.paddings: list[int] = []
        self.jumps: list[int] = []
        self.referring: list[int] = []
        self.fixups: dict[int, tuple[Fixup, ...]] = {}
        self.codes: list[bytes] = [b""] * len(body)
        self.offsets: list[int] = []
        self._sort_items()

    def _sort_items(self) -> None:
        for index, item in enumerate(self.body):
            if type(item) is Line:
                self.lines[index] = item
                self.statements.append(
                    self._referring_statement(index, item) if item.references else item.statement
                )
            elif type(item) is Label:
                self.labels[item] = index
            else:
                self.paddings.append(index)

    def _referring_statement(self, index: int, line: Line) -> Statement:
        self.referring.append(index)
        short = _short_form(line.statement)
        if short is None or not isinstance(line.references[0].target, Label):
            return line.statement
        self.jumps.append(index)
        return short

    def assembled(self, encodings: list[Encoding], encoder: Encoder) -> AssembledCode:
        """The piece after layout; `encodings` are those of its statements."""
        for index, encoding in zip(self.lines, encodings, strict=True):
            self.codes[index] = encoding.code
            if encoding.fixups:
                self.fixups[index] = encoding.fixups
        self._grow(encoder)
        code = bytearray(b"".join(self.codes))
        relocations = list(self._fill(code))
        offsets, codes = self.offsets, self.codes
        places = [offsets[index] for index in self.lines]
        sizes = [len(codes[index]) for index in self.lines]
        lines = list(map(PlacedLine, places, sizes, self.lines.values()))
        labels = {label: offsets[index] for label, index in self.labels.items()}
        return AssembledCode(bytes(code), relocations, lines, labels)

    def _grow(self, encoder: Encoder) -> None:
        """Place everything, and give jumps that do not reach their near form, until all reach."""
        while True:
            self._place()
            too_far = [index for index in self.jumps if not self._reaches(index)]
            if not too_far:
                return
            grown = encoder.encode([self.lines[index].statement for index in too_far])
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
        line = self.lines[index]
        reference = line.references[0]
        target = self._offset(reference, line) + reference.addend
        return _SHORT_LOW <= target - self.offsets[index + 1] <= _SHORT_HIGH

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
            line = self.lines[index]
            fixups = self.fixups.get(index, ())
            if len(fixups) != len(line.references):
                raise _unmatched(line)
            for reference in line.references:
                fixup = next(fixup for fixup in fixups if fixup.operand == reference.operand)
                place = self.offsets[index] + fixup.offset
                addend = reference.addend + fixup.addend
                if not isinstance(reference.target, Label):
                    yield self._external(line, fixup, place, reference.target, addend)
                    continue
                distance = self._offset(reference, line) + addend
                if fixup.kind in _RELATIVE:
                    self._write(code, place, fixup.kind, distance - place, line)
                else:
                    yield CodeRelocation(place, fixup.kind, self.symbol, distance)

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


@cache
def _short_form(statement: Statement) -> Statement | None:
    """The short form of a jump whose length is left to the layout; None for all else."""
    operand = statement.operands[0] if statement.operands else None
    if not isinstance(operand, BranchTarget) or operand.short:
        return None
    if len(branch_sizes(statement.bits, statement.mnemonic)) < 2:
        return None
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
