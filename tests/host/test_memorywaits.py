"""What the kernel leaves in programs' memory when there is no memory for a while."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from kernel.cpu.trapframe import TrapFrame
from kernel.futex.futexes import Futexes
from kernel.mm.memoryshortage import MemoryShortage
from kernel.process.exits import Exits
from kernel.process.filestates import FileStates
from kernel.process.processprograms import ProcessPrograms
from kernel.process.task import Task
from kernel.process.tasks import Tasks
from kernel.signals.forcedsignals import ForcedSignals
from kernel.signals.restartablesequences import RestartableSequences
from kernel.signals.signalnumber import Signal
from kernel.signals.signaltarget import SignalTarget
from kernel.vm.usercopy import UserCopy
from tests.host.threads_support import Kernel

AREA = 0x40_0000
"""Where the program has its area."""
NUMBER = Signal.SIGUSR1


class Machine:
    """A thread with an area, into which a few copies fail for want of memory."""

    def __init__(self) -> None:
        self.kernel = Kernel(FileStates, ProcessPrograms)
        parts = self.kernel.parts
        self.sequences, self.tasks = parts[RestartableSequences], parts[Tasks]
        self.exits = parts[Exits]
        self.host = self.kernel.host(self.sequences, self.tasks, self.exits)
        self.host.map(AREA, 4096)
        self.host.stub(parts[UserCopy].copy_in, self._copy)
        self.host.stub(parts[UserCopy].copy_out, self._copy)
        self.host.stub(parts[MemoryShortage].wait, self._wait)
        self.host.stub(
            parts[ForcedSignals].refuse, lambda target, number: self.refused.append(number)
        )
        self.host.stub(parts[Futexes].wake, self._wake)
        self.host.checkpoint()

    def start(self, failures: int, room: int) -> None:
        """Have the first copies fail, as many as `failures` says; waiting helps `room` times."""
        self.host.reset()
        self.failures, self.room = failures, room
        self.refused: list[int] = []
        self.woken: list[int] = []

    def settle(self) -> bool:
        """Have a thread that begins a handler of the signal told where it runs."""
        target = self.host.new(SignalTarget, sequence_area=AREA)
        return bool(self.host.call(self.sequences.settle, target, self.host.new(TrapFrame), NUMBER))

    def _refuse(self, target: Any, number: int) -> None:
        self.refused.append(number)

    def _wake(self, place: int, shared: int, most: int, bits: int) -> int:
        self.woken.append(place)
        return 1

    def _copy(self, destination: int, source: int, length: int) -> tuple[int, int]:
        if self.failures:
            self.failures -= 1
            return -errno.ENOMEM, length
        self.host.write(destination, self.host.read(source, length))
        return 0, 0

    def _wait(self) -> bool:
        self.room -= 1
        return self.room >= 0  # as often as there is room


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine()


@pytest.mark.parametrize("failures", range(4))
def test_a_program_learns_where_it_runs_when_there_is_memory_again(
    machine: Machine, failures: int
) -> None:
    machine.start(failures, room=failures)
    assert machine.settle()
    assert machine.refused == []
    assert machine.host.read(AREA, 8) == bytes(8)  # the first processor's number is 0


def test_a_program_whose_area_is_not_to_be_had_gets_a_signal(machine: Machine) -> None:
    machine.start(failures=2, room=1)
    assert not machine.settle()
    assert machine.refused == [NUMBER]


@pytest.mark.parametrize("failures", range(3))
def test_a_thread_finds_its_number_when_there_is_memory_again(
    machine: Machine, failures: int
) -> None:
    machine.start(failures, room=failures)
    task = machine.host.new(Task, number=77, set_child_tid=AREA)
    machine.host.call(machine.tasks._tell_child, task)
    assert int.from_bytes(machine.host.read(AREA, 4), "little") == 77


@pytest.mark.parametrize("failures", range(3))
def test_who_waits_for_the_end_of_a_thread_is_woken_when_there_is_memory_again(
    machine: Machine, failures: int
) -> None:
    machine.start(failures, room=failures)
    machine.host.write(AREA, b"\xff" * 8)
    task = machine.host.new(Task, number=77, clear_child_tid=AREA)
    machine.host.call(machine.exits._clear_child_tid, task)
    assert machine.host.read(AREA, 8) == bytes(4) + b"\xff" * 4
    assert machine.woken == [AREA]


def test_no_thread_waits_for_what_no_memory_mends(machine: Machine) -> None:
    machine.start(failures=1, room=0)
    task = machine.host.new(Task, number=77, clear_child_tid=AREA)
    machine.host.call(machine.exits._clear_child_tid, task)
    assert machine.woken == []
