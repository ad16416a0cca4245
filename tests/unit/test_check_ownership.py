"""Rules E08x: who owns what."""

from typing import NoReturn

import pytest

from pykasm import *
from pykasm.errors import BuildFailed, DeclarationMistake
from tests.unit.checking import broken, faults, findings, mended, rules


def test_what_is_owned_is_lost_where_something_else_failed() -> None:
    assert broken("E080") == [
        """\
error[E080]: what `Broken.take` gave is lost
  FILE:LINE
  LINE |             ret(0)
        |             ^^^^^^ on some path to here, the function has it still
  LINE |         first = keep(self.take())
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^ `Broken.take` gives it to this function
help: free it, give it to who owns it from then on, or say who does: `disown(…)`"""
    ]
    assert mended("E080") == []


def test_what_was_given_away_is_used() -> None:
    assert broken("E081") == [
        """\
error[E081]: what was given away is used
  FILE:LINE
  LINE |         mov(rax, block.size)
        |         ^^^^^^^^^^^^^^^^^^^^
  LINE |         self.give_back(block)
        |         ^^^^^^^^^^^^^^^^^^^^^ `Broken.give_back` takes it over here
help: use it first, or not at all"""
    ]
    assert mended("E081") == []


class Block(Struct):
    """A block of memory."""

    next: Ptr["Block"]
    size: U64
    part: "Part"


class Part(Struct):
    """A part of one."""

    size: U64


class Memory(Subsystem):
    """Gives blocks and takes them back."""

    spare = bss(Owned[Ptr[Block]])
    count = bss(U64)

    @function(exported=True)
    def take(self) -> Owned[Ptr[Block]]:
        """Return a block, or null."""
        xor(eax, eax)
        xchg(self.spare, rax)
        ret(rax)

    @function(exported=True)
    def free(self, block: Owned[Ptr[Block]]) -> None:
        """Free a block."""
        mov(self.spare, block)

    @function(exported=True)
    def test(self) -> I32:
        """Return 0 or an error."""
        mov(rax, self.count)
        ret(eax)

    @function(exported=True)
    def look(self, block: Ptr[Block]) -> None:
        """Borrow a block."""


class TwoOwners(Memory):
    """Frees a block twice on one path."""

    @function(exported=True)
    def run(self, block: Keep[Owned[Ptr[Block]]]) -> None:
        with if_(block.size == 0):
            self.free(block)
        self.free(block)


class Dropped(Memory):
    """Drops what it gets."""

    @function
    def run(self) -> None:
        ignore(self.take())


class Overwritten(Memory):
    """Takes a second one into the same register."""

    @function
    def run(self) -> None:
        block = keep(self.take())
        mov(block, self.take())
        self.free(block)


class LostInLoop(Memory):
    """Takes one in each round, and frees the last one."""

    @function
    def run(self) -> None:
        block = keep(Ptr[Block])
        mov(block, 0)
        with for_(keep(U32), 0, 3):
            mov(block, self.take())
        self.free(block)


class PassedOn(Memory):
    """Lets a function look at what it gave away."""

    @function(exported=True)
    def run(self, block: Keep[Owned[Ptr[Block]]]) -> None:
        self.free(block)
        self.look(block)


class PartUsed(Memory):
    """Reads a part of what it gave away, through an address that it made before."""

    @function(exported=True)
    def run(self, block: Keep[Owned[Ptr[Block]]]) -> None:
        part = keep(address_of(block.part))
        self.free(block)
        mov(rax, part.size)
        mov(self.count, rax)


class UnsaidResult(Memory):
    """Returns what it owns without saying so."""

    @function
    def run(self) -> Ptr[Block]:
        ret(self.take())


class LeftByTail(Memory):
    """Goes on elsewhere while it owns something."""

    @function
    def run(self) -> None:
        block = keep(self.take())
        with if_(block != 0):
            inc(self.count)
        tail(self.done)

    @function
    def done(self) -> None:
        inc(self.count)


class TakenFromField(Memory):
    """Takes out of a field what that owned, and loses it."""

    @function
    def run(self) -> None:
        xor(eax, eax)
        xchg(self.spare, rax)
        with if_(rax != 0):
            inc(self.count)


class Lent(Memory):
    """Gives away what it had as an argument, and what others own."""

    first = bss(Ptr[Block])

    @function(exported=True)
    def run(self, block: Keep[Ptr[Block]]) -> None:
        self.free(block)
        mov(rax, block.size)
        mov(self.count, rax)

    @function(exported=True)
    def pass_on(self, block: Ptr[Block]) -> None:
        tail(self.free, block)

    @function(exported=True)
    def get(self) -> OrNull[Owned[Ptr[Block]]]:
        block = scratch(self.first)
        with if_(block == 0):
            ret(0)
        ret(block)

    @function(exported=True)
    def give_back(self, block: Ptr[Block]) -> Owned[Ptr[Block]]:
        ret(block)

    @function(exported=True)
    def take_first(self) -> OrNull[Owned[Ptr[Block]]]:
        block = scratch(self.first)
        take_over(block, "it is the only one")
        mov(self.first, 0)
        ret(block)


def test_what_others_own_is_given_away() -> None:
    given = {(name, "E085") for name in ("run", "pass_on", "get", "give_back")}
    assert faults(Lent()) == {*given, ("run", "E081")}


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        (TwoOwners, "E081"),
        (Dropped, "E080"),
        (Overwritten, "E080"),
        (LostInLoop, "E080"),
        (PassedOn, "E081"),
        (PartUsed, "E081"),
        (UnsaidResult, "E080"),
        (LeftByTail, "E080"),
        (TakenFromField, "E080"),
    ],
)
def test_faults(wrong: type[Memory], rule: str) -> None:
    found = rules(wrong())  # type: ignore[call-arg]
    assert [one for one in found if one[0] == "E"] == [rule]


# Correct code of unusual shapes


class ByFlag(Memory):
    """A flag says whether the block is still owned."""

    @function
    def run(self) -> None:
        block, result = keep(self.take()), keep(I32)
        with if_(block == 0):
            ret()
        mov(result, self.test())
        with if_(result == 0):
            self.free(block)
        inc(self.count)
        with if_(result != 0):
            self.free(block)


class InFrame(Memory):
    """The block is kept in the frame meanwhile."""

    @function
    def run(self) -> None:
        place = local(Ptr[Block])
        block = scratch(self.take())
        mov(place, block)
        ignore(self.test())
        with if_(place != 0):
            self.free(place)


class Pushed(Memory):
    """The block is kept on the stack meanwhile."""

    @function
    def run(self) -> None:
        block = scratch(self.take())
        push(block)
        inc(self.count)
        pop(rdi)
        call(self.free)


class Rounds(Memory):
    """Each round has a block of its own."""

    @function
    def run(self) -> None:
        block = keep(Ptr[Block])
        with loop():
            mov(block, self.take())
            break_if(block == 0)
            mov(rax, block.size)
            add(self.count, rax)
            self.free(block)


class Computed(Memory):
    """The block goes by another address meanwhile."""

    @function
    def run(self) -> None:
        block = keep(u64(self.take()))
        with if_(block != 0):
            shr(block, 4)
            mov(self.count, block)
            shl(block, 4)
            self.free(cast(block, Ptr[Block]))


class Striding(Memory):
    """Frees one after the other from an address on."""

    @function(exported=True)
    def run(self, first: U64, end: Keep[U64]) -> None:
        block = keep(first)
        with while_(block < end):
            self.free(cast(block, Ptr[Block]))
            add(block, sizeof(Block))


class Compared(Memory):
    """Only compares what it gave away."""

    @function(exported=True)
    def run(self, block: Keep[Owned[Ptr[Block]]]) -> Bool:
        self.free(block)
        ret(block == self.spare)


class Chosen(Memory):
    """One of two is freed, the other one returned."""

    @function
    def run(self) -> Owned[Ptr[Block]]:
        first, second = keep(self.take()), keep(self.take())
        with if_(first == 0):
            ret(second)
        self.free(second)
        ret(first)


class Undone(Memory):
    """What fails undoes what was done."""

    @function
    def run(self) -> Owned[Ptr[Block]]:
        first = keep(try_(self.take()))
        errdefer(self.free, first)
        second = keep(try_(self.take()))
        errdefer(self.free, second)
        fail_if(self.test() != 0)
        mov(first.next, second)
        disown(second, "the first one leads to it")
        ret(first)


class Stopping(Memory):
    """Owns something where it never returns."""

    @function
    def run(self) -> None:
        block = keep(self.take())
        with if_(block == 0):
            self.stop()
        mov(block.size, 0)
        self.free(block)

    @function
    def stop(self) -> NoReturn:
        with loop():
            hlt()


class Stored(Memory):
    """What owns it now leads to it still."""

    @function(exported=True)
    def run(self, block: Owned[Ptr[Block]]) -> None:
        mov(self.spare, block)
        mov(block.size, 1)


class Sizes(Memory):
    """Numbers stand for what is owned, below 0 for errors."""

    @function
    def run(self) -> None:
        number = keep(self.open())
        with if_(number < 0):
            ret()
        self.close(number)

    @function
    def open(self) -> Owned[I32]:
        mov(rax, self.count)
        ret(eax)

    @function
    def close(self, number: Owned[I32]) -> None:
        disown(number, "it is free now")
        mov(u32(self.count), number)


@pytest.mark.parametrize(
    "right",
    [
        *(ByFlag, InFrame, Pushed, Rounds, Computed, Striding, Compared, Chosen, Undone, Stopping),
        *(Stored, Sizes),
    ],
)
def test_correct_code(right: type[Memory]) -> None:
    assert findings(right()) == []  # type: ignore[call-arg]


class WithoutReason(Memory):
    """Says that nobody owns it, but not why."""

    @function(exported=True)
    def run(self, block: Owned[Ptr[Block]]) -> None:
        disown(block, "")


class OfMemory(Memory):
    """Disowns what is in no register."""

    @function
    def run(self) -> None:
        disown(self.spare, "nobody needs it")


@pytest.mark.parametrize("wrong", [WithoutReason, OfMemory])
def test_disown_takes_a_register_and_a_reason(wrong: type[Memory]) -> None:
    with pytest.raises(BuildFailed, match="disown"):
        findings(wrong())  # type: ignore[call-arg]


def test_what_is_owned_has_a_type() -> None:
    with pytest.raises(DeclarationMistake, match=r"`Owned\[…\]` takes a type"):
        Owned["Block"]  # type: ignore[type-arg, name-defined]


class InPlace(Memory):
    """Takes blocks by code in place."""

    chain = bss(Owned[Ptr[Block]])

    @inline(changes=rax)
    def take_spare(self) -> OrNull[Owned[Ptr[Block]]]:
        """Take the spare block, or null."""
        xor(eax, eax)
        xchg(self.spare, rax)
        return cast(rax, Ptr[Block])


def test_what_code_in_place_gives_is_owned() -> None:
    class Lost(InPlace):
        @function(exported=True)
        def run(self) -> U64:
            block = scratch(self.take_spare())
            with if_(block == 0):
                ret(0)
            ret(block.size)

    assert rules(Lost()) == ["E080"]


def test_what_code_in_place_gives_is_kept() -> None:
    class Kept(InPlace):
        @function(exported=True)
        def run(self) -> U64:
            block = scratch(self.take_spare())
            with if_(block == 0):
                ret(0)
            mov(self.chain, block)
            ret(1)

    assert rules(Kept()) == []
