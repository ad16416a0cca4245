"""A timer of a program."""

from __future__ import annotations

from enum import IntEnum

from kernel.clock.timer import Timer
from kernel.clock.units import Nanoseconds
from kernel.signals.pendingsignals import QueuedSignal
from kernel.signals.signalgroup import SignalGroup
from kernel.signals.signaltarget import SignalTarget
from kernel.structures.list import ListHead
from kernel.structures.tree import TreeNode
from pykasm import *


class TimeBase(IntEnum):
    """Which time a timer goes by."""

    BOOT = 0
    """That of `Clock`."""
    DAY = 1
    """A point of the time of day, as one of `Clock`: it moves when the time of day is set."""
    OTHER = 2
    """The processor time of another process, at which `Clock` has it look from time to time."""
    OTHER_PROGRAM = 3
    """That without what the kernel spends."""
    PROCESS = 4
    """The processor time of its process: from here on, ticks of that look."""
    PROGRAM = 5
    """That without what the kernel spends."""
    THREAD = 6
    """The processor time of one thread of its process."""


class DayBase(IntEnum):
    """What a point of time means that a program gives."""

    NONE = 0
    """The same as a span does: it is one of the clock that the timer goes by."""
    DAY = 1
    ATOMIC = 2
    """International Atomic Time, by the offset that it has when the timer is set."""


class SignalTimer(Struct):
    """A timer that sends a signal to the process that has it, or to one of its threads. The lock of
    the group guards it.

    After it has expired, one with an interval rests until its signal leaves the queue; only then it
    is known how often it would have expired meanwhile, and programs that can't keep up are not
    interrupted in vain (Linux does so, too). Those of processor time go on instead, as they are
    looked at only when their process has used some.
    """

    timer: Timer
    group: Ptr[SignalGroup]
    base: U32 = field(TimeBase)
    deadline: Nanoseconds
    """When it expires next, or has expired while it rests; 0 if it does not run."""
    interval: Nanoseconds
    """From one time that it expires to the next; 0 for once."""
    rests: U32
    """1 after it has expired, until its signal leaves the queue."""
    day: U32 = field(DayBase)
    """What points of time mean, where programs give it such."""
    silent: U32
    """1 if it sends nothing: programs only ask how much time is left."""
    link: ListHead
    """In `SignalGroup.running_timers`, while it runs by processor time."""

    # What it sends

    signal: QueuedSignal
    queued: U32
    """1 while `signal` is in a queue."""
    overrun: U64
    """How often it has expired since it was put there."""
    last_overrun: U64
    """That of the signal which left the queue last."""
    is_for_thread: U32
    """1 if the signal is for one thread alone."""
    target: OrNull[Ptr[SignalTarget]]
    """That thread; null once it has ended."""
    measured: OrNull[Ptr[SignalTarget]]
    """Whose processor time it goes by; null once that thread has ended."""
    other: OrNull[Ptr[SignalGroup]]
    """That of the other process by whose processor time it goes, to which it has a reference."""
    node: TreeNode
    """In `SignalGroup.timers`; the key is what the program knows it by."""
