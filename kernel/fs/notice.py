"""What is told of files by inotify(7)."""

from __future__ import annotations

from enum import IntFlag

from kernel.fs.inode import Inode
from kernel.structures.list import ListHead
from kernel.sync.pollqueue import PollQueue
from pykasm import *

MOST_NOTICES = 16384
"""That wait to be read, as with Linux (there /proc/sys/fs/inotify/max_queued_events)."""

MOST_QUEUES = 128
"""Of a user (max_user_instances)."""

MOST_WATCHES = 8192
"""Of a user, in all queues (max_user_watches)."""

NAME_GRAIN = 16
"""What the room for names in notices is a multiple of: a record without one."""


class FileEvent(IntFlag):
    """What happens, and how it is watched for (include/uapi/linux/inotify.h)."""

    ACCESS = 1 << 0
    MODIFY = 1 << 1
    ATTRIBUTES = 1 << 2
    CLOSE_WRITE = 1 << 3
    CLOSE_NOWRITE = 1 << 4
    OPEN = 1 << 5
    MOVED_FROM = 1 << 6
    MOVED_TO = 1 << 7
    CREATE = 1 << 8
    DELETE = 1 << 9
    DELETE_SELF = 1 << 10
    MOVE_SELF = 1 << 11
    UNMOUNT = 1 << 13
    OVERFLOW = 1 << 14
    IGNORED = 1 << 15
    """The watch is gone."""
    ONLY_DIRECTORY = 1 << 24
    NO_FOLLOW = 1 << 25
    EXCLUDE_UNLINKED = 1 << 26
    """Not of what has lost its name in the directory."""
    MASK_CREATE = 1 << 28
    MASK_ADD = 1 << 29
    DIRECTORY = 1 << 30
    """What it happens to is one."""
    ONCE = 1 << 31


ALL_EVENTS = 0xFFF
"""Those that programs can watch for."""


class Happening(Struct):
    """Something that happens to a file."""

    mask: U32 = field(FileEvent)
    cookie: U32
    """The same for both halves of a move; else 0."""
    is_unlinked: U32
    """1 if the file has lost its name in the directory that is told."""
    length: U32
    """Bytes of the name."""
    text: OrNull[Ptr[U8]]
    """The name in the directory that is told; null where the file itself is."""


class Notice(Struct):
    """What a program reads of it, once it has its turn."""

    link: ListHead
    """In `NoticeQueue.notices`."""
    watch: I32
    mask: U32 = field(FileEvent)
    cookie: U32
    length: U32
    """Bytes of the name, with the zeros that follow it."""
    text: Array[U8]


class NoticeQueue(Struct):
    """What `inotify_init` makes (Linux: `struct fsnotify_group`)."""

    link: ListHead = field(guarded_by="Notices.lock")
    """In `Notices.queues`."""
    user: U32
    """Whose it is."""
    next_number: I32 = field(guarded_by="Notices.lock")
    """That of the next watch."""
    notices: ListHead = field(guarded_by="Notices.lock", elements="Notice.link")
    count: U32 = field(guarded_by="Notices.lock", unlocked_reads=True)
    bytes: U32 = field(guarded_by="Notices.lock", unlocked_reads=True)
    """How many they have when they are read."""
    watches: ListHead = field(guarded_by="Notices.lock", elements="FileWatch.member")
    watch_count: U32 = field(guarded_by="Notices.lock")
    overflow: Notice = field(guarded_by="Notices.lock")
    """Says that some were lost. It needs no memory; its link is zero while it is not listed."""
    queue: PollQueue


class FileWatch(Struct):
    """A file that is watched (Linux: `struct fsnotify_mark`)."""

    link: ListHead
    """In `Inode.watches`."""
    member: ListHead
    """In `NoticeQueue.watches`."""
    number: I32
    mask: U32 = field(FileEvent)
    inode: Owned[Ptr[Inode]]
    queue: Ptr[NoticeQueue]
