"""The half of a thread that programs see."""

from __future__ import annotations

from pykasm import *

NAME_SIZE = 16
"""Bytes of the name of a program, with its end (Linux: TASK_COMM_LEN)."""


class UserState(Struct):
    """What the scheduler keeps of a thread that runs a program. It is the first part of a task."""

    fs_base: U64
    """Where the program's FS begins: its thread-local storage."""
    gs_base: U64
    """Where its GS begins."""
    ds: U16
    """What its segment registers name; those of CS and SS are in its frames."""
    es: U16
    fs: U16
    gs: U16
    number: U32
    """What `gettid` tells; that of a process's first thread is the process's."""
    process_number: U32
    name: Array[U8] = field(count=NAME_SIZE)
    """That of the thread, for people; a first thread's is its process's."""
