"""Telling of what happens to files."""

from __future__ import annotations

from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.errno import Errno
from kernel.fs.inode import NAME_MAX, Inode, SuperBlock
from kernel.fs.inodes import Inodes
from kernel.fs.notice import (
    ALL_EVENTS,
    MOST_NOTICES,
    MOST_QUEUES,
    MOST_WATCHES,
    NAME_GRAIN,
    FileEvent,
    FileWatch,
    Happening,
    Notice,
    NoticeQueue,
)
from kernel.locks.spinlock import SpinLock
from kernel.mm.heap import Heap
from kernel.mm.slabs import SlabCache, Slabs
from kernel.structures.list import ListHead
from kernel.sync.pollqueue import READABLE
from kernel.sync.pollqueues import PollQueues
from pykasm import *

RECORD = offsetof(Notice, "text") - offsetof(Notice, "watch")
"""Bytes of a notice without a name, when it is read."""

KEPT = ALL_EVENTS | FileEvent.ONCE | FileEvent.EXCLUDE_UNLINKED
"""What a watch has of the mask that was asked for."""

ALWAYS = FileEvent.UNMOUNT | FileEvent.IGNORED
"""What every watch is told."""

ONLY_SELF = FileEvent.DELETE_SELF | FileEvent.MOVE_SELF
"""What is told without saying that it was a directory."""


class Notices(LeakChecks):
    """Watches files, and queues what is told of them (inotify(7)). One lock does for all: little is
    done under it, and where nobody watches anything, `watch_count` says so without it. Context:
    thread."""

    watch_count = bss(U64, guarded_by="lock", unlocked_reads=True)
    queues = bss(ListHead, guarded_by="lock", elements="NoticeQueue.link")
    """All zero as long as there never was one."""
    next_cookie = bss(U32)

    def __init__(self, slabs: Slabs, heap: Heap, inodes: Inodes, polling: PollQueues) -> None:
        self.heap = heap
        self.inodes = inodes
        self.polling = polling
        self.lock = bss(SpinLock)
        self.queue_records = SlabCache(slabs, "notice queue", NoticeQueue)
        self.watch_records = SlabCache(slabs, "file watch", FileWatch)
        self.leak_checks = [leak_check("file watches", self.used_count)]

    @function
    def used_count(self) -> U64:
        """Return the number of watches."""
        ret(self.watch_count)

    # Queues

    @function
    def create(self, user: Keep[U32]) -> tuple[OrErrno[I32], OrNull[Owned[Ptr[NoticeQueue]]]]:
        """Return 0 and a queue of `user`; or -ENOMEM, or -EMFILE if that has too many, and null."""
        queue, result = keep(self.queue_records.allocate_zeroed()), keep(I32)
        with if_(queue == 0):
            ret(-Errno.ENOMEM, 0)
        mov(queue.user, user)
        with self.lock.held():
            mov(result, self._enter(queue))
        with if_(result != 0):
            self.queue_records.free(queue)
            ret(result, 0)
        ret(0, queue)

    @function(holds="lock")
    def _enter(self, queue: Ptr[NoticeQueue]) -> OrErrno[I32]:
        """List a new queue, unless its user has too many. Returns 0 or -EMFILE."""
        count = scratch(U32)
        queue = scratch(queue)
        xor(count, count)
        with if_(self.queues.next == 0):
            # The first queue of all: before it, the list is memory of zeros
            self.queues.reset()
        with self.queues.each(NoticeQueue, "link") as one:
            mov(eax, one.user)
            with if_(eax == queue.user):
                inc(count)
        fail_if(count >= MOST_QUEUES, Errno.EMFILE)
        queue.notices.reset()
        queue.watches.reset()
        mov(queue.next_number, 1)
        mov(queue.overflow.watch, -1)
        mov(queue.overflow.mask, FileEvent.OVERFLOW)
        link = scratch(address_of(queue.link))
        self.queues.append(link)
        ret(0)

    @function(context="thread")
    def free(self, queue: Keep[Owned[Ptr[NoticeQueue]]]) -> None:
        """Free a queue that nobody can read any more, with its watches."""
        gone = local(ListHead)
        with self.lock.held():
            gone.reset()
            with queue.watches.each_removable(FileWatch, "member") as watch:
                self._remove(watch, address_of(gone))
            with queue.notices.each_removable(Notice, "link") as notice:
                self._free_notice(queue, notice)
            queue.link.unlink()
        self._free_watches(address_of(gone))
        self.queue_records.free(queue)

    @function(holds="lock")
    def _free_notice(self, queue: Ptr[NoticeQueue], notice: Ptr[Notice]) -> None:
        """Take `notice` out of its queue, and free it."""
        notice = scratch(notice)
        notice.link.unlink()
        dec(queue.count)
        mov(eax, notice.length)
        add(eax, RECORD)
        sub(queue.bytes, eax)
        # It lies in its queue; by a null link `_add` knows that it may be used again
        lea(rax, queue.overflow)
        with if_(u64(notice) == rax):
            mov(notice.link.next, 0)
            ret()
        take_over(notice, "the queue had it")
        tail(self.heap.free, u64(notice))

    # Reading

    @function(context="thread")
    def take(
        self, queue: Ptr[NoticeQueue], room: Keep[U64]
    ) -> tuple[OrErrno[I64], OrNull[Owned[Ptr[Notice]]]]:
        """Return 0 and the first notice of `queue`, for `give_back`, if it has no more bytes than
        `room`; or -EAGAIN if there is none, -EINVAL for less room, and null."""
        queue, notice, result = keep(queue), keep(OrNull[Ptr[Notice]]), keep(I64)
        xor(u32(notice), u32(notice))
        mov(result, -Errno.EAGAIN)
        with self.lock.held():
            first = scratch(self._first(queue))
            with if_(first != 0):
                mov(result, -Errno.EINVAL)
                mov(ecx, first.length)
                add(rcx, RECORD)
                with if_(rcx <= room):
                    sub(queue.bytes, ecx)
                    dec(queue.count)
                    first.link.unlink()
                    mov(first.link.next, 0)
                    mov(notice, first)
                    xor(u32(result), u32(result))
        with if_(notice != 0):
            take_over(notice, "the queue had it")
        ret(result, notice)

    @function(holds="lock")
    def _first(self, queue: Ptr[NoticeQueue]) -> OrNull[Ptr[Notice]]:
        """Return the first notice of `queue`, or null."""
        with if_(queue.notices.is_empty()):
            ret(0)
        ret(container_of(queue.notices.next, Notice, "link"))

    @function(context="thread")
    def give_back(self, queue: Ptr[NoticeQueue], notice: Owned[Ptr[Notice]]) -> None:
        """Free what `take` returned."""
        lea(rax, queue.overflow)
        with if_(u64(notice) == rax):
            disown(notice, "it is a part of the queue")
            ret()
        tail(self.heap.free, u64(notice))

    # Watches

    @function(context="thread")
    def watch(
        self, queue: Keep[Ptr[NoticeQueue]], inode: Keep[Ptr[Inode]], mask: Keep[U32]
    ) -> OrErrno[I64]:
        """Watch `inode` for what is in `mask`, in place of what it was watched for. Returns the
        number of the watch; -EEXIST for one that was to be new, -ENOSPC if its user has too many,
        -ENOMEM."""
        # Allocated before it is known to be needed, as nothing can be under the lock; its queue
        # tells whether it was
        spare, result = keep(try_(self.watch_records.allocate(), Errno.ENOMEM)), local(I64)
        mov(spare.queue, 0)
        with self.lock.held():
            mov(result, self._watch(queue, inode, spare, mask))
        with if_(u64(spare.queue) == 0):
            self.watch_records.free(spare)
        with else_():
            disown(spare, "the inode has it")
        ret(result)

    @function(holds="lock")
    def _watch(
        self,
        queue: Keep[Ptr[NoticeQueue]],
        inode: Keep[Ptr[Inode]],
        spare: Keep[Ptr[FileWatch]],
        mask: Keep[U32],
    ) -> OrErrno[I64]:
        """Do what `watch` does, by way of a new record."""
        watch = scratch(self._find(queue, inode))
        with if_(watch != 0):
            fail_if(mask & FileEvent.MASK_CREATE, Errno.EEXIST)
            mov(eax, mask)
            and_(eax, KEPT)
            with if_(mask & FileEvent.MASK_ADD):
                or_(eax, watch.mask)
            mov(watch.mask, eax)
            movsxd(rax, watch.number)
            ret(rax)
        fail_if(self._count_watches(queue.user) >= MOST_WATCHES, Errno.ENOSPC)
        and_(mask, KEPT)
        mov(spare.mask, mask)
        mov(spare.queue, queue)
        inode.references.gain()
        mov(spare.inode, inode)
        with if_(inode.watches.next == 0):
            inode.watches.reset()
        link = scratch(address_of(spare.link))
        inode.watches.append(link)
        release(link)
        link = scratch(address_of(spare.member))
        queue.watches.append(link)
        inc(queue.watch_count)
        inc(self.watch_count)
        movsxd(rax, queue.next_number)
        inc(queue.next_number)
        mov(spare.number, eax)
        ret(rax)

    @function(holds="lock")
    def _find(self, queue: Ptr[NoticeQueue], inode: Ptr[Inode]) -> OrNull[Ptr[FileWatch]]:
        """Return the watch of `queue` for `inode`, or null."""
        with if_(inode.watches.next == 0):
            ret(0)
        with inode.watches.each(FileWatch, "link") as watch, if_(watch.queue == queue):
            ret(watch)
        ret(0)

    @function(holds="lock")
    def _count_watches(self, user: U32) -> U32:
        """Return how many watches `user` has."""
        count = scratch(U32)
        xor(count, count)
        with self.queues.each(NoticeQueue, "link") as one, if_(one.user == user):
            add(count, one.watch_count)
        ret(count)

    @function(context="thread")
    def unwatch(self, queue: Keep[Ptr[NoticeQueue]], number: Keep[I32]) -> OrErrno[I64]:
        """Remove the watch `number`, and tell that. Returns 0; -EINVAL if there is none."""
        gone, result = local(ListHead), keep(I64)
        mov(result, -Errno.EINVAL)
        with self.lock.held():
            gone.reset()
            with (
                queue.watches.each_removable(FileWatch, "member") as watch,
                if_(watch.number == number),
            ):
                self._end(watch, 0, address_of(gone))
                xor(u32(result), u32(result))
        self._free_watches(address_of(gone))
        ret(result)

    @function(holds="lock")
    def _end(self, watch: Keep[Ptr[FileWatch]], mask: U32, gone: Keep[Ptr[ListHead]]) -> None:
        """Tell `mask`, if `watch` watches for it, and then that it is gone; list it there."""
        happening = local(Happening)
        mov(happening.mask, mask)
        mov(happening.cookie, 0)
        mov(happening.length, 0)
        mov(happening.text, 0)
        mov(eax, watch.mask)
        or_(eax, ALWAYS)
        with if_(eax & mask):
            self._add(watch, address_of(happening))
        mov(happening.mask, FileEvent.IGNORED)
        self._add(watch, address_of(happening))
        tail(self._remove, watch, gone)

    @function(holds="lock")
    def _remove(self, watch: Ptr[FileWatch], gone: Ptr[ListHead]) -> None:
        """Take `watch` out of its lists, and put it into that of those that are `gone`."""
        watch, gone = scratch(watch), scratch(gone)
        watch.link.unlink()
        watch.member.unlink()
        queue = scratch(watch.queue)
        dec(queue.watch_count)
        dec(self.watch_count)
        link = scratch(address_of(watch.link))
        gone.append(link)

    @function(context="thread")
    def _free_watches(self, gone: Keep[Ptr[ListHead]]) -> None:
        """Free those that are `gone`."""
        with gone.each_removable(FileWatch, "link") as watch:
            self.inodes.drop(watch.inode)
            take_over(watch, "the list had it")
            self.watch_records.free(watch)

    # Telling

    @function(context="thread")
    def tell(self, inode: Keep[Ptr[Inode]], happening: Keep[Ptr[Happening]]) -> None:
        """Tell all who watch `inode` for it what happens."""
        gone = local(ListHead)
        # Without the lock: most files are never watched, and all that happens to them comes here
        with if_(inode.watches.next == 0):
            ret()
        with self.lock.held():
            gone.reset()
            with inode.watches.each_removable(FileWatch, "link") as watch:
                self._tell(watch, happening, address_of(gone))
        self._free_watches(address_of(gone))

    @function(holds="lock")
    def _tell(
        self,
        watch: Keep[Ptr[FileWatch]],
        happening: Keep[Ptr[Happening]],
        gone: Keep[Ptr[ListHead]],
    ) -> None:
        """Tell by `watch` what happens, if it is watched for."""
        mov(eax, happening.mask)
        and_(eax, ALL_EVENTS)
        with if_((eax & watch.mask) == 0):
            ret()
        with if_((happening.is_unlinked != 0) & (watch.mask & FileEvent.EXCLUDE_UNLINKED)):
            ret()
        self._add(watch, happening)
        with if_(watch.mask & FileEvent.ONCE):
            self._end(watch, 0, gone)

    @function(holds="lock")
    def _add(self, watch: Keep[Ptr[FileWatch]], happening: Keep[Ptr[Happening]]) -> None:
        """Queue what happens, unless it is the same as what was queued last. Without memory, or
        with too many there, those that read are told that some are missing."""
        queue = keep(watch.queue)
        with if_(self._is_last(queue, watch.number, happening)):
            ret()
        notice = keep(self._make(queue, happening))
        with if_(notice != 0):
            mov(eax, watch.number)
            mov(notice.watch, eax)
        with else_():
            with if_(queue.overflow.link.next != 0):
                ret()
            # One notice, which needs no memory, tells of all that is missing in a row
            lea(notice, queue.overflow)
        mov(eax, notice.length)
        add(eax, RECORD)
        add(queue.bytes, eax)
        inc(queue.count)
        link = scratch(address_of(notice.link))
        queue.notices.append(link)
        disown(notice, "the queue has it")
        tail(self.polling.announce, address_of(queue.queue), READABLE)

    @function(holds="lock")
    def _is_last(self, queue: Ptr[NoticeQueue], number: I32, happening: Ptr[Happening]) -> Bool:
        """Return whether the last notice in `queue` says the same of the watch `number`."""
        queue, happening = scratch(queue), scratch(happening)
        mov(rax, queue.notices.previous)
        lea(rcx, queue.notices)
        fail_if(rax == rcx)
        last = scratch(container_of(cast(rax, Ptr[ListHead]), Notice, "link"))
        fail_if(number != last.watch)
        mov(eax, happening.mask)
        fail_if((eax != last.mask) | (eax & FileEvent.IGNORED))
        mov(ecx, happening.length)
        with if_(ecx == 0):
            ret(last.length == 0)
        fail_if(last.length <= ecx)
        fail_if(last.text[rcx] != 0)
        lea(rdi, last.text)
        name = scratch(happening.text)
        asserts(name != 0)  # it has letters
        mov(rsi, name)
        # Sets ZF, which `repe` leaves as it is for a name without letters
        cmp(rax, rax)
        repe.cmpsb()
        ret(ZF)

    @function(holds="lock")
    def _make(
        self, queue: Ptr[NoticeQueue], happening: Keep[Ptr[Happening]]
    ) -> OrNull[Owned[Ptr[Notice]]]:
        """Return a notice of what happens; null without memory, also for the name, or if `queue`
        has too many."""
        fail_if((queue.count >= MOST_NOTICES) | (happening.length > NAME_MAX))
        room = keep(happening.length)
        with if_(room != 0):
            add(room, NAME_GRAIN)
            and_(room, -NAME_GRAIN)
        mov(edi, room)
        add(rdi, offsetof(Notice, "text"))
        notice = scratch(cast(try_(self.heap.allocate(rdi)), Ptr[Notice]))
        mov(eax, happening.mask)
        # These are about the watched file itself, of which everybody knows what it is
        with if_(eax & ONLY_SELF):
            and_(eax, ~int(FileEvent.DIRECTORY))
        mov(notice.mask, eax)
        mov(eax, happening.cookie)
        mov(notice.cookie, eax)
        mov(notice.length, room)
        name = scratch(happening.text)
        with if_(name == 0):
            ret(notice)
        lea(rdi, notice.text)
        mov(ecx, happening.length)
        mov(rsi, name)
        sub(room, ecx)
        rep.movsb()
        # Programs see the rest of the room, too
        mov(ecx, room)
        xor(eax, eax)
        rep.stosb()
        ret(notice)

    # Files that go

    @function(context="thread")
    def forget(self, inode: Keep[Ptr[Inode]]) -> None:
        """Tell that `inode` is gone, with its last name, and watch it no longer."""
        gone = local(ListHead)
        with if_(inode.watches.next == 0):
            ret()
        with self.lock.held():
            gone.reset()
            with inode.watches.each_removable(FileWatch, "link") as watch:
                self._end(watch, FileEvent.DELETE_SELF, address_of(gone))
        self._free_watches(address_of(gone))

    @function(context="thread")
    def unmount(self, superblock: Keep[Ptr[SuperBlock]]) -> None:
        """Tell that the files of `superblock` are gone with it, and watch them no longer."""
        gone = local(ListHead)
        with if_(self.watch_count == 0):
            ret()
        with self.lock.held():
            gone.reset()
            with self.queues.each(NoticeQueue, "link") as queue:
                self._unmount(queue, superblock, address_of(gone))
        self._free_watches(address_of(gone))

    @function(holds="lock")
    def _unmount(
        self,
        queue: Ptr[NoticeQueue],
        superblock: Keep[Ptr[SuperBlock]],
        gone: Keep[Ptr[ListHead]],
    ) -> None:
        """Do what `unmount` does for those that `queue` watches."""
        queue = keep(queue)
        with queue.watches.each_removable(FileWatch, "member") as watch:
            inode = scratch(watch.inode)
            mov(rax, inode.superblock)
            release(inode)
            with if_(rax == superblock):
                self._end(watch, FileEvent.UNMOUNT, gone)
