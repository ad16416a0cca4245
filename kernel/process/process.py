"""A program that runs."""

from __future__ import annotations

from enum import IntEnum

from kernel.clock.units import Nanoseconds
from kernel.fs.file import File
from kernel.locks.spinlock import SpinLock
from kernel.process.limits import RESOURCES, ResourceLimit
from kernel.process.resourceusage import ResourceUsage, SplitTime, ThreadUsage
from kernel.process.session import ProcessGroup
from kernel.sched.userstate import NAME_SIZE
from kernel.signals.signalgroup import SignalGroup
from kernel.signals.signaltimer import SignalTimer
from kernel.structures.list import ListHead
from kernel.structures.refcount import ReferenceCount
from kernel.structures.tree import TreeNode
from kernel.sync.pollqueue import PollQueue
from pykasm import *


class ProcessState(IntEnum):
    """What there still is of a process."""

    ALIVE = 0
    EXITING = 1
    """Its threads end."""
    ZOMBIE = 2
    """Nothing is left of it but how it ended, for who waits for it."""
    REAPED = 3
    """Nobody waits for it, or finds it by its number."""


class IntervalKind(IntEnum):
    """Timers that each process has (include/uapi/linux/time.h: ITIMER_REAL and so on)."""

    REAL = 0
    VIRTUAL = 1
    """It goes by the time that the program itself runs."""
    PROFILE = 2
    """It goes by what the kernel does for it, too."""


class LastPolicy(Struct):
    """How a thread was chosen to run, as long as it did."""

    policy: U32
    real_time_priority: U32
    nice: I32
    resets_policy: U32


class Process(Struct):
    """A program that runs, with all of its threads (Linux: the leader of a thread group and its
    `signal_struct`)."""

    references: ReferenceCount = field(freed_by="Processes._free_record")
    """Its parent has one as long as it can wait for it; where it has none, its last thread."""
    signals: SignalGroup
    lock: SpinLock
    number: U32
    """What `getpid` tells."""
    state: U32 = field(ProcessState, guarded_by="lock", unlocked_reads=True)
    exit_status: U32 = field(guarded_by="lock", unlocked_reads=True)
    """What `wait4` gives: a signal's number in the low 7 bits, or what the program said in the
    next 8."""
    user: U32
    """The real user of its first thread; once it has ended, of the last one."""
    tasks: ListHead = field(guarded_by="lock", elements="Task.sibling")
    first_policy: LastPolicy = field(guarded_by="lock")
    """Of its first thread, once that has ended."""
    changes: PollQueue
    """Its end, and that it has left the memory of a parent which waits for that (vfork)."""
    replacing: U32 = field(guarded_by="lock", unlocked_reads=True)
    """1 while one of its threads waits for the others' end, to run another program."""
    left_memory: U32
    """1 as soon as it runs another program than its parent, or has ended."""
    limits: Array[ResourceLimit] = field(count=RESOURCES)
    """By `Resource`; changed under `lock`."""
    dumpable: U32
    """A `Dumpable`."""
    dumped_memory: U32
    """Which of its memory it leaves in a file, a `CoreFilter` (core(5), coredump_filter)."""
    memory_adjustment: I32
    """How much more, or less, of its memory counts when some process has to end for want of memory,
    in thousandths of all (proc(5), oom_score_adj)."""
    least_adjustment: I32
    """What it may be set to without a special right."""
    name: Array[U8] = field(count=NAME_SIZE)
    """That of the program, for people."""
    program: OrNull[Owned[Ptr[File]]] = field(guarded_by="lock")
    """What it runs (`ProcessPrograms`)."""

    # Time

    started: Nanoseconds
    """Since boot."""

    interval_timers: Array[SignalTimer] = field(count=len(IntervalKind))
    """By `IntervalKind`."""
    ended: ThreadUsage = field(guarded_by="lock")
    """What its threads have used that have ended."""
    told_time: SplitTime = field(guarded_by="lock")
    """What was told last of its processor time: neither part goes back."""
    peak: U64
    """Pages that were in memory at once in those of its address spaces that it has left, at
    most."""
    of_children: ResourceUsage = field(guarded_by="Processes.lock")
    """What its children and theirs had used when these had been waited for."""

    # Its relations

    node: TreeNode = field(guarded_by="Processes.lock")
    """In `Processes.all`; the key is its number."""
    parent: OrNull[Ptr[Process]] = field(guarded_by="Processes.lock")
    """Null for the kernel."""
    parent_number: U32 = field(guarded_by="Processes.lock", unlocked_reads=True)
    """What `getppid` tells; 0 for the kernel."""
    exit_signal: U32
    """What its parent is sent when it ends; 0 for nothing."""
    children: ListHead = field(guarded_by="Processes.lock", elements="Process.sibling")
    """Those that it can wait for."""
    sibling: ListHead = field(guarded_by="Processes.lock")
    child_events: PollQueue
    """Changes of its children."""
    adopts: U32
    """1 if orphans among its descendants become its children (prctl(2), PR_SET_CHILD_SUBREAPER)."""
    stop_signal: U32 = field(guarded_by="Processes.lock")
    """The signal that has stopped it, as long as nobody was told; else 0."""
    continued: U32 = field(guarded_by="Processes.lock")
    """1 if it goes on after a stop, and nobody was told."""
    group: Ptr[ProcessGroup] = field(guarded_by="Processes.lock", unlocked_reads=True)
    group_link: ListHead = field(guarded_by="Processes.lock")
    executed: U32
    """1 if it has run another program than its parent: it can't be given another group then."""
