"""Positions that code records: what they stand for stays the same where other code is put in front
of it, as the choice of a `switch` is, and where it stands out of line itself."""

from __future__ import annotations

from typing import Any

import pytest

from pykasm import *
from pykasm.check.examples.spinlock import SpinLock
from pykasm.isa.code import Line
from pykasm.lang.operands import MemoryOperand, RegisterOperand
from pykasm.lang.role import Role
from pykasm.lang.routine import Routine
from tests.unit.checking import findings, rules

FEW, MANY = 2, 6
"""Cases that are compared with one by one, and cases that make a jump table."""


class Account(Struct):
    """Something with a lock."""

    lock: SpinLock
    balance: U64 = field(guarded_by="lock")
    other: U64


class Chooses(Subsystem):
    """Writes its body in one case of a switch with others."""

    def __init__(self, cases: int, chosen: int, is_nested: bool = False) -> None:
        self.cases, self.chosen, self.is_nested = cases, chosen, is_nested

    @function(exported=True)
    def run(self, account: Ptr[Account], choice: U64) -> None:
        self._choose(account, choice, self.is_nested)
        self.after(account)

    def _choose(self, account: Any, choice: Any, nests: bool) -> None:
        with switch(choice):
            for number in range(self.cases):
                with case(number):
                    if number != self.chosen:
                        nop()
                    elif nests:
                        self._choose(account, choice, nests=False)
                    else:
                        self.body(account)

    def body(self, account: Any) -> None:
        """What stands in the case."""

    def after(self, account: Any) -> None:
        """What stands behind the switch."""


EVERYWHERE = pytest.mark.parametrize(
    ("cases", "chosen", "is_nested"),
    [
        (cases, chosen, is_nested)
        for cases in (FEW, MANY)
        for chosen in (0, 1, cases - 1)
        for is_nested in (False, True)
    ],
)


@EVERYWHERE
def test_locks_in_a_case_are_held_there(cases: int, chosen: int, is_nested: bool) -> None:
    class Locks(Chooses):
        def body(self, account: Any) -> None:
            account.lock.take()
            mov(account.balance, 1)
            account.lock.drop()

        def after(self, account: Any) -> None:
            account.lock.take()
            mov(account.balance, 2)
            account.lock.drop()

    assert findings(Locks(cases, chosen, is_nested)) == []


@EVERYWHERE
def test_a_datum_in_a_case_is_accessed_where_it_is(
    cases: int, chosen: int, is_nested: bool
) -> None:
    class Locks(Chooses):
        def body(self, account: Any) -> None:
            account.lock.take()
            for number in range(9):
                mov(account.other, number)
            account.lock.drop()
            mov(account.balance, 1)  # here

    (found,) = findings(Locks(cases, chosen, is_nested))
    assert "error[E051]: `Account.balance`" in found
    assert "mov(account.balance, 1)  # here" in found


@EVERYWHERE
def test_an_exception_in_a_case_covers_its_block(cases: int, chosen: int, is_nested: bool) -> None:
    class Breaks(Chooses):
        def body(self, account: Any) -> None:
            with allowed("E051", "nobody else has it yet"):
                mov(account.balance, 1)

    assert rules(Breaks(cases, chosen, is_nested)) == []


@EVERYWHERE
def test_an_exception_behind_a_case_covers_its_block(
    cases: int, chosen: int, is_nested: bool
) -> None:
    class Breaks(Chooses):
        def after(self, account: Any) -> None:
            with allowed("E051", "nobody else has it yet"):
                mov(account.balance, 1)

    assert rules(Breaks(cases, chosen, is_nested)) == []


def test_an_exception_around_the_last_case_ends_where_the_switch_does() -> None:
    class Breaks(Subsystem):
        @naked(exported=True)
        def run(self, choice: U64, target: U64) -> None:
            with switch(choice):
                with case(0):
                    nop()
                with allowed("E032", "the caller chose it"):  # noqa: SIM117
                    with case(1):
                        with if_(target == 0):
                            jmp(target)
            ret()

    assert rules(Breaks()) == []


def test_a_case_with_an_exception_is_no_excuse_for_another() -> None:
    class Breaks(Subsystem):
        @naked(exported=True)
        def run(self, choice: U64, target: U64) -> None:
            with switch(choice):
                with case(0), allowed("E032", "the caller chose it"):
                    jmp(target)
                with case(1):
                    jmp(target)
            ret()

    assert rules(Breaks()) == ["E032"]


def routine(image: Image, symbol: str) -> Routine:
    """A routine of the image's debug build."""
    program = image.assemble(debug=True)
    return next(one for unit in program.units for one in unit.routines if one.symbol == symbol)


def uses(one: Routine, name: str) -> list[tuple[Role, int]]:
    """Where the operands of a routine name a register, with its role."""
    found = []
    for index, item in enumerate(one.items):
        for operand in item.written if isinstance(item, Line) else ():
            base = operand._base if isinstance(operand, MemoryOperand) else operand
            if isinstance(base, RegisterOperand) and base._role and base._role.name == name:
                found.append((base._role, index))
    return found


def lives(role: Role, index: int) -> bool:
    """Whether a role lives in its register before the item of code at `index`."""
    return any(start <= index <= end for start, end in role.extents)


def alone(one: Routine, role: Role, index: int) -> bool:
    """Whether the register of a role is only its own there."""
    others = [each for each in one.roles if each.register.number == role.register.number]
    return [each for each in others if any(s <= index < e for s, e in each.extents)] == [role]


@EVERYWHERE
def test_roles_in_a_case_live_where_they_are_used(cases: int, chosen: int, is_nested: bool) -> None:
    class Uses(Chooses):
        def body(self, account: Any) -> None:
            first = scratch(U64)
            mov(first, account.other)
            inc(first)
            mov(account.other, first)
            release(first)
            second = scratch(U64)
            mov(second, account.other)
            dec(second)
            mov(account.other, second)
            release(second)

        def after(self, account: Any) -> None:
            third = scratch(U64)
            mov(third, account.other)
            inc(third)
            mov(account.other, third)

    chooses = Uses(cases, chosen, is_nested)
    made = routine(Image(chooses.run, [chooses]), "Uses.run")
    for name in ("first", "second", "third", "account"):
        assert len(found := uses(made, name)) >= 3
        assert all(lives(role, index) and alone(made, role, index) for role, index in found), name


@EVERYWHERE
def test_results_in_a_case_are_those_of_their_calls(
    cases: int, chosen: int, is_nested: bool
) -> None:
    class Calls(Chooses):
        total = bss(U64)

        @function
        def count(self) -> U64:
            ret(1)

        def body(self, account: Any) -> None:
            lost = self.count()
            ignore(self.count())
            mov(self.total, lost)  # here

    (found,) = findings(Calls(cases, chosen, is_nested))
    assert "error[E012]: `lost`" in found
    assert "mov(self.total, lost)  # here" in found


class Asserts(Subsystem):
    """Checks what it was given, then uses its registers for something else."""

    @function(exported=True)
    def failed(self, text: Ptr[U8]) -> None:
        mov(rax, text)

    @function
    def run(self, number: U64) -> None:
        asserts(number != 0)
        asserts(number != 1)
        ignore(self.other())
        later = scratch(U64)
        mov(later, 5)
        asserts(later != 4)

    @function
    def other(self) -> U64:
        ret(1)


def calls_of(one: Routine, symbol: str) -> list[int]:
    """The indexes of the calls of a function."""
    return [
        index
        for index, item in enumerate(one.items)
        if isinstance(item, Line) and any(it.target == symbol for it in item.references)
    ]


def test_a_role_lives_on_where_a_failed_check_is_told() -> None:
    checks = Asserts()
    made = routine(Image(checks.run, [checks], on_assert=checks.failed), "Asserts.run")
    number, later = uses(made, "number")[0][0], uses(made, "later")[0][0]
    first, second, third = calls_of(made, "Asserts.failed")
    assert [lives(number, at) for at in (first, second, third)] == [True, True, False]
    assert [lives(later, at) for at in (first, second, third)] == [False, False, True]
