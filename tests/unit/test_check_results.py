"""Rules E082 and E083: errors are looked at, and null is not followed."""

import pytest

from pykasm import *
from pykasm.errors import DeclarationMistake
from tests.unit.checking import broken, faults, findings, mended, rules

EIO = 5


class Errno(ErrorNumber):
    """Numbers of errors."""

    EBUSY = 16


def test_an_error_is_lost() -> None:
    assert broken("E082") == [
        """\
error[E082]: what `Broken.reserve` returns may be an error, and is lost
  FILE:LINE
  LINE |         ignore(self.reserve())
        |         ^^^^^^^^^^^^^^^^^^^^^^ some path from here does not look at it
  LINE |         ret(0)
        |         ^^^^^^ here nothing has it any more
help: test it, return it, or say why it does not matter: `ignore(…, reason)`"""
    ]
    assert mended("E082") == []


def test_null_is_followed() -> None:
    assert broken("E083") == [
        """\
error[E083]: what may be null is followed
  FILE:LINE
  LINE |         ret(block.size)
        |         ^^^^^^^^^^^^^^^ some path to here has not tested it
  LINE |         mov(block, block.next)
        |         ^^^^^^^^^^^^^^^^^^^^^^ it may be null
help: test it first: `try_(…)`, or `with if_(… == 0):`"""
    ]
    assert mended("E083") == []


def test_errors_are_not_declared() -> None:
    assert broken("E087") == [
        """\
error[E087]: `Broken.run` returns an error, and does not say that it may
  FILE:LINE
  LINE |             ret(-Errno.EBUSY)
        |             ^^^^^^^^^^^^^^^^^ this may be one
  LINE |     def run(self) -> I32:
        |     ^^^^^^^^^^^^^^^^^^^^^ it returns I32
help: state `-> OrErrno[…]`"""
    ]
    assert mended("E087") == []


def test_an_error_is_not_negated() -> None:
    assert broken("E088") == [
        """\
error[E088]: an error is returned that is not negated
  FILE:LINE
  LINE |         mov(result, Errno.EBUSY)
        |         ^^^^^^^^^^^^^^^^^^^^^^^^
  LINE |         ret(result)
        |         ^^^^^^^^^^^ it is returned here
help: put a minus before it: `-Errno.…`"""
    ]
    assert mended("E088") == []


class Block(Struct):
    """A block in a list."""

    next: OrNull[Ptr["Block"]]
    size: U64


class Disk(Subsystem):
    """What may fail, and what may be missing."""

    first = bss(OrNull[Ptr[Block]])
    result = bss(I32)
    count = bss(U64)

    @function(exported=True)
    def read(self) -> OrErrno[I32]:
        """Return how many were read, or an error."""
        fail_if(self.count == 0, EIO)
        ret(u32(self.count))

    @function(exported=True)
    def find(self, size: U64) -> OrNull[Ptr[Block]]:
        """Return a block of that size, or null."""
        block = scratch(self.first)
        with while_(block != 0):
            with if_(block.size == size):
                ret(block)
            mov(block, block.next)
        ret(0)

    @function(exported=True)
    def note(self, result: I32) -> None:
        """Keep a result."""
        mov(self.result, result)


class LostOnOnePath(Disk):
    """Looks at the error on one path only."""

    @function(exported=True)
    def run(self, wanted: Keep[U32]) -> None:
        result = keep(self.read())
        with if_(wanted != 0):
            self.note(result)


class OverwrittenResult(Disk):
    """Asks again before it looks."""

    @function
    def run(self) -> OrErrno[I32]:
        result = keep(self.read())
        mov(result, self.read())
        ret(result)


class LostInRounds(Disk):
    """Looks at the result of the last round alone."""

    @function
    def run(self) -> OrErrno[I32]:
        result = keep(I32)
        mov(result, 0)
        with for_(keep(U32), 0, 3):
            mov(result, self.read())
        ret(result)


class LostByTail(Disk):
    """Goes on to what may fail, and returns nothing."""

    @function
    def run(self) -> None:
        call(self.read)


class FollowedAtOnce(Disk):
    """Follows what it gets."""

    @function
    def run(self) -> U64:
        mov(edi, 8)
        block = self.find(rdi)
        ret(block.size)


class OnOnePath(Disk):
    """Tests on one path only."""

    @function(exported=True)
    def run(self, wanted: Keep[U64]) -> U64:
        block = keep(self.find(wanted))
        with if_(wanted != 0), if_(block == 0):
            ret(0)
        ret(block.size)


class FollowedAsNull(Disk):
    """Follows it where it is null."""

    @function(exported=True)
    def run(self, wanted: U64) -> U64:
        block = self.find(wanted)
        with if_(block != 0):
            ret(0)
        ret(block.size)


class NullParameter(Disk):
    """Follows a parameter that may be null."""

    @function(exported=True)
    def run(self, block: OrNull[Ptr[Block]]) -> U64:
        ret(block.size)


class PassedUntested(Disk):
    """Gives it to code that follows it."""

    @function(exported=True)
    def run(self, wanted: U64) -> U64:
        tail(self.size_of, self.find(wanted))

    @function
    def size_of(self, block: Ptr[Block]) -> U64:
        ret(block.size)


class ClearedUntested(Disk):
    """Follows it by a string instruction, as an address that is no pointer."""

    memory = bss(OrNull[U64])

    @function(exported=True)
    def run(self) -> None:
        mov(rdi, self.memory)
        xor(eax, eax)
        stosq()


class PositiveAtOnce(Disk):
    """Returns the number of an error."""

    @function(exported=True)
    def run(self) -> OrErrno[I32]:
        with if_(self.count == 0):
            ret(Errno.EBUSY)
        ret(0)


class PositiveInFrame(Disk):
    """Keeps the number of an error in the frame."""

    @function(exported=True)
    def run(self) -> OrErrno[I32]:
        result = local(I32)
        mov(result, 0)
        with if_(self.count == 0):
            mov(result, Errno.EBUSY)
        ret(result)


class UndeclaredFailure(Disk):
    """Fails, and does not say that it may."""

    @function(exported=True)
    def run(self) -> I32:
        fail_if(self.count == 0, Errno.EBUSY)
        ret(0)


class UndeclaredAsOther(Disk):
    """Returns an error by a register that has another value elsewhere."""

    @function(exported=True)
    def run(self, size: U64) -> I64:
        result = keep(I64)
        mov(result, 0)
        with if_(self.find(size) == 0):
            mov(result, -Errno.EBUSY)
        ret(result)


class PassedOnAsNumber(Disk):
    """Returns what may be an error as a number."""

    @function(exported=True)
    def run(self) -> I32:
        ret(self.read())


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        *((one, "E082") for one in (LostOnOnePath, OverwrittenResult, LostInRounds, LostByTail)),
        *((one, "E083") for one in (FollowedAtOnce, OnOnePath, FollowedAsNull)),
        *((one, "E083") for one in (NullParameter, PassedUntested, ClearedUntested)),
        *((one, "E087") for one in (UndeclaredFailure, UndeclaredAsOther)),
        (PassedOnAsNumber, "E087"),
        *((one, "E088") for one in (PositiveAtOnce, PositiveInFrame)),
    ],
)
def test_faults(wrong: type[Disk], rule: str) -> None:
    found = rules(wrong())  # type: ignore[call-arg]
    assert [one for one in found if one[0] == "E"] == [rule]


class PassedInOrder(Disk):
    """Gives it to code that is told, as a number, or behind a test."""

    @function(exported=True)
    def run(self, wanted: Keep[U64]) -> U64:
        ignore(self.size_or_0(self.find(wanted)))
        self.count_it(u64(self.find(wanted)))
        block = self.find(wanted)
        with if_(block == 0):
            ret(0)
        tail(self.size_of, block)

    @function
    def size_or_0(self, block: OrNull[Ptr[Block]]) -> U64:
        with if_(block == 0):
            ret(0)
        ret(block.size)

    @function
    def count_it(self, block: U64) -> None:
        add(self.count, block)

    @function
    def size_of(self, block: Ptr[Block]) -> U64:
        ret(block.size)


def test_what_may_be_null_is_passed_on() -> None:
    (found,) = findings(PassedUntested())  # type: ignore[call-arg]
    assert "what may be null is passed to `PassedUntested.size_of`" in found
    assert found.endswith("or let the parameter be `OrNull[…]`")
    assert rules(PassedInOrder()) == []  # type: ignore[call-arg]


class Passed(Disk):
    """Gives the result to somebody else."""

    @function
    def run(self) -> None:
        self.note(self.read())


class Kept(Disk):
    """Stores it for others."""

    @function
    def run(self) -> None:
        mov(self.result, self.read())


class Gathered(Disk):
    """Puts results together, and returns what comes out."""

    @function
    def run(self) -> OrErrno[I32]:
        first = keep(self.read())
        or_(first, self.read())
        ret(first)


class Compared(Disk):
    """Compares it with a number that is no error."""

    @function
    def run(self) -> Bool:
        ret(self.read() > 4)


class WithReason(Disk):
    """Ignores it, and says why."""

    @function
    def run(self) -> None:
        ignore(self.read(), "what is missing is read again later")


class InFrame(Disk):
    """Looks at it later, in the frame."""

    @function
    def run(self) -> Bool:
        place = local(I32)
        mov(place, self.read())
        inc(self.count)
        ret(place >= 0)


class Tail(Disk):
    """Returns what the other one does."""

    @function
    def run(self) -> OrErrno[I32]:
        tail(self.read)


class FlagTells(Disk):
    """A flag tells that there is one."""

    @function(exported=True)
    def run(self, wanted: U64) -> U64:
        block, found = keep(self.find(wanted)), keep(U32)
        xor(found, found)
        with if_(block != 0):
            mov(found, 1)
        inc(self.count)
        with if_(found == 0):
            ret(0)
        ret(block.size)


class Asserted(Disk):
    """There always is one of that size; a debug build looks."""

    @function
    def run(self) -> U64:
        mov(edi, 8)
        block = self.find(rdi)
        asserts(block != 0)
        ret(block.size)


class Unfailing(Disk):
    """Nothing goes wrong in so few; a debug build looks."""

    @function
    def run(self) -> U64:
        number = self.read()
        asserts(number >= 0)
        mov(eax, number)
        add(self.count, rax)
        ret(self.count)


def test_an_assertion_looks_at_an_error() -> None:
    assert rules(Unfailing()) == []


class Addressed(Disk):
    """Computes an address, and follows it where there is one."""

    @function(exported=True)
    def run(self, wanted: U64) -> U64:
        block = self.find(wanted)
        place = scratch(address_of(block.size))
        with if_(block == 0):
            ret(0)
        ret(place[0])


class Numbers(Disk):
    """Uses numbers of errors that it does not return."""

    last = bss(U32)

    @function(exported=True)
    def run(self) -> OrErrno[I32]:
        number = scratch(U32)
        mov(number, Errno.EBUSY)
        mov(self.last, number)
        with if_(self.count == 0):
            mov(self.last, Errno.EBUSY)
        result = self.read()
        with if_(result == -Errno.EBUSY):
            ret(-Errno.EBUSY)
        ret(result)


class NumberOnly(Disk):
    """Returns the number of the last error, which is no error of its own."""

    @function(exported=True)
    def run(self) -> U32:
        ignore(self.read(), "only counted")
        ret(Errno.EBUSY)


@pytest.mark.parametrize(
    "right",
    [
        *(Passed, Kept, Gathered, Compared, WithReason, InFrame, Tail, FlagTells, Asserted),
        *(Addressed, Numbers, NumberOnly),
    ],
)
def test_correct_code(right: type[Disk]) -> None:
    assert findings(right()) == []  # type: ignore[call-arg]


def test_only_what_can_tell_of_an_error_or_be_null() -> None:
    with pytest.raises(DeclarationMistake, match=r"`OrErrno\[…\]` takes another type"):
        OrErrno[U32]  # type: ignore[type-arg]
    with pytest.raises(DeclarationMistake, match=r"`OrNull\[…\]` takes another type"):
        OrNull[U32]  # type: ignore[type-arg]


class Chain(Struct):
    next: U64


class InPlace(Subsystem):
    """Code in place, with results that may be errors or null."""

    first = bss(OrNull[Ptr[Chain]])
    count = bss(U64)

    @inline(changes=rax)
    def take_first(self) -> OrNull[Ptr[Chain]]:
        """Return the first link, or null."""
        mov(rax, self.first)
        with if_(rax != 0):
            inc(self.count)
        return cast(rax, Ptr[Chain])

    @inline(changes=rax)
    def state(self) -> OrErrno[I64]:
        """Return 0, or an error."""
        mov(rax, self.count)
        return i64(rax)

    @inline(changes=rax)
    def wait_for_first(self) -> OrNull[Ptr[Chain]]:
        """Return the first link as soon as there is one."""
        with loop():
            mov(rax, self.first)
            break_if(rax != 0)
        return cast(rax, Ptr[Chain])


def test_results_of_code_in_place_are_looked_at() -> None:
    class Careless(InPlace):
        @function(exported=True)
        def run(self) -> U64:
            link = scratch(self.take_first())
            ret(link.next)

        @function(exported=True)
        def drop(self) -> U64:
            code = scratch(self.state())
            release(code)
            ret(3)

    assert rules(Careless()) == ["E083", "E082", "W001"]


def test_results_of_code_in_place_that_are_looked_at() -> None:
    class Careful(InPlace):
        @function(exported=True)
        def run(self) -> U64:
            link = scratch(self.take_first())
            with if_(link == 0):
                ret(0)
            ret(link.next)

        @function(exported=True)
        def wait(self) -> U64:
            link = scratch(self.wait_for_first())
            ret(link.next)

        @function(exported=True)
        def maybe(self, wanted: U64) -> U64:
            with if_(wanted != 0):
                link = scratch(self.take_first())
                with if_(link != 0):
                    inc(link.next)
            ret(wanted)

        @function(exported=True)
        def pass_on(self) -> OrErrno[I64]:
            ret(self.state())

    assert rules(Careful()) == []


def test_an_error_is_widened_without_its_sign() -> None:
    assert broken("E091") == [
        """\
error[E091]: an error of 32 bits is returned as 64 without its sign
  FILE:LINE
  LINE |         mov(eax, result)
        |         ^^^^^^^^^^^^^^^^
  LINE |         ret(rax)
        |         ^^^^^^^^ it is returned here
help: extend the sign: `movsxd(rax, …)`"""
    ]
    assert mended("E091") == []


class Widened(Disk):
    """Makes 64 bits of an error once it is known to be none."""

    @function(exported=True)
    def run(self) -> OrErrno[I64]:
        result = scratch(self.read())
        with if_(result < 0):
            movsxd(rax, result)
            ret(rax)
        mov(eax, result)
        ret(rax)


def test_a_number_that_is_no_error_is_widened() -> None:
    assert rules(Widened()) == []


def test_an_error_is_taken_for_a_number() -> None:
    assert broken("E093") == [
        """\
error[E093]: what `Broken.read` returns may be an error, and is taken for a number
  FILE:LINE
  LINE |         add(self.total, result)
        |         ^^^^^^^^^^^^^^^^^^^^^^^ this computes with it, and on some path to here \
nothing has looked at it
  LINE |         result = self.read()
        |         ^^^^^^^^^^^^^^^^^^^^ it comes from here
help: test it first: `try_(…)`, or `with if_(… < 0):`"""
    ]
    assert mended("E093") == []


class Reckoning(Disk):
    """Takes errors for numbers, in one way after the other."""

    @function(exported=True)
    def run(self) -> None:
        mov(self.count, u64(self.number()))

    @function(exported=True)
    def number(self) -> OrErrno[I64]:
        fail_if(self.count == 0, EIO)
        ret(i64(self.count))

    @function(exported=True)
    def skip(self, length: U64) -> U64:
        ret(length)

    @function(exported=True)
    def passes(self) -> U64:
        ret(self.skip(u64(self.number())))

    @function(exported=True)
    def counts(self) -> U64:
        number = self.number()
        inc(number)
        ret(u64(number))

    @function(exported=True)
    def finds(self) -> U64:
        number = self.number()
        lea(rcx, bare[u64(number) + 8])
        ret(rcx)

    @function(exported=True)
    def looks(self) -> U64:
        number = self.number()
        with if_(number >= 0):
            add(self.count, number)
        ret(self.count)


def test_ways_to_take_an_error_for_a_number() -> None:
    wrong = {(name, "E093") for name in ("run", "passes", "counts", "finds")}
    assert faults(Reckoning()) == wrong


class Directory(Struct):
    """Leads to one block always, and to another one at times."""

    first: Ptr[Block]
    second: OrNull[Ptr[Block]]
    number: U64


class StoresUntested(Disk):
    """Stores what may be null where others go on from."""

    @function(exported=True)
    def run(self, directory: Keep[Ptr[Directory]], wanted: U64) -> None:
        mov(directory.first, self.find(wanted))


class StoresTested(Disk):
    """Stores it where that is told, as a number, or behind a test."""

    @function(exported=True)
    def run(self, directory: Keep[Ptr[Directory]], wanted: Keep[U64]) -> Bool:
        mov(directory.second, self.find(wanted))
        mov(directory.number, u64(self.find(wanted)))
        found = scratch(self.find(wanted))
        with if_(found == 0):
            ret(0)
        mov(directory.first, found)
        mov(self.first, self.find(wanted))
        ret(1)


def test_what_may_be_null_is_stored() -> None:
    (found,) = findings(StoresUntested())  # type: ignore[call-arg]
    assert "what may be null is stored in a field that does not say so" in found
    assert found.endswith("or let the field be `OrNull[…]`")
    assert rules(StoresTested()) == []  # type: ignore[call-arg]


class Started(Subsystem):
    """Begins where nobody called it, and loses an error."""

    free = bss(U32)

    @function
    def reserve(self) -> OrErrno[I32]:
        fail_if(self.free == 0, EIO)
        ret(0)

    @naked
    def run(self) -> None:
        call(self.reserve)
        mov(eax, 1)
        with loop():
            hlt()


class StartedByLoader(Started):
    """Does so where the loader jumps to."""

    @entry()
    def run(self) -> None:
        ignore(self.reserve())
        mov(eax, 1)
        with loop():
            hlt()


class StartedWell(Started):
    """Looks at the error, or leaves it to what it jumps to."""

    @naked
    def run(self) -> None:
        with if_(self.reserve() < 0):
            hlt()
        jmp(self.go_on)

    @naked
    def go_on(self) -> None:
        call(self.reserve)
        jmp(self.stop)

    @naked
    def stop(self) -> None:
        mov(self.free, eax)
        with loop():
            hlt()


def test_an_error_is_lost_in_code_that_nobody_calls() -> None:
    assert rules(Started()) == ["E082"]
    assert rules(StartedByLoader()) == ["E082"]
    assert rules(StartedWell()) == []
