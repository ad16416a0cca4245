"""A thread of a program.

It and its wait for a lock refer to each other, so they stand together.
"""

from __future__ import annotations

from enum import IntEnum

from kernel.fs.credentials import Credentials
from kernel.fs.filetable import FileTable
from kernel.fs.fscontext import FsContext
from kernel.futex.futexwaiter import FutexKey
from kernel.ipc.semaphoreset import UndoList
from kernel.locks.waitqueue import WaitQueue
from kernel.paging.addresses import UserAddress
from kernel.process.process import Process
from kernel.process.resourceusage import SplitTime
from kernel.signals.signaltarget import SignalTarget
from kernel.structures.list import ListHead
from kernel.users.useraccount import UserAccount
from kernel.vm.addressspace import AddressSpace
from pykasm import *


class Task(SignalTarget):
    """What a thread of the kernel has beside where it runs a program (Linux: `task_struct`)."""

    process: Ptr[Process]
    sibling: ListHead
    """In `Process.tasks`."""
    number: U32
    """What `gettid` tells; that of a process's first thread is the process's."""
    space: OrNull[Ptr[AddressSpace]]
    """The memory that its program has; null before it begins, and as soon as it ends. Others look
    at it, and at what it has of files, under the lock of its process, which the task takes to
    change them."""
    files: Owned[Ptr[FileTable]]
    context: Owned[Ptr[FsContext]]
    """Its root and current directory."""
    credentials: Owned[Ptr[Credentials]]
    """Others look at them under the lock of its process, which the task takes to change them."""
    undo_list: OrNull[Owned[Ptr[UndoList]]]
    """What its operations on semaphores have changed; null as long as nothing of it is undone."""
    account: OrNull[Owned[Ptr[UserAccount]]]
    """Where it is counted."""
    is_one_too_many: U32
    """1 if it has become a user that had as many threads as it may have."""
    no_new_privileges: U32
    """1 if programs that it runs get no rights by their files (prctl(2), PR_SET_NO_NEW_PRIVS)."""
    parent_death_signal: U32
    """What its process is sent when the parent ends; 0 for nothing."""
    personality: U32
    """How its surroundings look (personality(2))."""
    timer_slack: U64
    """By how many nanoseconds it may be woken late; 0 for as many as usual (PR_SET_TIMERSLACK)."""
    default_timer_slack: U64
    """What that is set back to: its value when the task began."""
    nice: I32
    """How much it stands back for others: -20 to 19, least to most."""
    policy: U32
    """How it is chosen to run: a `Policy`."""
    real_time_priority: U32
    """1 to 99 with a real-time policy, else 0."""
    resets_policy: U32
    """1 if what it makes has neither a real-time policy nor a negative nice value
    (SCHED_RESET_ON_FORK)."""
    told_time: SplitTime = field(guarded_by="Process.lock")
    """What was told last of its processor time."""
    set_child_tid: UserAddress
    """Where its number is written when it begins; 0 for nowhere."""
    dependents: ListHead = field(
        guarded_by="PriorityLocks.lock", elements="PriorityWait.link", unlocked_reads=True
    )
    """Those who wait for locks that it has and that inherit priorities; all zero as long as nobody
    ever did."""
    waits_for: OrNull[Ptr[PriorityWait]] = field(guarded_by="PriorityLocks.lock")
    """How it waits for such a lock; null while it does not."""
    has_left_locks: U32 = field(guarded_by="PriorityLocks.lock")
    """1 once it ends, and has no locks any more."""
    robust_list: User[U8]
    """The list of locks that end with it; 0 for none."""
    clear_child_tid: UserAddress
    """Where a 0 is written and a futex woken when it ends; 0 for nowhere."""


class LockNews(IntEnum):
    """What has become of a wait for a lock."""

    NOTHING = 0
    GIVEN = 1
    """The task has the lock."""
    ORPHANED = 2
    """Whose lock it was has ended: the task looks again."""


class PriorityWait(Struct):
    """One wait, on the stack of its thread."""

    link: ListHead = field(guarded_by="PriorityLocks.lock")
    """In `Task.dependents` of the owner."""
    key: FutexKey
    word: U32
    """What was in the word of the lock."""
    orphan_of: U32
    """The number of the thread that had the lock and has ended; 0 for none."""
    task: Ptr[Task]
    owner: OrNull[Ptr[Task]] = field(guarded_by="PriorityLocks.lock")
    """Who has the lock; null while it is in no list."""
    queue: WaitQueue
    """In which the thread alone waits."""
    news: U32 = field(LockNews, guarded_by="queue.lock")
