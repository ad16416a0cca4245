"""What is known at an instruction: what registers, flags and the stack hold on every path."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from pykasm.check.effects import RSP, WHOLE
from pykasm.lang.role import Role

ALL_FLAGS = 0x1FF
"""Every flag that iced-x86 knows (its `RflagsBits`)."""


class Clobber(NamedTuple):
    """Why a value is not there any more: the index of the `instruction` that ended it, and
    whether that was a call. None: nothing was ever written."""

    instruction: int | None
    call: bool = False


NEVER = Clobber(None)


class Value(NamedTuple):
    """What a register holds.

    `missing` are the parts (bits of `WHOLE`) that some path leaves without a value, `clobber` why.
    `role` is the role that was written there, None for a value without one. `entry` is the number
    of the register whose value at entry this still is.
    """

    missing: int = 0
    clobber: Clobber | None = None
    role: Role | None = None
    entry: int | None = None
    mixed: bool = False

    def joined(self, other: Value) -> Value:
        """What is known where two paths meet."""
        if self == other:
            return self
        return Value(
            self.missing | other.missing,
            self.clobber or other.clobber,
            self.role if self.role is other.role else None,
            self.entry if self.entry == other.entry else None,
            self.mixed or other.mixed or self.role is not other.role,
        )


UNKNOWN = Value()


@dataclass(slots=True)
class State:
    """The machine before an instruction.

    `depth` is how many bytes lie between rsp and where it was at entry, None where that can't be
    known; `base` the same for rbp. `slots` are values saved on the stack, by their depth.
    `undefined_flags` are flags without a defined value, `flag_clobber` why; `direction` is
    whether DF may be set.
    """

    registers: list[Value]
    depth: int | None = 0
    base: int | None = None
    slots: dict[int, Value] = field(default_factory=dict)
    undefined_flags: int = 0
    flag_clobber: Clobber | None = None
    direction: bool = False

    def copy(self) -> State:
        """A state that can be changed apart from this one; `slots` are never changed in place."""
        return State(
            self.registers[:],
            self.depth,
            self.base,
            self.slots,
            self.undefined_flags,
            self.flag_clobber,
            self.direction,
        )

    def join(self, other: State) -> bool:
        """Take in another path's state; whether anything changed."""
        before = (self.registers, self.depth, self.base, self.slots, self.undefined_flags)
        direction = self.direction
        if self.registers != other.registers:
            pairs = zip(self.registers, other.registers, strict=True)
            self.registers = [
                mine if mine is theirs else mine.joined(theirs) for mine, theirs in pairs
            ]
        if self.depth != other.depth:
            self.depth = None
        if self.base != other.base:
            self.base = None
        if self.slots != other.slots:
            shared = self.slots.keys() & other.slots.keys()
            self.slots = {at: self.slots[at].joined(other.slots[at]) for at in shared}
        self.undefined_flags |= other.undefined_flags
        self.flag_clobber = self.flag_clobber or other.flag_clobber
        self.direction |= other.direction
        after = (self.registers, self.depth, self.base, self.slots, self.undefined_flags)
        return before != after or direction != self.direction

    def write(self, number: int, parts: int, role: Role | None, clobber: Clobber) -> None:
        """Give `parts` of a register a value. Without a `role` it ends that of the old one, which
        is a `clobber` to who reads that."""
        if number == RSP:
            return
        if parts == WHOLE:
            self.registers[number] = Value(role=role) if role else self._unnamed(number, clobber)
            return
        old = self.registers[number]
        missing = old.missing & ~parts
        self.registers[number] = Value(
            missing,
            old.clobber if missing or old.mixed else None,
            old.role if role is None else role,
            mixed=old.mixed and role is None,
        )

    def _unnamed(self, number: int, clobber: Clobber) -> Value:
        """A value without a name in a register, which may have held a named one."""
        old = self.registers[number]
        if old.role is not None:
            return Value(clobber=clobber, mixed=True)
        return Value(clobber=old.clobber or clobber, mixed=True) if old.mixed else UNKNOWN

    def lose(self, numbers: Iterable[int], clobber: Clobber) -> None:
        """End the values of registers."""
        lost = Value(WHOLE, clobber)
        for number in numbers:
            self.registers[number] = lost
