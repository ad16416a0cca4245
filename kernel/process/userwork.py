"""What is to be done before a program goes on."""

from __future__ import annotations

from kernel.cpu.trapframe import TrapFrame
from kernel.process.coredumps import CoreDumps
from kernel.process.exits import Exits
from kernel.process.memorykiller import MemoryKiller
from kernel.process.processes import Processes
from kernel.process.processtimers import ProcessTimers
from kernel.process.stops import Stops
from kernel.process.task import Task
from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import Interruption, Thread
from kernel.sched.waiting import Waiting
from kernel.signals.restartablesequences import RestartableSequences
from kernel.signals.signaldelivery import SignalDelivery
from kernel.signals.signalset import TERMINAL_STOPS
from pykasm import *


class UserWork(Subsystem):
    """Deals with what is pending for a thread whose program is about to go on (`Thread.pending`):
    its end and what it leaves behind, its processor time, where it runs, want of memory, and
    signals."""

    def __init__(
        self,
        processes: Processes,
        exits: Exits,
        dumps: CoreDumps,
        stops: Stops,
        timers: ProcessTimers,
        delivery: SignalDelivery,
        sequences: RestartableSequences,
        killer: MemoryKiller,
        waiting: Waiting,
        scheduler: Scheduler,
    ) -> None:
        self.processes = processes
        self.exits = exits
        self.dumps = dumps
        self.stops = stops
        self.timers = timers
        self.delivery = delivery
        self.sequences = sequences
        self.killer = killer
        self.waiting = waiting
        self.scheduler = scheduler

    @function(context="thread", sleeps=True)
    def run(self, frame: Keep[Ptr[TrapFrame]]) -> None:
        """Do it. `frame` has the registers that the program goes on with."""
        task = keep(self.processes.current())
        thread = keep(task.thread)
        # A signal alone is what mostly comes: that way is the short one
        with if_(thread.pending != Interruption.SIGNAL):
            with if_(thread.pending & (Interruption.KILL | Interruption.DUMP)):
                tail(self._end, task)
            self._do_others(task, thread, frame)
            with if_((thread.pending & Interruption.SIGNAL) == 0):
                ret()
        self.waiting.clear(thread, Interruption.SIGNAL)  # what comes from now on sets it again
        group = scratch(task.group)
        with if_(group.stop_signal != 0):
            tail(self.stops.rest, task)
        mov(rax, group.pending.set)
        or_(rax, task.pending.set)
        # Here, as `deliver` holds a lock under which nobody may look at other processes
        with if_(rax & TERMINAL_STOPS):
            self.stops.look_after(task)
        tail(self.delivery.deliver, task, frame)

    @function(context="thread", sleeps=True)
    def _end(self, task: Keep[Ptr[Task]]) -> None:
        """End `task`, the one that runs, with its process. It may have to leave something behind
        first."""
        thread = scratch(task.thread)
        with if_(
            (thread.pending & Interruption.DUMP) & ((thread.pending & Interruption.KILL) == 0)
        ):
            self.dumps.leave(task)
        group = scratch(task.group)
        tail(self.exits.exit_task, group.deadly)

    @function(context="thread", sleeps=True)
    def _do_others(
        self, task: Keep[Ptr[Task]], thread: Keep[Ptr[Thread]], frame: Keep[Ptr[TrapFrame]]
    ) -> None:
        """Deal with what is pending for `thread`, that of `task`, beside signals and its end.
        `frame` has its registers."""
        with if_(thread.pending & Interruption.TICK):
            self.waiting.clear(thread, Interruption.TICK)
            # Cleared first, in all of these: what comes while it is dealt with sets it again
            self.timers.tick(task)
        with if_(thread.pending & Interruption.MOVE):
            self.waiting.clear(thread, Interruption.MOVE)
            self.scheduler.settle()
        with if_(thread.pending & Interruption.MEMORY):
            self.waiting.clear(thread, Interruption.MEMORY)
            self.killer.look_after(frame)
        with if_(thread.pending & Interruption.DAY):
            self.waiting.clear(thread, Interruption.DAY)  # it did not wait for that
        with if_(thread.pending & Interruption.RESTART):
            self.waiting.clear(thread, Interruption.RESTART)
            ignore(self.sequences.settle(task, frame, 0), "it has got a signal then")
