"""Failing in the middle: what was done so far is undone in reverse order, on that way only."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykasm import *
from pykasm.errors import BuildFailed
from pykasm.hostrun import Host
from tests.unit.checking import findings_in
from tests.unit.messages import normalised

ENOMEM, EINVAL, EIO = 12, 22, 5


class Owner(Subsystem):
    """Takes three things in a row."""

    taken = bss(U64)
    limit = bss(U64)
    """How many there are."""
    freed = bss(U64)
    """The numbers of those given back, 4 bits each, the first in the highest place."""

    @function
    def allocate(self) -> Ptr[U64]:
        """Return the next thing, numbered from 1, or null if there is none."""
        mov(rax, self.taken)
        with if_(rax == self.limit):
            ret(0)
        inc(rax)
        mov(self.taken, rax)
        ret(rax)

    @function
    def free(self, thing: Ptr[U64]) -> Bool:
        """Give `thing` back."""
        shl(self.freed, 4)
        or_(self.freed, thing)
        ret(1)

    @function
    def validate(self, argument: I64) -> I64:
        """Return `argument`, a failure if it is negative."""
        ret(argument)

    @function(exported=True)
    def take_three(self, argument: Keep[I64]) -> I64:
        """Return 0 with three things taken, or a failure with none."""
        first = keep(try_(self.allocate(), ENOMEM))
        errdefer(self.free, first)
        second = keep(try_(self.allocate(), ENOMEM))
        errdefer(self.free, second)
        fail_if(argument == 7, EINVAL)
        with if_(argument > 7):
            errdefer(self.free, 15)
            fail(EIO)
        ignore(try_(self.validate(argument)))
        ignore(try_(self.allocate(), ENOMEM))
        ret(0)

    @function(exported=True)
    def take_two(self) -> Ptr[U64]:
        """Return the second thing, or null; the first is given back on every way."""
        first = keep(try_(self.allocate()))
        with errdefer(self.free, first):
            second = keep(try_(self.allocate()))
        ignore(self.free(first))
        ret(second)


def steps(limit: int, argument: int) -> tuple[int, list[int]]:
    """What `take_three` gives, and what it gives back."""
    if limit < 1:
        return -ENOMEM, []
    if limit < 2:
        return -ENOMEM, [1]
    if argument > 7:
        return -EIO, [15, 2, 1]
    if argument == 7:
        return -EINVAL, [2, 1]
    if argument < 0:
        return argument, [2, 1]
    return (-ENOMEM, [2, 1]) if limit < 3 else (0, [])


@given(st.integers(0, 4), st.integers(-3, 9))
def test_what_was_taken_is_given_back_in_reverse_order(limit: int, argument: int) -> None:
    owner = Owner()
    host = Host(owner)
    host[owner.limit] = limit
    result, freed = steps(limit, argument)
    assert host.call(owner.take_three, argument) == result
    assert host[owner.freed] == int("".join(f"{one:x}" for one in freed) or "0", 16)


@pytest.mark.parametrize(("limit", "result", "freed"), [(0, 0, 0), (1, 0, 1), (2, 2, 1)])
def test_a_failure_without_a_reason_is_null(limit: int, result: int, freed: int) -> None:
    owner = Owner()
    host = Host(owner)
    host[owner.limit] = limit
    assert int(host.call(owner.take_two)) == result
    assert host[owner.freed] == freed


def test_the_checker_follows_the_ways_out() -> None:
    owner = Owner()
    assert findings_in(Image(entry=owner.take_three, subsystems=[owner])) == []


class Wrong(Subsystem):
    """Fails in ways that tell nobody."""

    owner: Owner

    def __init__(self) -> None:
        self.owner = Owner()

    @function(exported=True)
    def nothing_to_tell_by(self) -> None:
        """Have no result."""
        fail(EIO)

    @function(exported=True)
    def no_reason(self) -> I64:
        """Leave out the errno."""
        ignore(try_(self.owner.allocate()))
        ret(0)

    @function(exported=True)
    def a_reason_too_many(self) -> Ptr[U64]:
        """State an errno."""
        ret(try_(self.owner.allocate(), ENOMEM))

    @function(exported=True)
    def negated(self) -> I64:
        """Negate an errno."""
        fail(-EIO)

    @function(exported=True)
    def no_operand(self) -> I64:
        """Try a number."""
        ret(try_(5))


def test_messages() -> None:
    wrong = Wrong()
    with pytest.raises(BuildFailed) as failed:
        Host(wrong)
    assert (
        normalised(str(failed.value))
        == """\
error[place]: `fail` in code that can't tell of a failure
  FILE:LINE
  LINE |         fail(EIO)
        |         ^^^^^^^^^
expected: a `@function` that returns a signed number, a pointer or a `Bool`
got: `Wrong.nothing_to_tell_by`, which returns nothing

error[call]: `Wrong.no_reason` has to tell why it fails
  FILE:LINE
  LINE |         ignore(try_(self.owner.allocate()))
        |                ^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: an errno, such as `Errno.ENOMEM`
got: none

error[call]: `Wrong.a_reason_too_many` can't tell why it fails
  FILE:LINE
  LINE |         ret(try_(self.owner.allocate(), ENOMEM))
        |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: no errno: it leaves with null
got: 12
help: return a signed number, and the value through a pointer of the caller's

error[value-range]: -5 is no errno
  FILE:LINE
  LINE |         fail(-EIO)
        |         ^^^^^^^^^^
expected: a number above 0, which is negated
got: -5

error[type]: `try_` takes what may be a failure
  FILE:LINE
  LINE |         ret(try_(5))
        |             ^^^^^^^
expected: `try_(self.allocate(), Errno.ENOMEM)`, with a result or another operand
got: 5

5 errors"""
    )
