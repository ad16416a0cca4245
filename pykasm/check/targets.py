"""What an instruction calls or jumps to outside of its own piece of code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pykasm.isa.code import Line
from pykasm.isa.statement import BranchTarget
from pykasm.lang.objects import PlacedPiece


@dataclass(frozen=True, slots=True)
class Targets:
    """The `pieces` of a build by their symbols, and the symbols that each datum points to."""

    pieces: Mapping[str, PlacedPiece]
    pointers: Mapping[str, Sequence[str]]

    def of(self, line: Line) -> Iterator[str]:
        """The pieces that an instruction calls or jumps to, so far as that is known."""
        for one in line.references:
            if isinstance(one.target, str):
                if isinstance(line.statement.operands[one.operand], BranchTarget):
                    yield from (one.target,) if one.target in self.pieces else ()
                elif line.statement.mnemonic in ("call", "jmp"):
                    table = self.pointers.get(one.target, ())
                    yield from dict.fromkeys(symbol for symbol in table if symbol in self.pieces)
