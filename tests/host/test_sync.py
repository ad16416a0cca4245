"""Locks under threads that really change stacks: what the kernel itself tests, on the host."""

import pytest

from kernel.sched.preemption import NOT_REQUESTED
from kernel.selftest.sync import SyncTests
from kernel.selftest.threadpool import ThreadPool
from kernel.sync.condition import ConditionVariables
from kernel.sync.mutex import Mutexes
from kernel.sync.once import Onces
from kernel.sync.rwlock import ReadWriteLocks
from kernel.sync.semaphore import Semaphores
from pykasm.hostrun import Host, HostAssertion
from tests.host.console_support import Paper
from tests.host.threads_support import Kernel


class Bench:
    """The tests and their host."""

    def __init__(self) -> None:
        kernel = self.kernel = Kernel()
        known = (kernel.scheduler, kernel.waiting)
        self.mutexes = Mutexes(*known)
        self.conditions = ConditionVariables(*known, kernel.limits, self.mutexes)
        self.tests = SyncTests(
            Paper(),  # type: ignore[arg-type]
            ThreadPool(kernel.scheduler, kernel.threads),
            self.mutexes,
            Semaphores(*known, kernel.limits),
            self.conditions,
            ReadWriteLocks(*known),
            Onces(*known),
        )
        self.host: Host = kernel.host(self.tests)

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


def test_who_waits_for_a_condition_unlocks_the_mutex_before_others_may_run() -> None:
    """It is in the queue by then, and would sleep with the mutex if it were preempted."""
    bench = Bench()  # with stubs of its own
    host, tests = bench.host, bench.tests
    reasons: list[int] = []

    def unlock(mutex: int) -> None:
        reasons.append(host[bench.kernel.preemption.word] & (NOT_REQUESTED - 1))

    host.stub(bench.mutexes.unlock, unlock)
    host.stub(bench.kernel.scheduler.block, lambda: None)
    host.call(bench.conditions.wait, host.address(tests.not_full), host.address(tests.mutex))
    assert reasons == [1]
