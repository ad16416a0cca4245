"""A thread of a program."""

from __future__ import annotations

from kernel.fs.credentials import Credentials
from kernel.fs.filetable import FileTable
from kernel.fs.fscontext import FsContext
from kernel.paging.addresses import UserAddress
from kernel.process.process import Process
from kernel.signals.signaltarget import SignalTarget
from kernel.structures.list import ListHead
from pykasm import *


class Task(SignalTarget):
    """What a thread of the kernel has beside where it runs a program (Linux: `task_struct`)."""

    process: Ptr[Process]
    sibling: ListHead
    """In `Process.tasks`."""
    number: U32
    """What `gettid` tells; that of a process's first thread is the process's."""
    files: Owned[Ptr[FileTable]]
    context: Owned[Ptr[FsContext]]
    """Its root and current directory."""
    credentials: Owned[Ptr[Credentials]]
    set_child_tid: UserAddress
    """Where its number is written when it begins; 0 for nowhere."""
    robust_list: User[U8]
    """The list of locks that end with it; 0 for none."""
    clear_child_tid: UserAddress
    """Where a 0 is written and a futex woken when it ends; 0 for nowhere."""
