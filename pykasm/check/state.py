"""The state of the register analysis: what registers, flags and the stack hold on every path."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from pykasm.check.effects import ALL_LANES, RSP
from pykasm.lang.role import Role

ALL_FLAGS = 0x1FF
"""Every flag that iced-x86 knows (its `RflagsBits`)."""


class Clobber(NamedTuple):
    """Why a value is gone: the index of the `instruction` that destroyed it, and whether that was a
    call. None: nothing was ever written."""

    instruction: int | None
    call: bool = False


NEVER_WRITTEN = Clobber(None)


class Value(NamedTuple):
    """What a register holds: an element of the lattice that `join` goes up in.

    `undefined` are the lanes (bits of `ALL_LANES`) that some path leaves without a value, `clobber`
    why. `role` is the role whose value is there, None if it has no name. `entry` is the number of
    the register whose value at entry of the function this still is. `stale` says that some role's
    value was there and, on some path, no longer is: no role can be read from the register.
    """

    undefined: int = 0
    clobber: Clobber | None = None
    role: Role | None = None
    entry: int | None = None
    stale: bool = False

    def join(self, other: Value) -> Value:
        """Return what is known where two paths meet."""
        if self == other:
            return self
        return Value(
            self.undefined | other.undefined,
            self.clobber or other.clobber,  # any path will do to explain a fault
            self.role if self.role is other.role else None,
            self.entry if self.entry == other.entry else None,
            self.stale or other.stale or self.role is not other.role,
        )


UNKNOWN = Value()
"""Some value without a name, of which nothing can be said."""


@dataclass(slots=True)
class State:
    """The machine before an instruction.

    `depth` is the number of bytes that rsp lies below where it was at entry, None where that can't
    be known; `base` the same for rbp. `slots` are values saved on the stack, by their depth.
    `undefined_flags` are the flags without a defined value, `flag_clobber` says why. `direction`
    says whether DF may be set.
    """

    registers: list[Value]
    depth: int | None = 0
    base: int | None = None
    slots: dict[int, Value] = field(default_factory=dict)
    undefined_flags: int = 0
    flag_clobber: Clobber | None = None
    direction: bool = False

    def copy(self) -> State:
        """Return a state that can be changed independently of this one."""
        return State(
            self.registers[:],
            self.depth,
            self.base,
            self.slots,  # shared: it is replaced, never changed in place
            self.undefined_flags,
            self.flag_clobber,
            self.direction,
        )

    def join(self, other: State) -> bool:
        """Join another path's state into this one. Return whether anything changed."""
        before = (self.registers, self.depth, self.base, self.slots, self.undefined_flags)
        direction = self.direction
        if self.registers != other.registers:
            pairs = zip(self.registers, other.registers, strict=True)
            self.registers = [
                mine if mine is theirs else mine.join(theirs) for mine, theirs in pairs
            ]
        if self.depth != other.depth:
            self.depth = None  # E020 is told where the paths meet; from here on nothing is known
        if self.base != other.base:
            self.base = None
        if self.slots != other.slots:
            # a must-analysis: what one path did not save is not there
            shared = self.slots.keys() & other.slots.keys()
            self.slots = {at: self.slots[at].join(other.slots[at]) for at in shared}
        self.undefined_flags |= other.undefined_flags
        self.flag_clobber = self.flag_clobber or other.flag_clobber
        self.direction |= other.direction
        after = (self.registers, self.depth, self.base, self.slots, self.undefined_flags)
        return before != after or direction != self.direction

    def define(self, number: int, lanes: int, role: Role | None, clobber: Clobber) -> None:
        """Write `lanes` of a register: the value of `role`, or one without a name.

        A write without a name destroys the value of the role that was there: who reads that is
        told of `clobber`.
        """
        if number == RSP:
            return
        if lanes == ALL_LANES:
            self.registers[number] = Value(role=role) if role else self._unnamed(number, clobber)
            return
        # a narrow write leaves the other lanes as they were, with whatever name they have
        old = self.registers[number]
        undefined = old.undefined & ~lanes
        self.registers[number] = Value(
            undefined,
            old.clobber if undefined or old.stale else None,
            old.role if role is None else role,
            stale=old.stale and role is None,
        )

    def take_name(self, number: int, clobber: Clobber) -> None:
        """Take it that a register need not have its role's value any more."""
        value = self.registers[number]
        self.registers[number] = value._replace(role=None, stale=True, clobber=clobber)

    def forget_entry(self, written: int) -> None:
        """Take it that registers, a bit set of numbers, need not be what they were at entry."""
        for number, value in enumerate(self.registers):
            if written >> number & 1 and value.entry is not None and number != RSP:
                self.registers[number] = value._replace(entry=None)

    def _unnamed(self, number: int, clobber: Clobber) -> Value:
        """Return a value without a name for a register, which may have held a role's value."""
        old = self.registers[number]
        if old.role is not None:
            return Value(clobber=clobber, stale=True)
        # the first clobber explains most: later writes only reuse a register that was free
        return Value(clobber=old.clobber or clobber, stale=True) if old.stale else UNKNOWN

    def clobber(self, numbers: Iterable[int], clobber: Clobber) -> None:
        """Destroy the values of registers: nothing may be read from them."""
        unnamed, stale = Value(ALL_LANES, clobber), Value(ALL_LANES, clobber, stale=True)
        for number in numbers:
            old = self.registers[number]
            self.registers[number] = unnamed if old.role is None and not old.stale else stale
