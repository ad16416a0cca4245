"""How threads of programs are chosen to run."""

from __future__ import annotations

from enum import IntEnum

from kernel.process.task import Task
from kernel.sched.runqueue import (
    BOOT_PRIORITY,
    PRIORITIES,
    PROCESSOR_WORDS,
    QUANTUM,
    UNLIMITED,
    USED_BY_TICK,
)
from kernel.sched.scheduler import Scheduler
from pykasm import *

MOST_PRIORITY = 99
"""The greatest priority of real-time policies; the least is 1 (sched(7))."""

LEAST_NICE = -20
MOST_NICE = 19
"""How a program may stand back for others (nice(2)): the first is the most urgent."""

ROUND_ROBIN_TICKS = 20
"""A tenth of a second: the turn of a thread with ROUND_ROBIN (Linux: RR_TIMESLICE)."""

WEIGHT_STEP = 1.25
"""By how much one nice value more lessens the share of a processor (sched(7))."""

PASSES_WHEN_IDLE = 150
"""How often others go before a thread with IDLE: about the share that Linux gives it."""

REAL_TIME_LEVELS = PRIORITIES - BOOT_PRIORITY - 1
"""Priorities of the scheduler above that of other policies."""


class Policy(IntEnum):
    """How a thread is chosen (include/uapi/linux/sched.h: SCHED_OTHER and so on)."""

    OTHER = 0
    FIFO = 1
    ROUND_ROBIN = 2
    BATCH = 3
    IDLE = 5
    DEADLINE = 6


def quantum_of(nice: int) -> int:
    """Return the quantum of a thread with this nice value."""
    if nice > 0:
        return USED_BY_TICK
    return round(QUANTUM * min(WEIGHT_STEP**-nice, PRIORITIES))


def passes_of(nice: int) -> int:
    """Return how often others go before a thread with this nice value."""
    share = QUANTUM / quantum_of(nice)
    return round(WEIGHT_STEP**nice / share) - 1 if nice > 1 else 0


def level_of(priority: int) -> int:
    """Return the scheduler's priority for a real-time `priority`, 0 for none. Some of these have
    to share one."""
    if priority == 0:
        return BOOT_PRIORITY
    return BOOT_PRIORITY + 1 + (priority - 1) * REAL_TIME_LEVELS // MOST_PRIORITY


class Policies(Subsystem):
    """Has the scheduler do what the policy, the priority and the nice value of a task say. Without
    real-time policies all have one priority; those with lower nice values have longer turns, those
    with higher ones go after others several times, so that each gets a share of the processor and
    none gets nothing. Context: any."""

    quanta = rodata(U32 * 40, [quantum_of(nice) for nice in range(LEAST_NICE, MOST_NICE + 1)])
    passes = rodata(U32 * 40, [passes_of(nice) for nice in range(LEAST_NICE, MOST_NICE + 1)])
    levels = rodata(U32 * (MOST_PRIORITY + 1), [level_of(one) for one in range(MOST_PRIORITY + 1)])

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler

    @function(context="any")
    def apply(self, task: Keep[Ptr[Task]]) -> None:
        """Apply what `task`, which the caller keeps from being freed, has now."""
        quantum, passes = keep(U32), keep(U32)
        xor(passes, passes)
        with if_(task.policy == Policy.FIFO):
            mov(quantum, UNLIMITED)
        with elif_(task.policy == Policy.ROUND_ROBIN):
            mov(quantum, ROUND_ROBIN_TICKS * USED_BY_TICK)
        with elif_(task.policy == Policy.IDLE):
            mov(quantum, USED_BY_TICK)
            mov(passes, PASSES_WHEN_IDLE)
        with else_():
            mov(eax, u32(task.nice))
            sub(eax, LEAST_NICE)
            mov(quantum, self.quanta[rax])
            mov(passes, self.passes[rax])
        self.scheduler.set_turns(task.thread, quantum, passes)
        mov(eax, task.real_time_priority)
        mov(eax, self.levels[rax])
        tail(self.scheduler.set_priority, task.thread, eax)

    @function
    def inherit(self, task: Ptr[Task], parent: Ptr[Task]) -> None:
        """Give `task`, which does not run yet, what the thread `parent` has, or what is usual, if
        that wants no child of it to have any advantage (sched(7), SCHED_RESET_ON_FORK)."""
        copy_fields(task, parent, "policy", "real_time_priority", "nice")
        parent = scratch(parent)
        with if_(parent.resets_policy != 0):
            with if_(task.real_time_priority != 0):
                mov(task.policy, Policy.OTHER)
                mov(task.real_time_priority, 0)
            with if_(task.nice < 0):
                mov(task.nice, 0)
        thread, own = scratch(task.thread), scratch(parent.thread)
        for word in range(PROCESSOR_WORDS):
            mov(rax, own.allowed[word])
            mov(thread.allowed[word], rax)
        copy_fields(thread, own, "own_priority", "quantum", "passes")
        mov(eax, own.own_priority)  # what others lend it is not passed on
        mov(thread.priority, eax)
        with if_(parent.resets_policy != 0):
            tail(self.apply, task)
