"""Layout: from lines, labels and padding to code, relocations and the place of every line.

Jumps to labels start in their short form and grow where the distance does not fit, until nothing
changes; as nothing shrinks again this ends. A jump that its author asked to be short stays so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate
from typing import Any

from pykasm.encode.encoder import Encoder
from pykasm.encode.nops import nops
from pykasm.errors import BranchRangeMistake, EncodingMistake, Mistake, PlaceMistake, report
from pykasm.isa.code import (
    Align,
    AssembledCode,
    Body,
    CodeRelocation,
    Label,
    Line,
)
from pykasm.isa.forms import branch_sizes
from pykasm.isa.intel import statement_text
from pykasm.isa.statement import BranchTarget, Encoding, FixupKind, Statement
from pykasm.source import Span

_RELATIVE = (FixupKind.BRANCH8, FixupKind.BRANCH16, FixupKind.BRANCH32, FixupKind.PC32)
"""The fix-ups that count from the instruction."""

_RELATIVE_BYTES = dict(zip(_RELATIVE, (1, 2, 4, 4), strict=True))

_SHORT_LOW, _SHORT_HIGH = -128, 127
_DEFAULT_BITS = 64

_NOTHING = Encoding(b"")

_new: Any = tuple.__new__
"""Makes a named tuple of a tuple, in a third of the time that calling its class takes."""


def assemble(body: Body, encoder: Encoder, symbol: str) -> AssembledCode:
    """Lay out one routine, which begins at `symbol`.

    The routine must be placed at least as aligned as its widest padding. References to labels of
    the body are filled in, all others are left as relocations; so are absolute addresses of
    labels, as `symbol` plus an offset. Raises BranchRangeMistake for a branch that cannot reach
    its target, PlaceMistake for a label that is not in the body, and what the encoder raises.
    """
    return assemble_all([(symbol, body)], encoder)[0]


def assemble_all(routines: Sequence[tuple[str, Body]], encoder: Encoder) -> list[AssembledCode]:
    """Lay out many routines, given as symbol and body, with all their statements encoded at once.

    Of several mistakes all but the last are reported, and that is raised.
    """
    layouts = [_Layout(symbol, body) for symbol, body in routines]
    try:
        encodings = encoder.encode([s for layout in layouts for s in layout.statements])
    except Mistake:
        raise _last([one for layout in layouts for one in _refused(layout, encoder)]) from None
    assembled: list[AssembledCode] = []
    end = 0
    for layout in layouts:
        start, end = end, end + len(layout.statements)
        assembled.append(layout.assembled(encodings[start:end], encoder))
    mistakes = [mistake for layout in layouts for mistake in layout.mistakes]
    if mistakes:
        raise _last(mistakes)
    return assembled


def _refused(layout: _Layout, encoder: Encoder) -> Iterator[Mistake]:
    """The mistakes in statements that do not encode, at the lines that made them."""
    lines = [item for item in layout.body if isinstance(item, Line)]
    for line, statement in zip(lines, layout.statements, strict=True):
        try:
            encoder.encode([statement])
        except Mistake as mistake:
            mistake.span = _span(line)
            yield mistake


def _last(mistakes: list[Mistake]) -> Mistake:
    """The last of `mistakes`, after reporting the others."""
    for mistake in mistakes[:-1]:
        report(mistake)
    return mistakes[-1]


class _Layout:
    """One routine on its way.

    `statements` is what to encode, line by line; of a jump that can grow it has the short form.
    `encodings` and `offsets` run parallel to the items of the body, what is no line encoded as
    nothing. `labels`, `paddings`, `jumps` and `referring` tell where such items are in the body.
    A line with one of `mistakes` is laid out as if it referred to nothing.
    """

    def __init__(self, symbol: str, body: Body) -> None:
        self.symbol = symbol
        self.body = body
        self.statements: list[Statement] = []
        self.labels: dict[Label, int] = {}
        self.paddings: list[int] = []
        self.jumps: list[int] = []
        self.referring: list[tuple[int, Line]] = []
        self.encodings: list[Encoding] = []
        self.offsets: list[int] = []
        self.mistakes: list[Mistake] = []
        self._sort_items()
        self._drop_lost()

    def _sort_items(self) -> None:
        add = self.statements.append
        for index, item in enumerate(self.body):
            if type(item) is Line:
                add(self._referring(index, item) if item.references else item.statement)
            elif type(item) is Label:
                self.labels[item] = index
            else:
                self.paddings.append(index)

    def _referring(self, index: int, line: Line) -> Statement:
        """Note that `line` refers to something; what to encode for it."""
        self.referring.append((index, line))
        if type(line.references[0].target) is Label:
            short = _short_form(line.statement)
            if short is not None:
                self.jumps.append(index)
                return short
        return line.statement

    def _drop_lost(self) -> None:
        """Forget the references of lines that refer to a label outside of the body."""
        lost = {
            index: _lost(line, one.target)
            for index, line in self.referring
            for one in line.references
            if type(one.target) is Label and one.target not in self.labels
        }
        if lost:
            self.mistakes += lost.values()
            self.jumps = [index for index in self.jumps if index not in lost]
            self.referring = [(index, line) for index, line in self.referring if index not in lost]

    def assembled(self, encodings: list[Encoding], encoder: Encoder) -> AssembledCode:
        """The routine after layout; `encodings` are those of its statements."""
        self.encodings = encodings
        for index in sorted([*self.labels.values(), *self.paddings]):
            encodings.insert(index, _NOTHING)
        self._grow(encoder)
        code = bytearray().join([encoding.code for encoding in self.encodings])
        relocations = self._fill(code)
        offsets = self.offsets
        labels = {label: offsets[index] for label, index in self.labels.items()}
        return AssembledCode(bytes(code), self.body, offsets, relocations, labels)

    def _grow(self, encoder: Encoder) -> None:
        """Place everything, and give jumps that do not reach their near form, until all reach."""
        while True:
            self._place()
            too_far = [index for index in self.jumps if not self._reaches(index)]
            if not too_far:
                return
            grown = encoder.encode([self._line(index).statement for index in too_far])
            for index, encoding in zip(too_far, grown, strict=True):
                self.encodings[index] = encoding
            self.jumps = sorted(set(self.jumps).difference(too_far))

    def _line(self, index: int) -> Line:
        line = self.body[index]
        assert type(line) is Line
        return line

    def _place(self) -> None:
        """Compute the offset of every item, and of the end, and the bytes of the paddings."""
        sizes = [len(encoding.code) for encoding in self.encodings]
        offsets: list[int] = []
        at, start = 0, 0
        for padding in self.paddings:
            offsets += accumulate(sizes[start:padding], initial=at)
            at = offsets.pop()
            self.encodings[padding] = made = Encoding(self._padding(padding, at))
            sizes[padding] = len(made.code)
            start = padding
        offsets += accumulate(sizes[start:], initial=at)
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
        assert type(reference.target) is Label
        target = self._offset(reference.target) + reference.addend
        return _SHORT_LOW <= target - self.offsets[index + 1] <= _SHORT_HIGH

    def _offset(self, label: Label) -> int:
        return self.offsets[self.labels[label]]

    def _fill(self, code: bytearray) -> list[CodeRelocation]:
        """Fill in what is known and tell what the linker has to."""
        relocations: list[CodeRelocation] = []
        for index, line in self.referring:
            try:
                self._fill_line(code, index, line, relocations)
            except Mistake as mistake:
                self.mistakes.append(mistake)
        return relocations

    def _fill_line(
        self, code: bytearray, index: int, line: Line, relocations: list[CodeRelocation]
    ) -> None:
        """Fill in or add to `relocations` what `line` refers to."""
        start, fixups = self.offsets[index], self.encodings[index].fixups
        references = line.references
        if len(fixups) != len(references):
            raise _unmatched(line)
        for fixup, (operand, target, addend) in zip(fixups, references, strict=True):
            offset, kind, field, more = fixup
            if field != operand:
                raise _unmatched(line)
            place, addend = start + offset, addend + more
            if isinstance(target, Label):
                symbol, addend = self.symbol, addend + self._offset(target)
                if kind in _RELATIVE:
                    _write(code, place, kind, addend - place, line)
                    continue
            elif kind is FixupKind.BRANCH8:
                raise _leaving(line, target)
            else:
                symbol = target
            relocations.append(_new(CodeRelocation, (place, kind, symbol, addend)))


def _lost(line: Line, label: Label) -> PlaceMistake:
    return PlaceMistake(
        f"the label `{label.name}` is not in this code",
        expected="a label placed in the function that refers to it",
        got=f"`{statement_text(line.statement)}`",
        span=_span(line),
    )


def _write(code: bytearray, place: int, kind: FixupKind, distance: int, line: Line) -> None:
    """Put `distance` where `kind` of `line` has its field, at `place`."""
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


def _leaving(line: Line, target: str) -> BranchRangeMistake:
    return BranchRangeMistake(
        f"`{line.statement.mnemonic}` cannot leave its own code",
        expected="a label in the same function, at most 127 bytes away",
        got=f"the symbol `{target}`",
        fix="branch to a label here, and from there `jmp` to the symbol",
        span=_span(line),
    )


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
