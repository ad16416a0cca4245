"""What ends when memory is out."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.units import NSEC_PER_SEC
from kernel.cpu.trapframe import SYSTEM_CALL, TrapFrame
from kernel.errno import Errno
from kernel.log.level import LogLevel
from kernel.log.log import Log
from kernel.mm.memoryshortage import COSTLY_ORDER, MemoryShortage
from kernel.process.exits import Exits
from kernel.process.memoryscores import MemoryScores
from kernel.process.process import Process, ProcessState
from kernel.process.processes import Processes
from kernel.sched.scheduler import Scheduler
from kernel.sched.sleep import Sleep
from kernel.sched.thread import KILLABLE, Interruption
from kernel.sched.waiting import Waiting
from kernel.signals.restarts import Restarts
from kernel.signals.signalnumber import Signal
from kernel.signals.signals import Signals
from pykasm import *

PAUSE = NSEC_PER_SEC // 100
"""Nanoseconds for which a program waits until another one, which ends, has left its memory."""


class KillChoice(Struct):
    """What was found of processes."""

    process: OrNull[Ptr[Process]]
    """The one that counts most of those that may end; null for none."""
    score: I64
    """What it counts (`MemoryScores`)."""
    ending: U32
    """How many end already, and have not left their memory."""


class MemoryKiller(Subsystem):
    """Ends the process that gives back most, unless it asks not to be chosen, and never process 1,
    where a program needs a page and there is none (Linux: mm/oom_kill.c). Context: thread, that of
    the program.

    Linux does so in its allocator. Here a system call that gets no memory undoes what it has done
    so far, lets go of all locks, and begins again: a process that ends may need them.
    """

    def __init__(
        self,
        processes: Processes,
        scores: MemoryScores,
        exits: Exits,
        signals: Signals,
        restarts: Restarts,
        shortage: MemoryShortage,
        scheduler: Scheduler,
        clock: Clock,
        sleep: Sleep,
        waiting: Waiting,
        log: Log,
    ) -> None:
        self.processes = processes
        self.scores = scores
        self.exits = exits
        self.signals = signals
        self.restarts = restarts
        self.shortage = shortage
        self.scheduler = scheduler
        self.clock = clock
        self.sleep = sleep
        self.waiting = waiting
        self.log = log

    @function(init=True)
    def start(self) -> None:
        """Have threads that get no memory come to `look_after`."""
        mov(self.shortage.handler, address_of(self._note))
        mov(self.shortage.waiter, address_of(self._wait))

    @function
    def _note(self, order: U32) -> None:
        """Have the thread that runs, if it runs a program, look after this before that goes on."""
        thread = scratch(self.scheduler.current)
        with if_((thread.user != 0) & (order <= COSTLY_ORDER)):
            lock.or_(thread.pending, Interruption.MEMORY)

    @function(context="thread", sleeps=True)
    def _wait(self) -> Bool:
        """Make room if the thread that runs has got no memory. Returns whether it may try again,
        which one that is to end need not."""
        thread = keep(self.scheduler.current)
        fail_if((thread.pending & Interruption.MEMORY) == 0)
        self.waiting.clear(thread, Interruption.MEMORY)
        fail_if(thread.pending & Interruption.KILL)
        tail(self.make_room)

    @function(context="thread", sleeps=True)
    def look_after(self, frame: Ptr[TrapFrame]) -> None:
        """Have the system call begin again that has left this `frame`, if it was a call, and failed
        for want of memory: its own, or the program's, to which it could not copy then."""
        mov(rax, frame.rax)
        result = i64(rax)
        with if_(frame.vector != SYSTEM_CALL):
            ret()
        with if_((result != -Errno.ENOMEM) & (result != -Errno.EFAULT)):
            ret()
        frame = keep(frame)
        with if_(self.make_room()):
            tail(self.restarts.begin_again, frame)

    @function(context="thread", sleeps=True)
    def make_room(self) -> Bool:
        """End a process, unless one ends already, and wait a moment. Returns whether the
        program may try again; otherwise there is none that may end."""
        ending = local(U32)
        victim = keep(self._choose(address_of(ending)))
        with if_(victim != 0):
            name = scratch(address_of(victim.name))
            self.log.write(LogLevel.WARNING, "%s[%u]: killed, out of memory", name, victim.number)
            self.processes.drop(victim)
        with elif_(ending == 0):
            ret(False)
        deadline = self.clock.after(PAUSE)
        ignore(self.sleep.sleep_until(deadline, KILLABLE), "it looks again in any case")
        ret(True)

    @function(context="thread")
    def _choose(self, ending: Keep[Ptr[U32]]) -> Owned[OrNull[Ptr[Process]]]:
        """End a process, and return a reference to it; null if there is none, or some end already:
        `ending` tells how many."""
        choice, found = local(KillChoice), keep(OrNull[Ptr[Process]])
        mov(choice.process, 0)
        mov(choice.score, 0)
        mov(choice.ending, 0)
        with self.processes.lock.held():
            with self.processes.each() as process:
                self._look_at(process, address_of(choice))
            mov(eax, choice.ending)
            add(eax, self.exits.leaving)  # looked at last: the others were counted before they hid
            mov(at(ending), eax)
            mov(found, 0)
            with if_(eax == 0):
                mov(found, choice.process)
            with if_(found != 0):
                found.references.gain()
                self._end(found)
        ret(found)

    @function(context="interrupts off", holds="Processes.lock")
    def _look_at(self, process: Keep[Ptr[Process]], choice: Keep[Ptr[KillChoice]]) -> None:
        """Note in `choice` what `process` is for it."""
        pages = keep(U64)
        with process.lock.held():
            mov(pages, self.scores.pages_of(process))
        with if_(pages == 0):
            ret()
        with if_((process.state != ProcessState.ALIVE) | (process.signals.deadly != 0)):
            inc(choice.ending)
            ret()
        score = self.scores.adjusted(process, pages)
        with if_((process != self.processes.init) & (score > choice.score)):
            mov(choice.score, score)
            mov(choice.process, process)

    @function(context="interrupts off")
    def _end(self, process: Ptr[Process]) -> None:
        """Have `process` end."""
        group = keep(address_of(process.signals))
        with group.lock.held_interrupts_off():
            self.signals.end(group, Signal.SIGKILL)
