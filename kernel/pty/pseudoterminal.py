"""A pseudo-terminal."""

from __future__ import annotations

from kernel.fs.inode import Dentry, SuperBlock
from kernel.locks.spinlock import SpinLock
from kernel.structures.list import ListHead
from kernel.tty.terminal import Terminal
from pykasm import *

CONTENTS_SIZE = 8192
"""Bytes that were written and that the master has not read, a power of two."""
CONTENTS_MASK = CONTENTS_SIZE - 1


class DevptsOptions(Struct):
    """What is asked for when the names of pseudo-terminals are mounted (devpts in
    Documentation/filesystems)."""

    mode: U32
    """Of each slave."""
    master_mode: U32
    """Of `ptmx`."""
    user: U32
    """Who owns slaves, if `has_user`; else it is who makes them."""
    group: U32
    has_user: U32
    has_group: U32
    most: U32
    """Pseudo-terminals that there may be at once."""


class DevptsInstance(Struct):
    """What a mounted file system of such names has besides, to which its root leads."""

    terminals: ListHead = field(guarded_by="PseudoTerminals.lock", elements="PseudoTerminal.link")
    """Those with a number of it, in their order."""
    count: U32 = field(guarded_by="PseudoTerminals.lock")
    options: DevptsOptions


class PseudoTerminal(Terminal):
    """A terminal whose typist is a program: the master. Programs have it open as the slave."""

    link: ListHead = field(guarded_by="PseudoTerminals.lock")
    """In the terminals of `instance`."""
    instance: Ptr[DevptsInstance]
    superblock: Owned[Ptr[SuperBlock]]
    """That of `instance`."""
    name: OrNull[Owned[Ptr[Dentry]]]
    """That of the slave."""
    number: U32
    slaves: U32 = field(guarded_by="PseudoTerminals.lock")
    """How many files of the slave are open."""
    is_left: U32 = field(guarded_by="PseudoTerminals.lock", unlocked_reads=True)
    """1 when the last of them was closed, until one is opened again."""
    is_locked: U32
    """1 as long as the slave can't be opened (unlockpt(3))."""
    is_closed: U32 = field(guarded_by="PseudoTerminals.lock")
    """1 once the master is closed."""
    in_packets: U32
    """1 if each read by the master begins with a byte that tells of changes (TIOCPKT)."""
    contents_lock: SpinLock
    written: U64 = field(guarded_by="contents_lock", unlocked_reads=True)
    """How many bytes were written."""
    taken: U64 = field(guarded_by="contents_lock", unlocked_reads=True)
    """How many of them the master has read."""
    contents: Array[U8] = field(count=CONTENTS_SIZE, guarded_by="contents_lock")
