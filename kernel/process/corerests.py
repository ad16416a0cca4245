"""Threads that wait until one of them has left their memory in a file."""

from __future__ import annotations

from kernel.process.task import Task
from kernel.sched.thread import KILLABLE
from kernel.sched.waiting import FOREVER, Waiting
from kernel.signals.signalgroup import SignalGroup
from pykasm import *


class CoreRests(Subsystem):
    """Has the threads of a process rest at their ends while one of them dumps (core(5)): all that
    can be told of them stays as it is then. Context: thread."""

    def __init__(self, waiting: Waiting) -> None:
        self.waiting = waiting

    @function(context="thread", sleeps=True)
    def leave(self, task: Keep[Ptr[Task]]) -> None:
        """Wait until the end of `task`, the one that runs, changes nothing that is dumped. If it is
        the one that dumps, it does so no longer."""
        group, thread = keep(task.group), scratch(task.thread)
        with if_(group.dumper == 0):
            ret()
        with if_(group.dumper == thread):
            with group.lock.held():
                mov(group.dumper, 0)
                self._wake(group)
            ret()
        with group.lock.held():
            inc(group.resting)
            self._wake(group)
        with group.dumped.lock.held(), while_(group.dumper != 0):
            self.waiting.wait(address_of(group.dumped))

    @function(context="interrupts off", holds="group.lock")
    def _wake(self, group: Keep[Ptr[SignalGroup]]) -> None:
        """Have all look again that wait for each other in `group`."""
        with group.dumped.lock.held_interrupts_off():
            self.waiting.wake_all(address_of(group.dumped))

    @function(context="thread", sleeps=True)
    def gather(self, task: Ptr[Task]) -> Bool:
        """Wait until all threads rest but `task`, the one that runs. Returns whether they do:
        SIGKILL ends the wait."""
        group, waited = keep(task.group), keep(I32)
        xor(u32(waited), u32(waited))
        with group.dumped.lock.held(), while_(lambda: (waited == 0) & self._are_moving(group)):
            mov(waited, self.waiting.wait_until(address_of(group.dumped), FOREVER, KILLABLE))
        ret(waited == 0)

    @inline(changes=rax)
    def _are_moving(self, group: Ptr[SignalGroup]) -> Condition:
        """Return the condition that more than one member of `group` does not rest."""
        mov(eax, group.count)
        sub(eax, group.resting)
        return eax > 1
