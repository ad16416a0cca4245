"""What a processor does when no thread wants it, and how it comes to know of one that does."""

from typing import Any

import pytest

from kernel.interrupts.vectors import InterruptVector
from kernel.sched.preemption import NOT_REQUESTED
from kernel.sched.runqueue import BOOT_PRIORITY, IDLE_PRIORITY, PRIORITIES, RunQueue
from kernel.sched.thread import Thread, ThreadState
from kernel.structures.list import ListHead
from kernel.threads.idle import Idle
from pykasm import *
from pykasm.hostrun import HostFault
from tests.host.threads_support import Kernel

OWN, OTHER = 0, 7
"""Local APICs: that of the processor which the tests run on, and of another one."""
ANYWHERE = (1 << 64) - 1
"""The first processors that threads of the tests may run on."""
LEFT = 0xFFFF_8000_0000_1000
"""What `Thread.stack_pointer` may be once a processor has left the thread."""


class Machine:
    """A processor that may be idle, and the queue of another one."""

    def __init__(self) -> None:
        self.kernel = Kernel()
        self.scheduler = self.kernel.scheduler
        self.idle = self.kernel.parts[Idle]
        self.host = self.kernel.host(self.idle)
        self.sent = self.host.stub(self.kernel.apic.send, lambda destination, vector: None)
        self.other = self._add_processor()
        self.links: list[int] = []

    def _add_processor(self) -> Any:
        host = self.host
        queue = host.new(RunQueue, apic=OTHER, priority=BOOT_PRIORITY)
        start = int(queue) + offsetof(RunQueue, "lists")
        for place in range(start, start + PRIORITIES * sizeof(ListHead), sizeof(ListHead)):
            self.join([place])
        self.join(
            [
                int(host.address(self.scheduler.processors)),
                int(host.address(self.scheduler.queue.link)),
                int(queue) + offsetof(RunQueue, "link"),
            ]
        )
        return queue

    def join(self, links: list[int]) -> None:
        """Join these links to a ring."""
        for here, behind in zip(links, [*links[1:], links[0]], strict=True):
            self.host.at(ListHead, here).next = behind
            self.host.at(ListHead, behind).previous = here

    def waiting_there(self, **values: Any) -> Any:
        """A thread, the last one there, that waits for the other processor, and can leave that."""
        described: dict[str, Any] = {
            "state": ThreadState.READY,
            "priority": BOOT_PRIORITY,
            "stack_pointer": LEFT,
            "run_queue": self.other,
        }
        thread = self.host.new(Thread, **{**described, **values})
        thread.allowed[0] = ANYWHERE
        head = int(self.other) + offsetof(RunQueue, "lists") + BOOT_PRIORITY * sizeof(ListHead)
        self.links.append(int(thread) + offsetof(Thread, "link"))
        self.join([head, *self.links])
        self.other.ready = 1 << BOOT_PRIORITY
        return thread

    def let_other_be_available(self) -> None:
        self.other.idle = 1
        self.host[self.scheduler.idle_count] += 1

    def called(self) -> list[int]:
        """The local APICs of the processors that were told to look for work."""
        calls = [call for call in self.sent.calls if call[1] == InterruptVector.RESCHEDULE]
        self.sent.calls.clear()
        return [call[0] for call in calls]

    def have_run(self) -> None:
        """In place of `schedule`: what is ready here runs, to its end."""
        self.host[self.scheduler.queue.ready] = 0

    def rest_at_last(self) -> None:
        """Run the idle thread until the processor sleeps."""
        with pytest.raises(HostFault, match=r"hlt|halts"):
            self.host.call(self.idle.run, 0)


@pytest.fixture
def machine() -> Machine:
    return Machine()


# A processor that has nothing to do


def test_a_call_that_comes_while_it_looks_for_work_is_not_slept_through(machine: Machine) -> None:
    host, scheduler = machine.host, machine.scheduler
    looks = []

    def steal() -> None:
        looks.append((host[scheduler.queue.idle], host[scheduler.idle_count]))
        if len(looks) == 1:  # it is called just behind its look
            host[scheduler.queue.idle] = 0
            host[scheduler.idle_count] = 0

    host.stub(machine.idle.steal, steal)
    machine.rest_at_last()
    assert looks == [(1, 1), (1, 1)]


def test_nothing_comes_between_taking_a_thread_and_having_it(machine: Machine) -> None:
    host, words = machine.host, []
    host.stub(
        machine.idle.steal,
        lambda: words.append(host[machine.kernel.preemption.word] & ~NOT_REQUESTED),
    )
    machine.rest_at_last()
    assert words == [1]


def test_it_takes_what_waits_elsewhere(machine: Machine) -> None:
    thread = machine.waiting_there()
    taken = []

    def schedule() -> None:
        taken.append(int(thread.run_queue))
        machine.have_run()

    machine.host.stub(machine.scheduler.schedule, schedule)
    machine.rest_at_last()
    assert taken == [int(machine.host.address(machine.scheduler.queue))]
    assert machine.other.ready == 0


def test_those_that_have_no_thread_to_spare_are_not_disturbed(machine: Machine) -> None:
    machine.other.ready = 1 << IDLE_PRIORITY
    machine.rest_at_last()
    assert machine.other.lock.next_ticket == 0


def test_it_does_not_sleep_while_a_thread_is_being_left(machine: Machine) -> None:
    host, scheduler = machine.host, machine.scheduler
    thread = machine.waiting_there(stack_pointer=0)

    def look_again() -> None:
        host[scheduler.queue.idle] = 0
        host[scheduler.idle_count] = 0
        if len(looked.calls) == 3:
            thread.stack_pointer = LEFT

    looked = host.stub(machine.idle.look_again, look_again)
    host.stub(scheduler.schedule, machine.have_run)
    machine.rest_at_last()
    assert len(looked.calls) == 3
    assert int(thread.run_queue) == int(host.address(scheduler.queue))


def test_looking_again_is_as_being_called(machine: Machine) -> None:
    host, scheduler = machine.host, machine.scheduler
    host.call(scheduler.announce_idle)
    host.call(machine.idle.look_again)
    assert (host[scheduler.queue.idle], host[scheduler.idle_count]) == (0, 0)


def test_a_thread_that_must_stay_lets_it_sleep(machine: Machine) -> None:
    machine.waiting_there(stack_pointer=0, pinned=1)
    scheduled = machine.host.stub(machine.scheduler.schedule, lambda: None)
    machine.rest_at_last()
    assert len(scheduled.calls) == 0


def test_a_processor_that_was_idle_keeps_the_first_thread_that_it_is_called_for(
    machine: Machine,
) -> None:
    machine.other.priority = IDLE_PRIORITY
    threads = [machine.waiting_there() for _ in range(3)]
    scheduled = machine.host.stub(machine.scheduler.schedule, machine.have_run)
    machine.rest_at_last()
    own = int(machine.host.address(machine.scheduler.queue))
    assert [int(thread.run_queue) for thread in threads] == [int(machine.other), own, own]
    assert len(scheduled.calls) == 2


def test_a_call_that_comes_when_it_has_found_work_goes_on_to_another(machine: Machine) -> None:
    host, scheduler = machine.host, machine.scheduler
    machine.let_other_be_available()

    def steal() -> None:
        if not scheduled.calls:
            host[scheduler.queue.ready] = 1 << BOOT_PRIORITY
            host[scheduler.queue.idle] = 0
            host[scheduler.idle_count] -= 1

    host.stub(machine.idle.steal, steal)
    scheduled = host.stub(scheduler.schedule, machine.have_run)
    machine.rest_at_last()
    assert machine.called() == [OTHER]
    assert machine.other.idle == 0


# Processors that have too much to do


def create(machine: Machine, priority: int, pinned: int = 0) -> None:
    """Make a thread here, and let it be ready."""
    threads = machine.kernel.threads
    made = machine.host.call(threads.make, "thread", 0, 0, priority)
    machine.host.at(Thread, made).pinned = pinned
    machine.host.call(machine.scheduler.make_ready, made)


def test_one_that_has_nothing_to_do_is_called_once_for_a_thread_that_must_wait(
    machine: Machine,
) -> None:
    create(machine, BOOT_PRIORITY)
    assert machine.called() == []
    machine.let_other_be_available()
    create(machine, BOOT_PRIORITY)
    assert machine.called() == [OTHER]
    assert machine.host[machine.scheduler.idle_count] == 0
    create(machine, BOOT_PRIORITY)
    assert machine.called() == []


def test_a_thread_is_there_when_one_is_called_for_it(machine: Machine) -> None:
    host, scheduler = machine.host, machine.scheduler
    there: list[int] = []

    def kick_idle() -> None:
        there.append(host[scheduler.queue.ready] >> BOOT_PRIORITY & 1)

    host.stub(scheduler.kick_idle, kick_idle)
    machine.let_other_be_available()
    create(machine, BOOT_PRIORITY)
    assert there == [1]


def test_none_is_called_for_a_thread_that_must_stay_or_runs_at_once(machine: Machine) -> None:
    machine.let_other_be_available()
    create(machine, BOOT_PRIORITY, pinned=1)
    create(machine, BOOT_PRIORITY + 1)
    assert machine.called() == []
    assert machine.host[machine.kernel.preemption.word] == 0


def test_others_are_called_for_all_but_the_first_thread_of_an_idle_processor(
    machine: Machine,
) -> None:
    host, scheduler = machine.host, machine.scheduler
    host[scheduler.queue.priority] = IDLE_PRIORITY
    host.call(scheduler.announce_idle)
    machine.let_other_be_available()
    create(machine, BOOT_PRIORITY)
    assert machine.called() == []
    create(machine, BOOT_PRIORITY)
    assert machine.called() == [OTHER]
    assert host[scheduler.idle_count] == 1


@pytest.mark.parametrize("pinned", [0, 1])
def test_one_that_has_nothing_to_do_is_called_for_a_displaced_thread(
    machine: Machine, pinned: int
) -> None:
    host, scheduler = machine.host, machine.scheduler
    create(machine, BOOT_PRIORITY + 1)
    machine.let_other_be_available()
    host.at(Thread, host[scheduler.current]).pinned = pinned
    switched = host.stub(machine.kernel.scheduler.switch.to, lambda previous, next: None)
    host.call(scheduler.schedule)
    assert len(switched.calls) == 1
    assert machine.called() == ([] if pinned else [OTHER])


def test_it_leaves_what_may_not_run_here(machine: Machine) -> None:
    barred = machine.waiting_there()
    barred.allowed[0] = ANYWHERE & ~1  # this processor is the first one
    free = machine.waiting_there()
    free.allowed[0] = 1
    host, idle = machine.host, machine.idle
    assert [int(host.call(idle.find)), int(host.call(idle.find))] == [int(free), 0]
