"""The checker's rules on registers and flags: each with its broken and its mended example."""

from typing import Any

import pytest

from pykasm import *
from tests.unit.checking import broken, findings, mended, rules


def test_a_register_is_read_that_some_path_never_wrote() -> None:
    assert broken("E010") == [
        """\
error[E010]: `rcx` is read before it is written
  FILE:LINE
  LINE |         ret(rcx)
        |         ^^^^^^^^ some path to here leaves rcx as the caller had it
help: give it a value on every path""",
    ]
    assert mended("E010") == []


def test_a_register_is_read_after_a_call() -> None:
    assert broken("E011") == [
        """\
error[E011]: `rcx` is read after a call that may have changed it
  FILE:LINE
  LINE |         ret(rcx)
        |         ^^^^^^^^
  LINE |         self.tick()
        |         ^^^^^^^^^^^ this call may change rcx
help: keep the value in a `keep` register, or use the call's result by its name""",
        """\
warning[W001]: `rcx` is written, and nothing reads it
  FILE:LINE
  LINE |         mov(ecx, 7)
        |         ^^^^^^^^^^^
help: take it out""",
    ]
    assert mended("E011") == []


def test_a_name_is_read_after_a_call_clobbered_it() -> None:
    assert broken("E012") == [
        """\
error[E012]: `value` is read after its register was clobbered
  FILE:LINE
  LINE |         ret(value)
        |             ^^^^^ rdi held `value` until line 14
  LINE |         self.tick()
        |         ^^^^^^^^^^^ this call may change rdi
help: keep it across the call: `value = keep(...)`""",
    ]
    assert mended("E012") == []


class Overwritten(Subsystem):
    """Writes a result's register by its machine name before it reads the result."""

    @function
    def run(self) -> U64:
        size = self.size()
        xor(eax, eax)
        mov(rcx, size)
        ret(rcx)

    @function
    def size(self) -> U64:
        ret(8)


def test_a_name_is_read_after_its_register_was_written_by_its_own_name() -> None:
    assert findings(Overwritten()) == [
        """\
error[E012]: `size` is read after its register was clobbered
  FILE:LINE
  LINE |         mov(rcx, size)
        |                  ^^^^ rax held `size` until line 63
  LINE |         xor(eax, eax)
        |         ^^^^^^^^^^^^^ this writes rax
help: keep `size` in a register of its own""",
    ]


class ChangedInPlace(Overwritten):
    """Changes the result itself, by its machine name."""

    @function
    def run(self) -> U64:
        size = self.size()
        shl(rax, 3)
        ret(size)


def test_a_value_that_is_changed_in_place_keeps_its_name() -> None:
    assert findings(ChangedInPlace()) == []


def test_a_flag_is_read_after_a_call() -> None:
    assert broken("E013") == [
        """\
error[E013]: ZF is read, but the code before leaves it undefined
  FILE:LINE
  LINE |         with if_(~ZF):
        |         ^^^^^^^^^^^^^^
  LINE |         self.tick()
        |         ^^^^^^^^^^^ this call may change ZF
help: compare or test right before the branch""",
    ]
    assert mended("E013") == []


def test_a_callee_saved_register_is_changed() -> None:
    assert broken("E014") == [
        """\
error[E014]: `rbx` is not what the caller had in it
  FILE:LINE
  LINE |         ret(rax)
        |         ^^^^^^^^ some path to here changed rbx and did not restore it
help: take the register with `keep`, which saves it""",
    ]
    assert mended("E014") == []


def test_the_direction_flag_stays_set() -> None:
    assert broken("E015") == [
        """\
error[E015]: DF may be set when other code runs
  FILE:LINE
  LINE |         rep.movsb()
        |         ^^^^^^^^^^^ some path to here set DF
help: `cld()` after the string instruction""",
    ]
    assert mended("E015") == []


class OverwrittenTwice(Subsystem):
    """Works on with the register of a parameter under its machine name, then reads the
    parameter."""

    @function
    def run(self, number: U64) -> U64:
        mov(edi, 4)
        add(rdi, rdi)
        ret(number)


def test_a_name_stays_lost_whatever_is_written_to_its_register() -> None:
    assert findings(OverwrittenTwice()) == [
        """\
error[E012]: `number` is read after its register was clobbered
  FILE:LINE
  LINE |         ret(number)
        |             ^^^^^^ rdi held `number` until line 143
  LINE |         mov(edi, 4)
        |         ^^^^^^^^^^^ this writes rdi
help: keep `number` in a register of its own""",
    ]


class Syscall(Subsystem):
    """Reads a register that `syscall` changes (AMD64 APM vol. 3, SYSCALL)."""

    @function
    def run(self) -> U64:
        mov(ecx, 7)
        mov(eax, 1)
        syscall()
        ret(rcx)


class KeptOverSyscall(Subsystem):
    """Keeps a value in a register that `syscall` leaves alone, and makes no use of flags."""

    @function
    def run(self) -> U64:
        mov(rdx, 7)
        mov(eax, 1)
        syscall()
        ret(rdx)


def test_what_a_system_call_changes() -> None:
    assert rules(Syscall()) == ["W001"]  # rcx is given another value than it had
    assert rules(KeptOverSyscall()) == []


class Saved(Subsystem):
    """Saves rbx on the stack; `spoil` does something in between."""

    @function
    def run(self, value: U64) -> U64:
        push(rbx)
        push(rbx)
        mov(rbx, value)
        self.spoil()
        mov(rax, rbx)
        pop(rbx)
        add(rsp, 8)
        ret(rax)

    def spoil(self) -> None:
        """Write to the stack."""
        raise NotImplementedError


class StoredBeside(Saved):
    def spoil(self) -> None:
        mov(u64[rsp + 8], 0)


class StoredOver(Saved):
    def spoil(self) -> None:
        mov(u64[rsp], 0)


class StoredInside(Saved):
    def spoil(self) -> None:
        mov(u8[rsp + 7], 0)


class StoredAcross(Saved):
    def spoil(self) -> None:
        mov(u64[rsp - 4 + 8], 0)


class CountedUp(Saved):
    def spoil(self) -> None:
        inc(u64[rsp])


class Exchanged(Saved):
    def spoil(self) -> None:
        xchg(u64[rsp], rbx)


def test_a_store_beside_a_saved_register_leaves_it_alone() -> None:
    assert rules(StoredBeside()) == []


@pytest.mark.parametrize("spoiled", [StoredOver, StoredInside, StoredAcross, CountedUp, Exchanged])
def test_a_store_over_a_saved_register_loses_it(spoiled: Any) -> None:
    assert rules(spoiled()) == ["E014"]


class SavedByMoves(Subsystem):
    """Saves rbx in the frame without a push."""

    @function
    def run(self, value: U64) -> U64:
        sub(rsp, 16)
        mov(u64[rsp + 8], rbx)
        mov(rbx, value)
        mov(rax, rbx)
        mov(rbx, u64[rsp + self.place])
        add(rsp, 16)
        ret(rax)

    place = 8


class RestoredFromElsewhere(SavedByMoves):
    """Restores what lies beside it."""

    place = 0


def test_a_register_may_be_saved_by_moves() -> None:
    assert rules(SavedByMoves()) == []
    assert rules(RestoredFromElsewhere()) == ["E014"]


class GivenUp(Subsystem):
    """Restores rbx from where a call may have written meanwhile, below rsp."""

    @function
    def run(self) -> None:
        push(rbx)
        mov(rbx, 1)
        add(rsp, 8)
        self.other(rbx)
        sub(rsp, 8)
        pop(rbx)

    @function
    def other(self, value: U64) -> None:
        nop()


def test_what_lies_below_the_stack_restores_no_register() -> None:
    assert rules(GivenUp()) == ["E014"]


class CallsPointer(Subsystem):
    """Calls through r10, which the call before may have changed."""

    @function
    def run(self, target: U64) -> None:
        mov(r10, target)
        self.other()
        self.call_it()

    def call_it(self) -> None:
        """Call through the register."""
        call(r10)

    @function
    def other(self) -> None:
        nop()


class CallsTable(CallsPointer):
    def call_it(self) -> None:
        call(u64[r10 + 8])


@pytest.mark.parametrize("subsystem", [CallsPointer, CallsTable])
def test_a_call_reads_the_register_that_it_goes_through(subsystem: Any) -> None:
    assert "E011" in rules(subsystem())


class Overridden(Subsystem):
    """Changes a register that nothing was written to."""

    def __init__(self, change: Any) -> None:
        self.change = change

    @function
    def run(self, value: U64) -> U64:
        cmp(value, 1)
        self.change()
        ret(rax)


@pytest.mark.parametrize(
    "change",
    [
        lambda: sbb(rax, rax),
        lambda: sbb(eax, eax),
        lambda: or_(rax, -1),
        lambda: and_(eax, 0),
    ],
)
def test_what_gives_the_same_whatever_a_register_held_reads_nothing(change: Any) -> None:
    assert not [one for one in rules(Overridden(change)) if one[0] == "E"]


@pytest.mark.parametrize(
    "change",
    [
        lambda: sbb(rax, rdi),
        lambda: sbb(rax, 0),
        lambda: adc(rax, rax),
        lambda: or_(rax, 0xFF),
        lambda: or_(al, -1),
        lambda: and_(eax, -1),
        lambda: and_(rax, rax),
    ],
)
def test_what_depends_on_what_a_register_held_reads_it(change: Any) -> None:
    assert "E010" in rules(Overridden(change))
