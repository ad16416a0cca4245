"""Waiting for sets of files."""

from __future__ import annotations

from kernel.clock.units import Nanoseconds
from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.errno import Errno
from kernel.fs.anonymousfiles import AnonymousFiles
from kernel.fs.credentials import Credentials
from kernel.fs.epoll import HOW, MOST_NESTED, Epoll, EpollEvent, EpollFlag, EpollItem, key_of
from kernel.fs.epollitems import EpollItems
from kernel.fs.epollnesting import EpollNesting
from kernel.fs.epollreadiness import EpollReadiness
from kernel.fs.file import File, FileOperations
from kernel.fs.filedefaults import FileDefaults
from kernel.fs.files import Files
from kernel.mm.slabs import SlabCache, Slabs
from kernel.sched.thread import INTERRUPTIBLE
from kernel.sched.waiting import WaitResult
from kernel.sync.mutex import Mutex, Mutexes
from kernel.sync.pollqueue import ALWAYS, READABLE, Watcher
from kernel.sync.pollqueues import PollQueues
from kernel.vm.usercopy import UserCopy
from pykasm import *


class FoundItem(Struct):
    """One that may be ready, and what holds for its file."""

    item: Ptr[EpollItem]
    file: Ptr[File]
    """A reference."""
    key: U64
    events: U32


class Epolls(LeakChecks):
    """Makes such sets, changes what is in them and tells what is ready, as epoll(7) tells.

    What changes puts items into the list of those that are ready, and who waits looks at these
    alone: what it costs does not depend on how many are watched. An item stays in the list while
    somebody looks at its file, so that nobody else finds the list empty in between. Context:
    thread.
    """

    count = bss(U64)
    nesting = bss(Mutex)
    """Held by who puts a set into another one."""

    def __init__(
        self,
        slabs: Slabs,
        anonymous: AnonymousFiles,
        defaults: FileDefaults,
        files: Files,
        items: EpollItems,
        readiness: EpollReadiness,
        nests: EpollNesting,
        queues: PollQueues,
        mutexes: Mutexes,
        copy: UserCopy,
    ) -> None:
        self.anonymous = anonymous
        self.defaults = defaults
        self.files = files
        self.items = items
        self.readiness = readiness
        self.nests = nests
        self.queues = queues
        self.mutexes = mutexes
        self.copy = copy
        self.records = SlabCache(slabs, "set of watched files", Epoll)
        self.operations = rodata(
            FileOperations,
            defaults.table(release=self.release, seek=defaults.stay, poll=self.poll),
        )
        self.leak_checks = [leak_check("sets of watched files", self.used_count)]

    @function
    def used_count(self) -> U64:
        """Return how many there are."""
        ret(self.count)

    @function(context="thread", sleeps=True)
    def create(
        self, flags: Keep[U32], credentials: Keep[Ptr[Credentials]]
    ) -> Owned[OrNull[Ptr[File]]]:
        """Return the open file of an empty set, by `OpenFlag`s; null without memory."""
        epoll = keep(try_(self.records.allocate_zeroed()))
        errdefer(self._free, epoll)
        with unshared(epoll):
            epoll.ready.reset()
            epoll.children.reset()
            epoll.parents.reset()
        file = scratch(try_(self.anonymous.open(address_of(self.operations), flags, credentials)))
        mov(file.private, u64(epoll))
        disown(epoll, "its file has it")
        lock.inc(self.count)
        ret(file)

    @function
    def _free(self, epoll: Owned[Ptr[Epoll]]) -> None:
        """Free a record."""
        self.records.free(epoll)

    @function(context="thread")
    def release(self, file: Ptr[File]) -> None:
        """Free the set of `file`, as `ReleaseFile` says."""
        epoll = keep(cast(file.private, Ptr[Epoll]))
        self.items.clear(epoll)
        take_over(epoll, "its file had it")
        self.records.free(epoll)
        lock.dec(self.count)

    @inline(changes=rax)
    def is_set(self, file: Ptr[File]) -> Condition:
        """Return the condition that `file` is one of these."""
        lea(rax, self.operations)
        return u64(file.operations) == rax

    @function
    def can_watch(self, file: Ptr[File]) -> Bool:
        """Return whether there is anything to wait for with `file`."""
        operations = scratch(file.operations)
        lea(rax, self.defaults.poll)
        ret(u64(operations.poll) != rax)

    # What is in a set

    @function(context="thread", sleeps=True)
    def add(
        self,
        epoll: Keep[Ptr[Epoll]],
        file: Keep[Ptr[File]],
        number: U32,
        event: Keep[Ptr[EpollEvent]],
    ) -> OrErrno[I64]:
        """Watch `file`, which the program knows by `number`. Returns 0; -EEXIST if it is watched by
        that number already, -ELOOP for a set that may not be in this one, -ENOMEM."""
        result, key = keep(I64), local(U64)
        mov(key, key_of(file, number))
        with if_(self.is_set(file)):
            # Two threads that put two sets into each other would each find no circle but for this
            # lock
            with self.mutexes.held(self.nesting):
                mov(result, -Errno.ELOOP)
                with if_(self.nests.may_nest(epoll, cast(file.private, Ptr[Epoll]))):
                    mov(result, self._add(epoll, file, key, event))
            ret(result)
        tail(self._add, epoll, file, key, event)

    @function(context="thread", sleeps=True)
    def _add(
        self,
        epoll: Keep[Ptr[Epoll]],
        file: Keep[Ptr[File]],
        key: Keep[U64],
        event: Keep[Ptr[EpollEvent]],
    ) -> OrErrno[I64]:
        """Watch `file`, which has this key."""
        result = keep(I64)
        with self.mutexes.held(epoll.lock):
            mov(result, self._add_locked(epoll, file, key, event))
        ret(result)

    @function(context="thread", sleeps=True, holds="epoll.lock")
    def _add_locked(
        self,
        epoll: Keep[Ptr[Epoll]],
        file: Keep[Ptr[File]],
        key: Keep[U64],
        event: Keep[Ptr[EpollEvent]],
    ) -> OrErrno[I64]:
        """Watch `file`, which has this key."""
        fail_if(self.items.find(epoll, key) != 0, Errno.EEXIST)
        item = keep(try_(self.items.create(epoll, file, key), Errno.ENOMEM))
        with if_(self.is_set(file)):
            mov(item.is_nested, 1)
            mov(u64(item.watcher.handler), 0)
        with unshared(item):
            self._want(item, event)
        with if_(item.wanted & EpollFlag.EXCLUSIVE):
            mov(item.watcher.is_exclusive, 1)
        self.items.insert(item)
        disown(item, "the set has it")
        operations = scratch(file.operations)
        # The watcher is entered before the look: what becomes possible after it, `notify` tells
        found = scratch(operations.poll(file, address_of(item.watcher)))
        tail(self._tell, item, found)

    @inline(changes=rax)
    def _want(self, item: Ptr[EpollItem], event: Ptr[EpollEvent]) -> None:
        """Have `item` as `event` says."""
        mov(eax, event.events)
        or_(eax, ALWAYS)
        mov(item.wanted, eax)
        mov(rax, event.data)
        mov(item.data, rax)

    @function(context="thread")
    def _tell(self, item: Ptr[EpollItem], events: U32) -> OrErrno[I64]:
        """Tell who waits, if `item` wants some of the `events` that hold. Returns 0."""
        with if_(item.wanted & events):
            self.readiness.tell(item)
        ret(0)

    @function(context="thread", sleeps=True)
    def change(
        self,
        epoll: Keep[Ptr[Epoll]],
        file: Keep[Ptr[File]],
        number: U32,
        event: Keep[Ptr[EpollEvent]],
    ) -> OrErrno[I64]:
        """Watch `file` as `event` says from now on. Returns 0; -ENOENT if it is not watched by that
        number; -EINVAL if it is watched exclusively."""
        result, key = keep(I64), local(U64)
        mov(key, key_of(file, number))
        with self.mutexes.held(epoll.lock):
            mov(result, self._change_locked(epoll, file, key, event))
        ret(result)

    @function(context="thread", sleeps=True, holds="epoll.lock")
    def _change_locked(
        self,
        epoll: Keep[Ptr[Epoll]],
        file: Keep[Ptr[File]],
        key: U64,
        event: Keep[Ptr[EpollEvent]],
    ) -> OrErrno[I64]:
        """Watch `file`, which has this key, as `event` says."""
        item = keep(try_(self.items.find(epoll, key), Errno.ENOENT))
        fail_if(item.wanted & EpollFlag.EXCLUSIVE, Errno.EINVAL)
        with epoll.queue.queue.lock.held(rank="epoll"):
            self._want(item, event)
        operations = scratch(file.operations)
        found = scratch(operations.poll(file, 0))
        tail(self._tell, item, found)

    @function(context="thread", sleeps=True)
    def remove(self, epoll: Keep[Ptr[Epoll]], file: Ptr[File], number: U32) -> OrErrno[I64]:
        """Watch `file` no longer. Returns 0, or -ENOENT if it is not watched by that number."""
        result, key = keep(I64), local(U64)
        mov(key, key_of(file, number))
        with self.mutexes.held(epoll.lock):
            mov(result, -Errno.ENOENT)
            item = self.items.find(epoll, key)
            with if_(item != 0):
                self.items.remove(item)
                xor(u32(result), u32(result))
        ret(result)

    # What is ready

    @function(context="thread", sleeps=True)
    def wait(
        self,
        epoll: Keep[Ptr[Epoll]],
        place: Keep[User[U8]],
        most: Keep[U32],
        deadline: Keep[Nanoseconds],
    ) -> OrErrno[I64]:
        """Store up to `most` events at `place`, once there are some. Returns how many; 0 after the
        `deadline`, -EINTR or -EFAULT."""
        noted = keep(U64)
        with loop():
            mov(noted, self.queues.note(epoll.queue))
            # After the number was noted, so that no change between the look and the wait is lost
            with if_(epoll.ready_count != 0):
                collected = self._collect(epoll, place, most)
                with if_(collected != 0):
                    ret(collected)
            with if_(deadline == 0):
                ret(0)
            waited = self.queues.wait(address_of(epoll.queue), noted, deadline, INTERRUPTIBLE)
            fail_if(waited == WaitResult.INTERRUPTED, Errno.EINTR)
            with if_(waited != 0):
                xor(u32(deadline), u32(deadline))  # look once more

    @function(context="thread", sleeps=True)
    def _collect(
        self, epoll: Keep[Ptr[Epoll]], place: Keep[User[U8]], most: Keep[U32]
    ) -> OrErrno[I64]:
        """Store what is ready, and have others look if that is not all."""
        result = keep(I64)
        with self.mutexes.held(epoll.lock):
            mov(result, self._collect_locked(epoll, place, most))
            with if_(epoll.ready_count != 0), epoll.queue.queue.lock.held(rank="epoll"):
                ignore(self.readiness.wake(epoll), "perhaps nobody else waits")
        ret(result)

    @function(context="thread", sleeps=True, holds="epoll.lock")
    def _collect_locked(
        self, epoll: Keep[Ptr[Epoll]], place: Keep[User[U8]], most: Keep[U32]
    ) -> OrErrno[I64]:
        """Store what is ready, each at most once. Returns how many that are, or -EFAULT."""
        number, left, found = keep(U32), keep(U64), local(FoundItem)
        xor(number, number)
        # Items that stay ready are put last, where this would meet them again without end
        mov(left, epoll.ready_count)
        with while_((left != 0) & (number < most)):
            dec(left)
            break_if(~self._look_at_first(epoll, address_of(found)))
            stored = scratch(self._tell_program(epoll, address_of(found), place))
            with if_(stored < 0):
                fail_if(number == 0, Errno.EFAULT)
                break_()
            add(number, u32(stored))
            imul(u32(stored), u32(stored), sizeof(EpollEvent))
            add(u64(place), stored)
        mov(eax, number)
        ret(rax)

    @function(context="thread", sleeps=True)
    def _look_at_first(self, epoll: Keep[Ptr[Epoll]], found: Keep[Ptr[FoundItem]]) -> Bool:
        """Fill in `found` with the first item that may be ready, and what it wants of what holds
        for its file. Returns whether there is one."""
        with if_(~self._take_first(epoll, found)):
            ret(False)
        file = scratch(found.file)
        operations = scratch(file.operations)
        events = scratch(operations.poll(file, 0))
        and_(found.events, events)
        ret(True)

    @function(context="thread")
    def _take_first(self, epoll: Keep[Ptr[Epoll]], found: Keep[Ptr[FoundItem]]) -> Bool:
        """Do what `_look_at_first` does, without a look; but for files that are being closed, which
        go."""
        item, file, taken = keep(Ptr[EpollItem]), scratch(Ptr[File]), keep(Bool)
        xor(u32(taken), u32(taken))
        with (
            epoll.queue.queue.lock.held(rank="epoll"),
            while_((epoll.ready_count != 0) & (taken == 0)),
        ):
            mov(item, container_of(scratch(epoll.ready.next), EpollItem, "ready"))
            mov(file, item.file)
            # A file with its last reference gone still has items until it is released
            with if_(file.references.gain_if_any()):
                inc(u32(taken))
                self._note(found, item, file)
            with else_():
                self.readiness.clear_ready(epoll, item)
        ret(taken)

    @inline(changes=rax)
    def _note(self, found: Ptr[FoundItem], item: Ptr[EpollItem], file: Ptr[File]) -> None:
        """Fill in `found`, and have it known if something changes from now on."""
        mov(item.is_changed, 0)
        # Before the file is asked: a change after that sets it again, and the item stays in the
        # list
        mov(found.item, item)
        mov(found.file, file)
        mov(rax, item.node.key)
        mov(found.key, rax)
        mov(eax, item.wanted)
        mov(found.events, eax)

    @function(context="thread", sleeps=True, holds="epoll.lock")
    def _tell_program(
        self, epoll: Keep[Ptr[Epoll]], found: Keep[Ptr[FoundItem]], place: Keep[User[U8]]
    ) -> OrErrno[I64]:
        """Store an event for what was `found`, if something wanted holds. Returns how many were
        stored; -EFAULT, and nothing has changed."""
        stored = keep(I64)
        xor(u32(stored), u32(stored))
        with if_(found.events == 0):
            self._settle(epoll, found.key)
        with else_():
            mov(stored, self._store(found, place))
            with if_(stored > 0):
                self._settle_told(epoll, found.item)
        file = scratch(found.file)
        take_over(file, "it was found with a reference")
        self.files.drop(file)
        ret(stored)

    @function(context="thread", sleeps=True)
    def _store(self, found: Ptr[FoundItem], place: User[U8]) -> OrErrno[I64]:
        """Store an event at `place`. Returns 1 or -EFAULT."""
        event, item = local(EpollEvent), scratch(found.item)
        mov(eax, found.events)
        mov(event.events, eax)
        mov(rax, item.data)
        mov(event.data, rax)
        release(item)
        self.copy.copy_out_all(place, address_of(event), sizeof(EpollEvent))
        ret(1)

    @function(context="thread")
    def _settle_told(self, epoll: Keep[Ptr[Epoll]], item: Keep[Ptr[EpollItem]]) -> None:
        """Take `item`, which the program was told of, out of the list, unless it may be told of it
        again: then others come first."""
        with epoll.queue.queue.lock.held(rank="epoll"):
            with if_(item.wanted & EpollFlag.ONE_SHOT):
                and_(item.wanted, HOW)
                self.readiness.clear_ready(epoll, item)
            # Edges are told once; others stay until a look finds that nothing is possible any more
            with elif_((item.wanted & EpollFlag.EDGE) & (item.is_changed == 0)):
                self.readiness.clear_ready(epoll, item)
            with else_():
                self.readiness.put_last(epoll, item)

    @function(context="thread")
    def _settle(self, epoll: Keep[Ptr[Epoll]], key: Keep[U64]) -> None:
        """Take the item with this key, if it is still there, out of the list, as nothing is
        possible; unless something has changed meanwhile."""
        with epoll.queue.queue.lock.held(rank="epoll"):
            item = keep(self.items.find_locked(epoll, key))
            with if_(item != 0):
                with if_(item.is_changed == 0):
                    self.readiness.clear_ready(epoll, item)
                with else_():
                    self.readiness.put_last(epoll, item)
            release(item)

    @function(context="thread", sleeps=True, recursion=MOST_NESTED + 1)
    def poll(self, file: Ptr[File], watcher: OrNull[Ptr[Watcher]]) -> U32:
        """Return what `PollFile` says: the file of a set can be read if one of its items is
        ready."""
        epoll, left, found = keep(cast(file.private, Ptr[Epoll])), keep(U64), local(FoundItem)
        with if_(watcher != 0):
            self.readiness.watch(epoll, watcher)
        mov(left, epoll.ready_count)
        with while_(left != 0):
            dec(left)
            break_if(~self._look_at_first(epoll, address_of(found)))
            with if_(found.events == 0):
                self._settle(epoll, found.key)
            one = scratch(found.file)
            take_over(one, "it was found with a reference")
            self.files.drop(one)
            with if_(found.events != 0):
                ret(READABLE)
        ret(0)
