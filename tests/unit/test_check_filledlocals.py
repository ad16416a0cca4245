"""What callees put into locals: it is given away once on every path."""

from __future__ import annotations

from typing import Any

import pytest

from pykasm import *
from pykasm.errors import DeclarationMistake
from tests.unit.checking import findings, rules


class Room(Struct):
    """Something that is allocated."""

    number: U64


class Ends(Struct):
    """Two rooms, beside something else."""

    count: U64
    first: Owned[Ptr[Room]]
    second: OrNull[Owned[Ptr[Room]]]


class Rooms(Subsystem):
    """Gives out rooms."""

    @function
    def make(self, ends: Filled[Ptr[Ends]], wanted: U64) -> OrErrno[I64]:
        ret(-12)

    @function
    def make_all(self, ends: Filled[Ptr[Ends]]) -> None:
        nop()

    @function
    def drop(self, room: Owned[Ptr[Room]]) -> None:
        disown(room, "this is a test")

    @function
    def drop_all(self, ends: Ptr[Ends]) -> None:
        nop()

    @function
    def look(self, room: Ptr[Room]) -> None:
        nop()

    @function
    def _drop_both(self, ends: Keep[Ptr[Ends]]) -> None:
        self.drop(ends.first)


class Forgets(Rooms):
    """Forgets a room on a path that fails later."""

    @function
    def run(self, wanted: Keep[U64]) -> OrErrno[I64]:
        ends = local(Ends)
        try_(self.make(address_of(ends), wanted))
        fail_if(wanted > 5, 22)
        self.drop_all(address_of(ends))
        ret(0)


class ForgetsOne(Rooms):
    """Forgets one of two."""

    @function
    def run(self) -> None:
        ends = local(Ends)
        self.make_all(address_of(ends))
        self.drop(ends.first)


class DropsTwice(Rooms):
    """Drops one twice."""

    @function
    def run(self) -> OrErrno[I64]:
        ends, result = local(Ends), keep(I64)
        mov(result, self.make(address_of(ends), 1))
        with if_(result >= 0):
            self.drop(ends.first)
            second = scratch(ends.second)
            with if_(second != 0):
                self.drop(second)
            self.drop(ends.first)
        ret(result)


class DropsBoth(Rooms):
    """Drops both, if they are there, whatever else fails."""

    @function
    def run(self, wanted: Keep[U64]) -> OrErrno[I64]:
        ends, result = local(Ends), keep(I64)
        mov(result, self.make(address_of(ends), wanted))
        fail_if(result != 0, 12)
        second = scratch(ends.second)
        with if_(second != 0):
            self.drop(second)
        self.look(ends.first)
        first = scratch(ends.first)
        self.drop(first)
        ret(result)


class DropsByAddress(Rooms):
    """Has another function drop both, by an address that it keeps."""

    @function
    def run(self, wanted: Keep[U64]) -> OrErrno[I64]:
        ends = local(Ends)
        place = keep(address_of(ends))
        mov(ends.count, 0)
        try_(self.make(place, wanted))
        with if_(wanted > 5):
            self.drop_all(place)
            ret(0)
        with if_(place.second != 0):
            self.drop(place.second)
        self.drop(place.first)
        ret(0)


class DoesNotAsk(Rooms):
    """Leaves it to its caller to look at the result, and what there is to somebody else."""

    @function
    def run(self) -> OrErrno[I64]:
        ends = local(Ends)
        ret(self.make(address_of(ends), 1))


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [(Forgets, ["E080"]), (ForgetsOne, ["E080"]), (DropsTwice, ["E081"])],
)
def test_what_is_lost_or_given_away_twice(wrong: type[Rooms], expected: list[str]) -> None:
    assert rules(wrong()) == expected


@pytest.mark.parametrize("right", [DropsBoth, DropsByAddress, DoesNotAsk])
def test_what_is_given_away_once(right: type[Rooms]) -> None:
    assert rules(right()) == []


def test_the_message_names_who_filled_the_local() -> None:
    assert findings(ForgetsOne())[0].startswith("error[E080]: what `ForgetsOne.make_all` gave is")


def test_only_addresses_are_of_what_is_filled() -> None:
    kind: Any = Filled
    with pytest.raises(DeclarationMistake, match=r"`Filled\[…\]` takes another type"):
        kind[U64]
