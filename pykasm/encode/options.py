"""The options of vector instructions in assembly text: `{k1}`, `{z}`, `{1to16}`, `{rn-sae}`."""

from __future__ import annotations

import re
from typing import Any

from pykasm.encode.expression import Tokens
from pykasm.errors import OperandFormMistake
from pykasm.isa.registers import REGISTERS, Register, RegisterKind
from pykasm.isa.statement import ROUNDINGS, Address, Operand, VectorOptions

_NONE = VectorOptions()


class OptionReader:
    """Reads what stands in braces behind the operands of a line."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._options = _NONE
        self._rounds_behind = 0

    def read(self, found: list[Operand], alone: bool = False) -> None:
        """Take all options behind the last of the operands `found`.

        One that stands `alone`, where an operand could, is a way to round.
        """
        if alone and self._tokens.peek()[1:-1] not in ROUNDINGS:
            raise _misplaced(self._tokens.peek())
        while (word := self._tokens.peek()).startswith("{"):
            self._tokens.take()
            change = self._meaning(word[1:-1], found)
            if change is None or any(getattr(self._options, one) for one in change):
                raise _misplaced(word)
            self._options = self._options._replace(**change)

    def _meaning(self, name: str, found: list[Operand]) -> dict[str, Any] | None:
        """The option `name` behind the operands `found`; None where it has no meaning."""
        if len(found) == 1:
            if name == "z":
                return {"zeroing": True}
            if name in REGISTERS and REGISTERS[name].kind is RegisterKind.MASK:
                return {"mask": REGISTERS[name]}
        if name in ROUNDINGS and isinstance(found[-1], Register):
            self._rounds_behind = len(found)
            return {"rounding": name}
        if re.fullmatch(r"1to\d{1,2}", name) and isinstance(found[-1], Address):
            return {"copies": int(name[3:])}
        return None

    def finish(self, found: list[Operand]) -> VectorOptions | None:
        """The options of a line with the operands `found`; None if there are none."""
        if self._options == _NONE:
            return None
        if self._options.rounding:
            for operand in found[self._rounds_behind :]:
                if isinstance(operand, Address) or _is_vector(operand):
                    raise _misplaced(f"{{{self._options.rounding}}}")
        return self._options


def _is_vector(operand: Operand) -> bool:
    return isinstance(operand, Register) and operand.kind is RegisterKind.VECTOR


def _misplaced(word: str) -> OperandFormMistake:
    return OperandFormMistake(
        f"`{word}` cannot stand in this place",
        expected="`{k1}` and `{z}` behind the first operand, `{1to16}` behind memory, "
        f"{', '.join(f'`{{{one}}}`' for one in ROUNDINGS)} behind the last register; each once",
        got=f"`{word}`",
    )
