"""Objects that nobody else sees yet: their guarded fields need no lock."""

from __future__ import annotations

from pykasm.errors import DeclarationMistake, TypeMistake, report
from pykasm.lang.operands import MemoryOperand, RegisterOperand
from pykasm.lang.types import Value
from pykasm.lang.word import Word


class _Unshared(Word):
    """A block in which only this code has the address of `thing`."""

    def __init__(self, thing: RegisterOperand | MemoryOperand) -> None:
        super().__init__("unshared")
        self.thing = thing
        self.is_needed = False

    def begin(self) -> None:
        self.builder.unshared.append(self)

    def end(self) -> None:
        self.builder.unshared.remove(self)
        if not self.is_needed:
            report(
                DeclarationMistake(
                    f"no guarded field of `{self.thing._text()}` is touched here",
                    expected="a block that writes fields which name their lock",
                    got="a block that needs no `unshared`",
                    fix="take it out",
                    span=self.moment.span if self.moment else None,
                )
            )

    def covers(self, place: MemoryOperand) -> bool:
        """Whether `place` lies in the object."""
        found = _same_place(self.thing, place)
        self.is_needed |= found
        return found


def _same_place(thing: RegisterOperand | MemoryOperand, place: MemoryOperand) -> bool:
    """Whether an object and a place in memory have one address to begin with."""
    if isinstance(thing, MemoryOperand):
        mine, theirs = thing._reference, place._reference
        return mine is not None and theirs is not None and mine.symbol == theirs.symbol
    base = place._base
    if base is None or base._register.number != thing._register.number:
        return False
    return base._role is thing._role


def unshared(thing: Value) -> Word:
    """Say that nobody else has the address of `thing`, a struct, before the block ends.

    In the block its guarded fields need no lock, as where an object is made. `thing` is a pointer
    in a register or a datum. A block that needs no such word is a mistake.
    """
    if not isinstance(thing, RegisterOperand | MemoryOperand):
        raise TypeMistake(
            "`unshared` takes an object",
            expected="a pointer in a register, or a datum",
            got=repr(thing),
        )
    return _Unshared(thing)
