"""A process, as signals see it."""

from __future__ import annotations

from kernel.locks.spinlock import SpinLock
from kernel.locks.waitqueue import WaitQueue
from kernel.sched.thread import Thread
from kernel.signals.pendingsignals import PendingSignals
from kernel.signals.signalactions import SignalActions
from kernel.structures.list import ListHead
from kernel.structures.tree import Tree
from kernel.users.useraccount import UserAccount
from pykasm import *

QUEUE_LIMIT = 1024
"""Signals that may be queued for a user. What Linux gives a user at first depends on the
machine's memory (setrlimit(2), RLIMIT_SIGPENDING)."""


class SignalGroup(Struct):
    """The threads that get signals together, and what is done when these come. A part of a
    process."""

    lock: SpinLock
    actions: Owned[Ptr[SignalActions]]
    """Null once there are no threads."""
    pending: PendingSignals
    """For whichever thread does not block it."""
    members: ListHead = field(guarded_by="lock", elements="SignalTarget.member")
    count: U32 = field(guarded_by="lock", unlocked_reads=True)
    """How many there are."""
    account: OrNull[Owned[Ptr[UserAccount]]] = field(guarded_by="lock", unlocked_reads=True)
    """That of its real user. Null before it begins, and at its end."""
    queued: U32 = field(guarded_by="lock")
    """How many records of signals there are for it and its threads."""
    queue_limit: U32
    """How many there may be for its user."""
    largest_file: U64
    """How many bytes it may make a file long (getrlimit(2), RLIMIT_FSIZE)."""
    deadly: U32 = field(guarded_by="lock", unlocked_reads=True)
    """What `wait4` tells of the signal that ends it; 0 as long as none does."""
    protected: U32
    """1 if nothing ends or stops it that it has no handler for: it is process 1 (kill(2))."""

    timers: Tree = field(guarded_by="lock", elements="SignalTimer.node")
    """Those that the program has made, by their numbers (timer_create(2))."""
    next_timer: U32 = field(guarded_by="lock")
    """Where the next one looks for a number."""
    running_timers: ListHead = field(
        guarded_by="lock", elements="SignalTimer.link", unlocked_reads=True
    )
    """Those that run by processor time."""

    # Leaving its memory in a file (core(5))

    dumper: OrNull[Ptr[Thread]] = field(guarded_by="lock", unlocked_reads=True)
    """That of the member which does, while it does."""
    resting: U32 = field(guarded_by="lock", unlocked_reads=True)
    """How many of the others have come to the end of their programs, and wait for that."""
    dumped: WaitQueue
    """Those that do, or the one until all do."""

    # Stopping

    orphaned: U32
    """1 if its process group is orphaned: only SIGSTOP stops it then, not the terminal."""
    stop_signal: U32 = field(guarded_by="lock", unlocked_reads=True)
    """What stops it, or has stopped it; 0 while it runs."""
    stops: U32 = field(guarded_by="lock", unlocked_reads=True)
    """How often it was stopped, and told to go on."""
    moving: U32 = field(guarded_by="lock")
    """How many members have not come to rest yet since `stop_signal` came."""
    goes_on: U32 = field(guarded_by="lock")
    """1 if it goes on after all members had come to rest, and nobody has told of that yet."""
    resumed: WaitQueue
    """Those that have."""
