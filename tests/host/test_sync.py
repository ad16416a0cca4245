"""Locks under threads that really change stacks: what the kernel itself tests, on the host."""

import pytest

from kernel.sched.thread import Thread, ThreadState
from kernel.selftest.sync import SyncTests
from kernel.sync.biasedlock import BiasedLock, BiasedLocks
from kernel.sync.condition import ConditionVariables
from kernel.sync.mutex import Mutexes
from pykasm.hostrun import Host, HostAssertion
from tests.host.threads_support import Kernel


class Bench:
    """The tests and their host."""

    def __init__(self) -> None:
        kernel = self.kernel = Kernel()
        self.tests = kernel.parts[SyncTests]
        self.mutexes = kernel.parts[Mutexes]
        self.conditions = kernel.parts[ConditionVariables]
        self.biased = kernel.parts[BiasedLocks]
        self.host: Host = kernel.host(self.tests, self.biased)

    def reset(self) -> None:
        """Forget all threads."""
        self.kernel.reset(self.host)


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize(
    "name",
    [
        "try_spinlock",
        "try_mutex",
        "try_semaphores",
        "try_conditions",
        "try_rwlock",
        "try_once",
    ],
)
def test_the_kernels_own_tests_pass(bench: Bench, name: str) -> None:
    bench.reset()
    assert bench.host.call(getattr(bench.tests, name)) == 1
    mutex, shared = bench.tests.mutex, bench.tests.shared
    assert bench.host[mutex.owner] == 0
    assert bench.host[shared.readers] == bench.host[shared.writers] == 0


def test_quick_readers_are_kept_away_by_a_writer_alone(bench: Bench) -> None:
    bench.reset()
    host, biased, lock = bench.host, bench.biased, int(bench.host.new(BiasedLock))
    reads = bench.kernel.processors.own.reads
    assert host.call(biased.try_read, lock)
    assert host[reads] == lock
    host.call(biased.end_reading, lock)
    assert host[reads] == 0
    host.call(biased.locks.lock_read, lock)  # others that read are no harm
    assert host.call(biased.try_read, lock)
    host.call(biased.end_reading, lock)
    host.call(biased.locks.unlock_read, lock)
    host.call(biased.locks.lock_write, lock)
    assert not host.call(biased.try_read, lock)
    assert host[reads] == 0
    host.call(biased.locks.unlock_write, lock)
    assert host.call(biased.try_read, lock)


def test_a_mutex_is_not_locked_twice_by_one_thread(bench: Bench) -> None:
    bench.reset()
    mutex = bench.host.address(bench.tests.mutex)
    bench.host.call(bench.mutexes.lock, mutex)
    with pytest.raises(HostAssertion, match="thread != rcx"):
        bench.host.call(bench.mutexes.lock, mutex)


def test_a_mutex_is_not_unlocked_by_who_does_not_have_it(bench: Bench) -> None:
    bench.reset()
    mutex = bench.host.address(bench.tests.mutex)
    with pytest.raises(HostAssertion):
        bench.host.call(bench.mutexes.unlock, mutex)


def test_trying_to_lock_does_not_wait(bench: Bench) -> None:
    bench.reset()
    mutex = bench.host.address(bench.tests.mutex)
    assert bench.host.call(bench.mutexes.try_lock, mutex) == 1
    assert bench.host.call(bench.mutexes.try_lock, mutex) == 0
    bench.host.call(bench.mutexes.unlock, mutex)
    assert bench.host.call(bench.mutexes.try_lock, mutex) == 1


def test_nobody_can_signal_between_the_unlocking_of_the_mutex_and_the_wait() -> None:
    """And whoever is preempted there goes on: only the wait blocks."""
    bench = Bench()  # with stubs of its own
    host, condition = bench.host, bench.tests.not_full
    seen: list[tuple[str, bool, int]] = []

    def note(what: str) -> None:
        queue = host[condition].queue
        is_locked = queue.lock.next_ticket != queue.lock.now_serving
        seen.append((what, is_locked, host.at(Thread, host[bench.kernel.scheduler.current]).state))

    host.stub(bench.mutexes.unlock, lambda mutex: note("unlock"))
    host.stub(bench.kernel.waiting.wait, lambda queue: note("wait"))
    host.call(bench.conditions.wait, host.address(condition), host.address(bench.tests.mutex))
    assert seen == [("unlock", True, ThreadState.RUNNING), ("wait", True, ThreadState.RUNNING)]
