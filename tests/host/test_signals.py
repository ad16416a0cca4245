"""Signals against a model: what is pending, who is told, what is delivered in which order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.cpu.trapframe import TrapFrame
from kernel.errno import Errno
from kernel.mm.objectcache import ObjectCache
from kernel.mm.slabs import Slabs
from kernel.sched.thread import Interruption, Thread
from kernel.signals.foundsignal import FoundSignal
from kernel.signals.signalactions import ActionFlag, Disposition, SignalAction
from kernel.signals.signalactionstore import SignalActionStore
from kernel.signals.signaldelivery import SignalDelivery
from kernel.signals.signalframes import SignalFrames
from kernel.signals.signalgroup import SignalGroup
from kernel.signals.signalinfo import SignalInfo
from kernel.signals.signalmasks import SignalMasks
from kernel.signals.signalnumber import SIGNALS, Signal, SignalCode
from kernel.signals.signalqueues import SignalQueues
from kernel.signals.signals import Signals
from kernel.signals.signalset import (
    DUMPING,
    FIRST_REALTIME,
    IGNORED_BY_DEFAULT,
    STOPPING,
    SYNCHRONOUS,
    UNBLOCKABLE,
)
from kernel.signals.signalstates import SignalStates
from kernel.signals.signaltarget import SignalTarget, StackFlag
from kernel.users.useraccount import UserAccount
from tests.host.threads_support import Kernel

THREADS = 3
LIMIT = 4
"""Signals that the process of the tests may have queued."""
HANDLER = 0x1234_5678
ALL = (1 << SIGNALS) - 1


def bit(number: int) -> int:
    return 1 << (number - 1)


def members(set: int) -> list[int]:
    return [number for number in range(1, SIGNALS + 1) if set & bit(number)]


@dataclass
class Pending:
    """What is pending: the set, and what is queued."""

    set: int = 0
    queue: list[tuple[int, int]] = field(default_factory=list)

    def remove(self, unwanted: int) -> int:
        """Forget these; how many records are free then."""
        before = len(self.queue)
        self.set &= ~unwanted
        self.queue = [one for one in self.queue if not unwanted & bit(one[0])]
        return before - len(self.queue)

    def take(self, wanted: int) -> tuple[int, int, int] | None:
        """The next signal, its value, and how many records it frees."""
        found = self.set & wanted
        if not found:
            return None
        number = members(found & SYNCHRONOUS or found)[0]
        queued = [one for one in self.queue if one[0] == number]
        if queued:
            self.queue.remove(queued[0])
        if len(queued) < 2:
            self.set &= ~bit(number)
        return number, queued[0][1] if queued else 0, len(queued[:1])


@dataclass
class Model:
    """What signal(7) says."""

    group: Pending = field(default_factory=Pending)
    threads: list[Pending] = field(default_factory=lambda: [Pending() for _ in range(THREADS)])
    masks: list[int] = field(default_factory=lambda: [0] * THREADS)
    actions: dict[int, SignalAction] = field(default_factory=dict)
    handlers: dict[int, int] = field(default_factory=dict)
    once: set[int] = field(default_factory=set)
    queued: int = 0
    deadly: int = 0
    dumper: int | None = None
    """The thread that leaves the memory of the process in a file."""
    stopped: int = 0

    def all_pending(self) -> list[Pending]:
        return [self.group, *self.threads]

    def ignores(self, number: int) -> bool:
        handler = self.handlers.get(number, Disposition.DEFAULT)
        default = handler == Disposition.DEFAULT and bit(number) & IGNORED_BY_DEFAULT
        return handler == Disposition.IGNORE or bool(default)

    def send(self, thread: int | None, number: int, code: int, value: int) -> int:
        if self.deadly:
            if number == Signal.SIGKILL and self.dumper is not None:
                self.deadly = number
            return 0
        if number == Signal.SIGKILL:
            self.deadly = number
            return 0
        if number == Signal.SIGCONT:
            self.queued -= sum(one.remove(STOPPING) for one in self.all_pending())
            self.stopped = 0
        elif bit(number) & STOPPING:
            self.queued -= sum(one.remove(bit(Signal.SIGCONT)) for one in self.all_pending())
        if self.ignores(number) and not self.masks[thread or 0] & bit(number):
            return 0
        pending = self.group if thread is None else self.threads[thread]
        if number < FIRST_REALTIME and pending.set & bit(number):
            return 0
        if self.queued < LIMIT:
            self.queued += 1
            pending.queue.append((number, value))
        elif number >= FIRST_REALTIME and code != SignalCode.SI_USER:
            return -Errno.EAGAIN
        pending.set |= bit(number)
        return 0

    def deliver(self, thread: int) -> Iterator[tuple[int, int]]:
        """Yield what handlers are called with, in this order."""
        while not self.deadly and not self.stopped:
            for pending in (self.threads[thread], self.group):
                if taken := pending.take(ALL & ~self.masks[thread]):
                    break
            if not taken:
                return
            number, value, freed = taken
            self.queued -= freed
            handler = self.handlers.get(number, Disposition.DEFAULT)
            if handler == HANDLER:
                if number in self.once:
                    self.handlers[number] = Disposition.DEFAULT
                self.masks[thread] |= bit(number)
                yield number, value
            elif not self.ignores(number):
                if bit(number) & STOPPING:
                    self.stopped = number
                else:
                    self.deadly = number
                    if bit(number) & DUMPING:
                        self.dumper = thread


class Machine:
    """A process with some threads, whose handlers are noted."""

    def __init__(self) -> None:
        self.kernel = Kernel(SignalFrames)
        parts = self.kernel.parts
        self.parts = parts
        asked = (Signals, SignalDelivery, SignalMasks, SignalStates, SignalActionStore)
        self.host = self.kernel.host(*(parts[one] for one in (*asked, SignalFrames)))
        self.host.checkpoint()

    def start(self) -> None:
        host, parts = self.host, self.parts
        host.reset()
        self.left: int | None = None
        self.objects: dict[int, int] = {}
        self.called: list[tuple[int, int]] = []
        host.stub(parts[Slabs].allocate, self._allocate)
        host.stub(parts[Slabs].free, self._free)
        host.stub(parts[SignalFrames].push, self._push)
        self.group = host.new(SignalGroup)
        self.account = host.new(UserAccount, holders=1)
        assert self.call(self.parts[SignalStates].begin, self.group, self.account)
        self.group.queue_limit = LIMIT
        self.threads = [host.new(Thread) for _ in range(THREADS)]
        self.targets = []
        for thread in self.threads:
            target = host.new(SignalTarget)
            target.thread = thread
            self.call(self.parts[SignalStates].join, target, self.group)
            self.targets.append(target)

    def call(self, function: Any, *arguments: Any) -> int:
        return int(self.host.call(function, *arguments) or 0)

    def _allocate(self, cache: Any) -> int:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                return 0
        size = int(self.host.at(ObjectCache, int(cache)).object_size)
        place = int(self.host.bytes(b"\xa5" * size))
        self.objects[place] = size
        return place

    def _free(self, cache: Any, place: Any) -> None:
        size = self.objects.pop(int(place))
        self.host.write(int(place), b"\xdd" * size)

    def _push(self, target: Any, frame: Any, found: Any) -> int:
        info = self.host.at(FoundSignal, int(found)).info
        self.called.append((int(info.number), int(info.details.sender.value)))
        return 0

    def send(self, thread: int | None, number: int, code: int, value: int) -> int:
        info = self.host.new(SignalInfo, number=number, code=code)
        info.details.sender.value = value
        if thread is None:
            return self.call(self.parts[Signals].send, self.group, info)
        return self.call(self.parts[Signals].send_to_thread, self.targets[thread], info)

    def look(self, thread: int) -> list[tuple[int, int]]:
        """Do what the thread does on its way to its program; what is handled then."""
        self.called = []
        record = self.threads[thread]
        while record.pending & Interruption.SIGNAL and not record.pending & Interruption.KILL:
            record.pending = int(record.pending) & ~Interruption.SIGNAL
            if self.group.stop_signal:
                break
            self.call(
                self.parts[SignalDelivery].deliver, self.targets[thread], self.host.new(TrapFrame)
            )
        return self.called

    def act(self, number: int, handler: int, flags: int) -> None:
        action = self.host.new(SignalAction, handler=handler, flags=flags)
        self.call(self.parts[SignalActionStore].set, self.group.actions, number, action)

    def is_told(self, thread: int) -> bool:
        return bool(self.threads[thread].pending & Interruption.SIGNAL)


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine()


NUMBERS = st.one_of(
    st.sampled_from(
        (
            *(Signal.SIGUSR1, Signal.SIGSEGV, Signal.SIGCHLD, Signal.SIGCONT, Signal.SIGSTOP),
            *(Signal.SIGTSTP, 32, 33, 64, Signal.SIGKILL),
        )
    ),
    st.integers(1, SIGNALS),
)
CODES = st.sampled_from((SignalCode.SI_USER, SignalCode.SI_QUEUE))
THREAD = st.integers(0, THREADS - 1)
MASKS = st.one_of(st.just(0), st.just(ALL), st.integers(0, ALL))
STEPS = st.one_of(
    st.tuples(st.just("send"), st.none() | THREAD, NUMBERS, CODES, st.integers(0, 2**64 - 1)),
    st.tuples(st.just("mask"), THREAD, MASKS),
    st.tuples(st.just("act"), NUMBERS, st.sampled_from((0, 1, HANDLER)), st.booleans()),
    st.tuples(st.just("look"), THREAD),
)


class Both:
    """The kernel and the model, doing the same."""

    def __init__(self, machine: Machine) -> None:
        machine.start()
        self.machine, self.model = machine, Model()

    def send(self, thread: int | None, number: int, code: int, value: int) -> None:
        expected = self.model.send(thread, number, code, value)
        assert self.machine.send(thread, number, code, value) == expected
        if not self.model.deadly and self.machine.group.deadly:
            # It ends the process without a look of anybody, which comes to the same
            self.model.deadly = int(self.machine.group.deadly)
            assert number == self.model.deadly
            assert self.model.handlers.get(number, 0) == Disposition.DEFAULT
            assert any(not mask & bit(number) for mask in self.model.masks)

    def mask(self, thread: int, mask: int) -> None:
        self.model.masks[thread] = mask & ~UNBLOCKABLE
        self.machine.call(self.machine.parts[SignalMasks].set, self.machine.targets[thread], mask)

    def act(self, number: int, handler: int, once: bool) -> None:
        if bit(number) & UNBLOCKABLE:
            return
        self.model.handlers[number] = handler
        self.model.once.discard(number)
        if once:
            self.model.once.add(number)
        self.machine.act(number, handler, ActionFlag.RESETHAND if once else 0)
        if self.model.ignores(number):
            pending = self.model.all_pending()
            self.model.queued -= sum(one.remove(bit(number)) for one in pending)
            self.machine.call(self.machine.parts[Signals].forget, self.machine.group, bit(number))

    def look(self, thread: int) -> None:
        if self.machine.is_told(thread):
            expected = [*self.model.deliver(thread)]
            assert self.machine.look(thread) == expected

    def check(self) -> None:
        """The same is pending, and whoever has something to look for is told."""
        model, group = self.model, self.machine.group
        assert group.deadly == model.deadly
        if model.deadly:
            for number, thread in enumerate(self.machine.threads):
                dumps = number == model.dumper
                assert bool(thread.pending & Interruption.DUMP) == dumps
                kept = dumps and model.deadly != Signal.SIGKILL
                assert bool(thread.pending & Interruption.KILL) == (not kept)
            return
        assert group.stop_signal == model.stopped
        assert group.pending.set == model.group.set
        assert group.queued == model.queued
        shared = model.group.set
        for number, target in enumerate(self.machine.targets):
            assert target.pending.set == model.threads[number].set
            assert target.mask == model.masks[number]
            if not model.stopped and model.threads[number].set & ~model.masks[number]:
                assert self.machine.is_told(number)
        if not model.stopped:
            for one in members(shared):
                takers = [n for n in range(THREADS) if not model.masks[n] & bit(one)]
                assert not takers or any(self.machine.is_told(n) for n in takers)


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_signals_are_as_the_model_says(machine: Machine, steps: list[tuple[Any, ...]]) -> None:
    both = Both(machine)
    for name, *arguments in steps:
        getattr(both, name)(*arguments)
        both.check()
    for target in machine.targets:
        machine.call(machine.parts[SignalStates].leave, target)
    assert machine.objects == {}
    assert machine.call(machine.parts[SignalQueues].used_count) == 0


def test_signals_without_memory_lose_what_they_tell_alone(machine: Machine) -> None:
    machine.start()
    for number in (Signal.SIGUSR1, 40):
        machine.act(number, HANDLER, 0)
    machine.left = 0
    assert machine.send(None, Signal.SIGUSR1, SignalCode.SI_QUEUE, 7) == 0
    assert machine.send(None, 40, SignalCode.SI_QUEUE, 7) == -Errno.EAGAIN
    assert machine.send(None, 40, SignalCode.SI_USER, 7) == 0
    told = next(number for number in range(THREADS) if machine.is_told(number))
    assert machine.look(told) == [(Signal.SIGUSR1, 0), (40, 0)]
    assert machine.send(0, Signal.SIGKILL, SignalCode.SI_USER, 0) == 0
    assert all(one.pending & Interruption.KILL for one in machine.threads)


def test_what_is_sent_to_a_thread_that_has_left_is_lost(machine: Machine) -> None:
    machine.start()
    machine.act(40, HANDLER, 0)
    before = dict(machine.objects)
    machine.call(machine.parts[SignalStates].leave, machine.targets[1])
    assert machine.send(1, 40, SignalCode.SI_QUEUE, 7) == 0
    assert machine.objects == before
    assert machine.send(0, 40, SignalCode.SI_QUEUE, 8) == 0
    assert machine.look(0) == [(40, 8)]


def test_actions_without_memory_are_none(machine: Machine) -> None:
    machine.start()
    machine.left = 0
    before = dict(machine.objects)
    child = machine.host.new(SignalGroup)
    assert not machine.call(machine.parts[SignalStates].begin, child, machine.account)
    assert not machine.call(machine.parts[SignalStates].fork, child, machine.group)
    assert not machine.call(machine.parts[SignalStates].execute, machine.targets[0])
    assert machine.objects == before


def test_the_signals_of_all_processes_of_a_user_are_counted_together(machine: Machine) -> None:
    machine.start()
    queues, states = machine.parts[SignalQueues], machine.parts[SignalStates]
    other = machine.host.new(SignalGroup)
    assert machine.call(states.fork, other, machine.group)
    other.queue_limit = LIMIT
    assert all(machine.call(queues.count_one, machine.group) for _ in range(LIMIT))
    assert not machine.call(queues.count_one, other)
    machine.call(queues.give_back, machine.group)
    assert machine.call(queues.count_one, other)
    second = machine.host.new(UserAccount, holders=1)
    machine.call(states.become, other, second)
    assert (machine.account.signals, second.signals) == (LIMIT - 1, 1)
    assert (machine.account.holders, second.holders) == (1, 2)
    assert machine.call(queues.count_one, machine.group)


def test_new_threads_have_the_mask_and_those_of_new_memory_the_stack(machine: Machine) -> None:
    machine.start()
    parent = machine.targets[0]
    machine.call(machine.parts[SignalMasks].set, parent, 0x5A5A)
    parent.stack.base, parent.stack.size, parent.stack.flags = 0x1000, 0x2000, 0
    for keeps_stack, base in ((0, 0), (1, 0x1000)):
        child = machine.host.new(SignalTarget)
        machine.call(machine.parts[SignalStates].inherit, child, parent, keeps_stack)
        assert child.mask == 0x5A5A & ~UNBLOCKABLE
        assert (child.stack.base, child.stack.flags) == (base, 0 if base else StackFlag.DISABLE)


def test_another_program_has_no_handlers(machine: Machine) -> None:
    machine.start()
    machine.act(Signal.SIGUSR1, HANDLER, ActionFlag.RESTART)
    machine.act(Signal.SIGUSR2, Disposition.IGNORE, 0)
    shared = machine.host.new(SignalGroup)
    assert machine.call(machine.parts[SignalStates].fork, shared, machine.group)
    machine.call(machine.parts[SignalStates].share, shared, machine.group)
    for target in machine.targets[1:]:
        machine.call(machine.parts[SignalStates].leave, target)
    assert machine.call(machine.parts[SignalStates].execute, machine.targets[0])
    handler = machine.parts[SignalActionStore].handler_of
    for number, own, others in (
        (Signal.SIGUSR1, Disposition.DEFAULT, HANDLER),
        (Signal.SIGUSR2, Disposition.IGNORE, Disposition.IGNORE),
    ):
        assert machine.call(handler, machine.group.actions, number) == own
        assert machine.call(handler, shared.actions, number) == others
    machine.call(machine.parts[SignalStates].discard, shared)
    machine.call(machine.parts[SignalStates].leave, machine.targets[0])
    assert machine.objects == {}
