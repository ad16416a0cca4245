"""A thread of a program."""

from __future__ import annotations

from kernel.fs.credentials import Credentials
from kernel.fs.filetable import FileTable
from kernel.fs.fscontext import FsContext
from kernel.paging.addresses import UserAddress
from kernel.process.process import Process
from kernel.process.resourceusage import SplitTime
from kernel.signals.signaltarget import SignalTarget
from kernel.structures.list import ListHead
from pykasm import *


class Task(SignalTarget):
    """What a thread of the kernel has beside where it runs a program (Linux: `task_struct`)."""

    process: Ptr[Process]
    sibling: ListHead
    """In `Process.tasks`."""
    files: Owned[Ptr[FileTable]]
    context: Owned[Ptr[FsContext]]
    """Its root and current directory."""
    credentials: Owned[Ptr[Credentials]]
    """Others look at them under the lock of its process, which the task takes to change them."""
    no_new_privileges: U32
    """1 if programs that it runs get no rights by their files (prctl(2), PR_SET_NO_NEW_PRIVS)."""
    parent_death_signal: U32
    """What its process is sent when the parent ends; 0 for nothing."""
    personality: U32
    """How its surroundings look (personality(2))."""
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
    robust_list: User[U8]
    """The list of locks that end with it; 0 for none."""
    clear_child_tid: UserAddress
    """Where a 0 is written and a futex woken when it ends; 0 for nowhere."""
