"""Pipes: bytes on their way from who writes to who reads."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE
from kernel.paging.addresses import PhysicalAddress
from kernel.sync.mutex import Mutex
from kernel.sync.pollqueue import PollQueue
from pykasm import *

PAGES = 16
"""Of a new pipe, as with Linux (pipe(7))."""

CAPACITY = PAGES * PAGE

LARGEST = 1 << 20
"""Bytes that a pipe can be made to hold by whoever has it, as with Linux (there
/proc/sys/fs/pipe-max-size)."""

ATOMIC = 4096
"""PIPE_BUF: bytes that are written as one."""


class Pipe(Struct):
    """A ring of bytes, in pages that are there once something was written to them."""

    lock: Mutex
    read: U64 = field(guarded_by="lock", unlocked_reads=True)
    """How many bytes were read; since the pipe was empty last."""
    written: U64 = field(guarded_by="lock", unlocked_reads=True)
    """How many were written."""
    pages: Owned[Ptr[PhysicalAddress]] = field(guarded_by="lock")
    """Physical addresses, as many as there is room for; 0 where there is none yet."""
    capacity: U64 = field(guarded_by="lock", unlocked_reads=True)
    """Bytes that it holds: pages, whose number is a power of 2."""
    is_taken: U32 = field(guarded_by="lock")
    """1 while somebody moves bytes from here to elsewhere without the lock: what there is stays."""
    readers: U32 = field(guarded_by="Pipes.lock", unlocked_reads=True)
    """Open files."""
    writers: U32 = field(guarded_by="Pipes.lock", unlocked_reads=True)
    holders: U32 = field(guarded_by="Pipes.lock")
    """Open files, and those that are being closed and still wake who waits here."""
    reader_opens: U32 = field(guarded_by="Pipes.lock", unlocked_reads=True)
    """How often it was opened for reading, by which who opens the other end knows."""
    writer_opens: U32 = field(guarded_by="Pipes.lock", unlocked_reads=True)
    queue: PollQueue
