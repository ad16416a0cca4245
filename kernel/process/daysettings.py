"""Setting the time of day."""

from __future__ import annotations

from kernel.clock.timers import Timers
from kernel.fs.timerfiles import TimerFiles
from kernel.process.process import Process
from kernel.process.processes import Processes
from kernel.process.task import Task
from kernel.sched.thread import Interruption
from kernel.sched.waiting import Waiting
from kernel.signals.signaltimer import SignalTimer, TimeBase
from kernel.structures.tree import Trees
from kernel.time.clockdiscipline import ClockDiscipline
from kernel.time.wallclock import WallClock
from pykasm import *


class DaySettings(Subsystem):
    """Sets the time of day, and has all follow that wait for one. Context: thread, but where it
    says otherwise."""

    def __init__(
        self,
        wall: WallClock,
        discipline: ClockDiscipline,
        processes: Processes,
        waiting: Waiting,
        timers: Timers,
        trees: Trees,
        files: TimerFiles,
    ) -> None:
        self.wall = wall
        self.discipline = discipline
        self.processes = processes
        self.waiting = waiting
        self.timers = timers
        self.trees = trees
        self.files = files

    @function(init=True)
    def start(self) -> None:
        """Follow the real-time clock, too, where the time of day does."""
        mov(self.wall.listener, address_of(self.follow))

    @function(context="thread")
    def set(self, time: U64) -> None:
        """Make `time`, in nanoseconds since 1970, the time of day. What was to be made up for by
        and by is forgotten."""
        change = keep(self.wall.set(time))
        self.discipline.clear()
        tail(self.follow, change)

    @function(context="any")
    def follow(self, change: Keep[I64]) -> None:
        """Have all that wait for a time of day follow it, which has moved on by `change`
        nanoseconds."""
        with self.processes.lock.held(), self.processes.each() as process:
            self._move_timers(process, change)
            self._call_sleepers(process)
        self.files.move(change)

    @function(context="interrupts off")
    def _move_timers(self, process: Keep[Ptr[Process]], change: Keep[I64]) -> None:
        """Have the timers of `process` expire when it is time, as the time of day has moved on by
        `change` nanoseconds."""
        group = keep(address_of(process.signals))
        with group.lock.held():
            node = keep(group.timers.first)
            with while_(node != 0):
                place = scratch(node)
                self._move_timer(container_of(place, SignalTimer, "node"), change)
                mov(node, self.trees.next(node))

    @function(context="interrupts off", holds="SignalGroup.lock")
    def _move_timer(self, timer: Keep[Ptr[SignalTimer]], change: I64) -> None:
        """Do that to `timer`, if it goes by the time of day."""
        with if_((timer.base != TimeBase.DAY) | (timer.deadline == 0)):
            ret()
        mov(rax, timer.deadline)
        sub(rax, change)
        with if_(i64(rax) <= 0):
            mov(eax, 1)  # it is over
        mov(timer.deadline, rax)
        with if_((timer.silent == 0) & (timer.rests == 0)):
            self.timers.arm(address_of(timer.timer), timer.deadline)

    @function(context="interrupts off")
    def _call_sleepers(self, process: Keep[Ptr[Process]]) -> None:
        """Have the threads of `process` look again that wait for a time of day."""
        with process.lock.held(), process.tasks.each(Task, "sibling") as task:
            self.waiting.interrupt(task.thread, Interruption.DAY)
