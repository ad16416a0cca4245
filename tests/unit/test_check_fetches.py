"""Rule E065: the memory of programs is fetched once."""

import pytest

from pykasm import *
from pykasm.errors import BuildFailed, DeclarationMistake
from tests.unit.checking import broken, findings, mended, rules


def test_a_second_fetch() -> None:
    assert broken("E065") == [
        """\
error[E065]: what a program's pointer leads to is fetched again
  FILE:LINE
  LINE |         self.copy_in(address_of(number), length)
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ the program may have changed it since
  LINE |         self.copy_in(address_of(number), length)
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ it was fetched here
help: work on the copy that is there, or say why not: `refetch(…, reason)`"""
    ]
    assert mended("E065") == []


class Copies(Subsystem):
    """Copies from programs, and to them."""

    number = bss(U64)

    @function(exported=True, copies_user=True)
    def copy_in(self, source: Fetched[User[U64]]) -> None:
        mov(rax, source[0])
        mov(self.number, rax)

    @function(exported=True, copies_user=True)
    def copy_out(self, target: User[U64]) -> None:
        mov(rax, self.number)
        mov(target[0], rax)


class UnderAnotherName(Copies):
    """Has the pointer in another register by then, on one of two paths."""

    @function
    def run(self, source: Keep[User[U64]], again: Keep[U64]) -> None:
        self.copy_in(source)
        other = keep(U64)
        mov(other, u64(source))
        with if_(again != 0):
            self.copy_in(cast(other, User[U64]))


class InRounds(Copies):
    """Waits for another number."""

    @function
    def run(self, source: Keep[User[U64]]) -> None:
        with loop():
            self.copy_in(source)
            break_if(self.number != 0)


@pytest.mark.parametrize("wrong", [UnderAnotherName, InRounds])
def test_ways_to_fetch_twice(wrong: type[Copies]) -> None:
    assert rules(wrong()) == ["E065"]  # type: ignore[call-arg]


class OneAfterTheOther(Copies):
    """Fetches what lies behind, and another one."""

    @function
    def run(self, source: Keep[User[U64]], other: Keep[User[U64]], left: Keep[U64]) -> None:
        with while_(left != 0):
            self.copy_in(source)
            add(u64(source), sizeof(U64))
            dec(left)
        self.copy_in(other)


class Returned(Copies):
    """Writes back where it has read."""

    @function
    def run(self, source: Keep[User[U64]]) -> None:
        self.copy_in(source)
        inc(self.number)
        self.copy_out(source)


class OnOtherPaths(Copies):
    """Fetches on each of two paths."""

    @function
    def run(self, source: Keep[User[U64]], early: U64) -> None:
        with if_(early != 0):
            self.copy_in(source)
            ret()
        self.copy_in(source)


class WithReason(Copies):
    """Waits for another number, and says so."""

    @function
    def run(self, source: Keep[User[U64]]) -> None:
        with loop():
            refetch(source, "each copy is looked at by itself")
            self.copy_in(source)
            break_if(self.number != 0)


@pytest.mark.parametrize("right", [OneAfterTheOther, Returned, OnOtherPaths, WithReason])
def test_what_is_fetched_once(right: type[Copies]) -> None:
    assert findings(right()) == []  # type: ignore[call-arg]


class WithoutReason(Copies):
    """Does not say why."""

    @function
    def run(self, source: Keep[User[U64]]) -> None:
        refetch(source, "")
        self.copy_in(source)


def test_a_reason_is_needed_and_a_pointer_of_programs() -> None:
    with pytest.raises(BuildFailed, match="`refetch` needs a reason"):
        findings(WithoutReason())  # type: ignore[call-arg]
    with pytest.raises(DeclarationMistake, match=r"`Fetched\[…\]` takes another type"):
        Fetched[U64]  # type: ignore[type-arg]
