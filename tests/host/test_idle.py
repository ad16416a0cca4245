"""What a processor does when no thread wants it."""

from typing import Any, NoReturn

import pytest

from kernel.threads.idle import Idle
from pykasm import *
from pykasm.hostrun import HostFault
from tests.host.threads_support import Kernel


class Panic(Subsystem):
    """Never called."""

    @function
    def stop(self, message: Ptr[U8]) -> NoReturn:
        """Answered by nobody."""
        with loop():
            hlt()


def test_a_call_that_comes_while_it_looks_for_work_is_not_slept_through() -> None:
    kernel = Kernel()
    panic: Any = Panic()
    idle = Idle(kernel.per_cpu, kernel.scheduler, kernel.threads, panic)
    host = kernel.host(idle)
    calls = [1, 0]
    """Whether another processor calls this one just behind each look."""
    looks = []

    def steal() -> None:
        looks.append(host[kernel.scheduler.queue.called])
        host[kernel.scheduler.queue.called] = calls[len(looks) - 1]

    host.stub(idle.steal, steal)
    with pytest.raises(HostFault, match=r"hlt|halts"):
        host.call(idle.run, 0)
    assert looks == [0, 0]
