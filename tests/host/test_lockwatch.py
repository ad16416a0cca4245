"""What debug builds note of spin locks, against Python's idea of it."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.cpu.percpu import PerCpu
from kernel.cpu.trapframe import TrapFrame
from kernel.debug.lockorder import LockOrder
from kernel.debug.lockwatch import LockWatch
from kernel.debug.panic import Panic, Report
from kernel.interrupts.localapic import LocalApic
from kernel.locks.heldlocks import MOST_HELD, HeldLocks
from kernel.locks.spinlock import SpinLock
from kernel.processors.processors import Processors
from pykasm import *
from pykasm.hostrun import Host, HostStop
from pykasm.isa.code import Line
from pykasm.lang.locking import watching_locks
from tests.host.console_support import Paper, parts_on, written
from tests.lines import line_of

PROCESSORS = 3
CLASSES = 5
LINES = 8
LOCKS = 2 * CLASSES
"""Two of each class."""
BLOCKS = 0x4000_0000
BLOCK_SIZE = 1 << 16
"""More than all per-CPU variables take."""

TAKEN_TWICE = "a spin lock is taken by who holds it"
NOT_HELD = "a spin lock is released by who does not hold it"
WRONG_ORDER = "spin locks are taken in a wrong order"
TOO_MANY = "too many spin locks are held"


class FakePanic(Subsystem):
    """Prints the message, and ends."""

    def __init__(self, paper: Paper) -> None:
        self.paper = paper

    @function
    def enter(self, report: Report, argument: U64, frame: Ptr[TrapFrame]) -> NoReturn:
        frame = keep(frame)
        report(argument, frame)
        tail(self.finish, frame)
        never()

    @function
    def say(self, message: U64, frame: Ptr[TrapFrame]) -> None:
        self.paper.print("panic: %s\n", cast(message, Ptr[U8]))

    @function
    def finish(self, frame: Ptr[TrapFrame]) -> NoReturn:
        """Answered by the tests."""
        ud2()
        never()


class Code(Subsystem):
    """What takes and releases locks, at lines whose names are in the image as those of all code."""

    lines = rodata(Ptr[U8] * LINES, [f"line {number}" for number in range(LINES)])


def name_of(number: int) -> str:
    """What a class is called."""
    return f"Class{number}.lock"


def address_of_lock(lock: int) -> int:
    return 0x1000 + 0x10 * lock


class Machine:
    """A host with a watch, and blocks of processors for it."""

    def __init__(self, *watched: Subsystem) -> None:
        self.paper = Paper()
        panic = FakePanic(self.paper)
        parts = parts_on(self.paper, LocalApic, instead={Panic: panic})
        self.per_cpu, self.processors = parts[PerCpu], parts[Processors]
        self.order, self.watch = parts[LockOrder], parts[LockWatch]
        for number in range(CLASSES + MOST_HELD):
            assert self.order.number_of(name_of(number)) == number
        code = Code()
        with watching_locks(self.watch):
            self.host = Host(self.watch, code, *watched)
        for name in ("symbols_start", "symbols_end"):
            self.host.define(name, 0)
        self.host.stub(panic.finish)
        self.host.call(self.per_cpu.start_first)
        self.first_block = self.host[self.per_cpu.block]
        self.host.map(BLOCKS, PROCESSORS * BLOCK_SIZE)
        for number in range(PROCESSORS):
            self.be(number)
            self.host[self.per_cpu.number] = number
            self.host.call(self.processors.enter)
        self.lines = [self.host[code.lines[number]] for number in range(LINES)]
        self.host.checkpoint()

    def be(self, processor: int) -> None:
        """Go on as `processor`."""
        self.host[self.per_cpu.block] = BLOCKS + processor * BLOCK_SIZE

    def take(self, lock: int, place: int = 0) -> None:
        """As code at `place` that takes `lock`, one of class `lock % CLASSES`."""
        self.host.call(self.watch.take, address_of_lock(lock), lock % CLASSES, self.lines[place])

    def release(self, lock: int, place: int = 0) -> None:
        """As code that releases it."""
        self.host.call(self.watch.release, address_of_lock(lock), lock % CLASSES, self.lines[place])

    def noted(self) -> list[int]:
        """The locks that this processor is noted to hold."""
        offset = int(self.host.address(self.watch.held)) - self.first_block
        held = self.host.at(HeldLocks, self.host[self.per_cpu.block] + offset)
        return [(held.locks[number].lock - 0x1000) // 0x10 for number in range(held.count)]

    def report(self, function: Any, *arguments: Any) -> str:
        """What is printed by the panic to which the call leads."""
        with pytest.raises(HostStop, match=r"^FakePanic\.finish"):
            function(*arguments)
        return written(self.host, self.paper).decode()


class Model:
    """What each processor holds, and what was ever taken under what."""

    def __init__(self) -> None:
        self.held: list[list[int]] = [[] for _ in range(PROCESSORS)]
        self.before: dict[int, set[int]] = {number: set() for number in range(CLASSES)}

    def take(self, processor: int, lock: int) -> str:
        """What is wrong with that, if anything."""
        held = self.held[processor]
        if lock in held:
            return TAKEN_TWICE
        new = {other % CLASSES for other in held} - self.before[lock % CLASSES]
        self.before[lock % CLASSES] |= new
        if any(self.comes_before(lock % CLASSES, other) for other in new):
            return WRONG_ORDER
        held.append(lock)
        return ""

    def comes_before(self, first: int, second: int) -> bool:
        """Whether a way leads from `second` back to `first`."""
        seen: set[int] = set()
        waiting = {second}
        while waiting:
            one = waiting.pop()
            seen.add(one)
            waiting |= self.before[one] - seen
        return first in seen

    def release(self, processor: int, lock: int) -> str:
        """What is wrong with that, if anything."""
        if lock not in self.held[processor]:
            return NOT_HELD
        self.held[processor].remove(lock)
        return ""


@pytest.fixture(scope="module")
def kept() -> Machine:
    return Machine()


@pytest.fixture
def machine(kept: Machine) -> Machine:
    kept.host.reset()
    return kept


STEPS = st.lists(
    st.tuples(
        st.integers(0, PROCESSORS - 1),
        st.sampled_from(["take", "release", "release last"]),
        st.integers(0, LOCKS - 1),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(steps=STEPS)
def test_the_first_fault_is_reported_and_nothing_else(
    kept: Machine, steps: list[tuple[int, str, int]]
) -> None:
    kept.host.reset()
    model = Model()
    for processor, step, lock in steps:
        kept.be(processor)
        if step == "release last":
            step, lock = "release", (model.held[processor] or [lock])[-1]
        wrong = getattr(model, step)(processor, lock)
        if wrong:
            report = kept.report(getattr(kept, step), lock)
            assert report.startswith(f"panic: {wrong}\n")
            return
        getattr(kept, step)(lock)
        assert kept.noted() == model.held[processor]


def test_a_lock_taken_twice_is_reported_with_both_places(machine: Machine) -> None:
    machine.be(1)
    machine.take(4, 1)
    machine.take(3, 2)
    machine.be(2)
    machine.take(6, 3)
    assert (
        machine.report(machine.take, 6, 4)
        == """\
panic: a spin lock is taken by who holds it
  Class1.lock at 0x1060, in line 4
  processor 1 holds Class4.lock at 0x1040 since line 1
  processor 1 holds Class3.lock at 0x1030 since line 2
  processor 2 holds Class1.lock at 0x1060 since line 3
"""
    )


def test_a_lock_of_another_processor_is_not_released(machine: Machine) -> None:
    machine.be(0)
    machine.take(2, 1)
    machine.be(1)
    assert (
        machine.report(machine.release, 2, 5)
        == """\
panic: a spin lock is released by who does not hold it
  Class2.lock at 0x1020, in line 5
  processor 0 holds Class2.lock at 0x1020 since line 1
"""
    )


def test_a_circle_is_reported_with_the_places_of_each_pair(machine: Machine) -> None:
    for processor, (first, second) in enumerate([(0, 1), (1, 2)]):
        machine.be(processor)
        machine.take(first, processor)
        machine.take(second, processor + 2)
        machine.release(first)
        machine.release(second)
    machine.take(7, 4)
    machine.take(3, 5)
    assert (
        machine.report(machine.take, 0, 6)
        == """\
panic: spin locks are taken in a wrong order
  Class0.lock is taken in line 6
  while that was held, Class1.lock was taken in line 2
  while that was held, Class2.lock was taken in line 3
  which is held since line 4
"""
    )


def test_two_locks_of_a_class_have_no_order(machine: Machine) -> None:
    machine.take(0, 1)
    assert (
        machine.report(machine.take, CLASSES, 2)
        == """\
panic: spin locks are taken in a wrong order
  Class0.lock is taken in line 2
  which is held since line 1
"""
    )


def test_more_locks_than_there_is_room_for_are_reported(machine: Machine) -> None:
    for number in range(MOST_HELD):
        machine.host.call(machine.watch.take, number, CLASSES + number, machine.lines[0])
    report = machine.report(machine.take, 0)
    assert report.startswith(f"panic: {TOO_MANY}\n")
    assert report.count("since line 0\n") == MOST_HELD


def test_nothing_is_watched_once_a_panic_has_broken_locks_open(machine: Machine) -> None:
    machine.take(0)
    machine.host[machine.watch.off] = 1
    machine.take(0)
    machine.release(1)
    machine.release(0)


class Adder(Subsystem):
    """Takes locks."""

    first = bss(SpinLock)
    second = bss(SpinLock)

    @function(exported=True)
    def add(self, a: U64, b: U64) -> U64:
        """The sum, made with locks while registers for arguments are in use."""
        with self.first.held(), self.second.held(rank="inner"):
            lea(rax, u64[a + b])
        ret(rax)

    @function(exported=True)
    def lock_up(self) -> None:
        """Take them the other way round."""
        cli()
        self.second.acquire(rank="inner")
        self.first.acquire()
        self.first.release()
        self.second.release(rank="inner")


def test_locks_tell_what_they_do_and_change_no_register_by_that() -> None:
    adder = Adder()
    machine = Machine(adder)
    machine.be(1)
    assert machine.host.call(adder.add, 3, 4) == 7
    assert machine.noted() == []
    report = machine.report(machine.host.call, adder.lock_up)
    taken = line_of(Adder, "add", "second.held")
    first, second = (line_of(Adder, "lock_up", f"{name}.acquire") for name in ("first", "second"))
    assert report == (
        f"panic: {WRONG_ORDER}\n"
        f"  Adder.first is taken in {first}\n"
        f"  while that was held, Adder.second:inner was taken in {taken}\n"
        f"  which is held since {second}\n"
    )


@pytest.mark.parametrize(("debug", "told"), [(True, 4), (False, 0)])
def test_only_locks_of_debug_builds_tell(debug: bool, told: int) -> None:
    adder = Adder()
    watch = Machine().watch
    image = Image(adder.add, [adder, watch], on_lock=watch)
    program = image.assemble(debug=debug)
    routine = next(one for one in program.units[0].routines if one.symbol == "Adder.add")
    lines = [item for item in routine.items if isinstance(item, Line)]
    assert sum(line.statement.mnemonic == "call" for line in lines) == told


def test_there_may_be_any_number_of_classes() -> None:
    order = Machine().order
    for number in range(300):
        assert order.number_of(name_of(number)) == number
    assert order.number_of(name_of(1)) == 1


def test_a_circle_of_many_classes_is_found() -> None:
    machine = Machine()
    classes = CLASSES + MOST_HELD

    def take(number: int) -> None:
        machine.host.call(machine.watch.take, number * 8, number, machine.lines[0])

    def release(number: int) -> None:
        machine.host.call(machine.watch.release, number * 8, number, machine.lines[0])

    for number in range(classes - 1):
        take(number)
        take(number + 1)
        release(number + 1)
        release(number)
        assert not machine.host.call(machine.order.is_before_itself, number)
    take(classes - 1)
    report = machine.report(take, 0)
    assert report.count("while that was held") == classes - 1
