"""A program that runs."""

from __future__ import annotations

from enum import IntEnum

from kernel.locks.spinlock import SpinLock
from kernel.locks.waitqueue import WaitQueue
from kernel.structures.list import ListHead
from kernel.vm.addressspace import AddressSpace
from pykasm import *

NAME_SIZE = 16
"""Bytes of the name of a program, with its end (Linux: TASK_COMM_LEN)."""


class ProcessState(IntEnum):
    """What there still is of a process."""

    ALIVE = 0
    EXITING = 1
    """Its threads end."""
    ZOMBIE = 2
    """Nothing is left of it but how it ended, for who waits for it."""


class Process(Struct):
    """A program that runs, with all of its threads (Linux: the leader of a thread group and its
    `signal_struct`)."""

    lock: SpinLock
    number: U32
    """What `getpid` tells."""
    state: U32 = field(ProcessState, guarded_by="lock", unlocked_reads=True)
    exit_status: U32 = field(guarded_by="lock", unlocked_reads=True)
    """What `wait4` gives: a signal's number in the low 7 bits, or what the program said in the
    next 8."""
    space: Owned[Ptr[AddressSpace]]
    """Its memory, as long as it has threads."""
    tasks: ListHead = field(guarded_by="lock", elements="Task.sibling")
    ended: WaitQueue
    """Who waits for its end."""
    listed: ListHead
    """In `Processes.all`."""
    name: Array[U8] = field(count=NAME_SIZE)
    """That of the program, for people."""
