"""Making segments of memory, and removing them once nobody has them."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE, PageShift
from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.errno import Errno
from kernel.fs.anonymousfiles import AnonymousFiles
from kernel.fs.credentials import Credentials
from kernel.fs.file import File
from kernel.fs.files import Files
from kernel.ipc.ipcobject import IpcFlag
from kernel.ipc.ipctable import IpcTable
from kernel.ipc.ipctables import IpcTables
from kernel.ipc.sharedsegment import MOST_BYTES, MOST_SEGMENTS, SharedFlag, SharedSegment
from kernel.mm.slabs import SlabCache, Slabs
from kernel.sched.scheduler import Scheduler
from kernel.signals.signaltarget import SignalTarget
from kernel.structures.alignment import round_up
from kernel.structures.list import ListHead
from kernel.sync.mutex import Mutexes
from kernel.vm.backing import Backing, BackingOperations
from kernel.vm.overcommit import Overcommit
from pykasm import *


class SharedSegments(LeakChecks):
    """What shmget(2) does, and what becomes of segments as regions come and go. Context: thread.

    The pages are those of a file without a name. Its operations for regions are its own, so that
    they are counted by the segment, too.
    """

    table = data(IpcTable, IpcTable(most=MOST_SEGMENTS))
    pages = bss(U64)
    """Of all segments, by their sizes; the table's lock guards it."""

    def __init__(
        self,
        tables: IpcTables,
        anonymous: AnonymousFiles,
        files: Files,
        overcommit: Overcommit,
        mutexes: Mutexes,
        scheduler: Scheduler,
        slabs: Slabs,
    ) -> None:
        self.tables = tables
        self.anonymous = anonymous
        self.files = files
        self.overcommit = overcommit
        self.mutexes = mutexes
        self.scheduler = scheduler
        self.records = SlabCache(slabs, "shared segment", SharedSegment)
        self.operations = rodata(
            BackingOperations,
            BackingOperations(
                get_page=files.get_page,
                find_page=files.find_page,
                gain=files.gain,
                drop=files.drop_backing,
                removals=files.count_removals,
                attach=self.attach,
                detach=self.detach,
            ),
        )
        self.leak_checks = [leak_check("shared segments", self.used_count)]

    @function
    def used_count(self) -> U64:
        """Return the number of segments."""
        mov(eax, self.table.count)
        ret(rax)

    # Making

    @function(context="thread", sleeps=True)
    def get(
        self,
        key: Keep[U32],
        size: Keep[U64],
        flags: Keep[U32],
        credentials: Keep[Ptr[Credentials]],
    ) -> OrErrno[I64]:
        """Return the id of the segment that `key` leads to, by `IpcFlag`s, `SharedFlag`s and
        permissions; one of `size` bytes that is made, where there is none or for no key. Returns
        -EINVAL, -ENOENT, -EEXIST, -EACCES, -ENOSPC or -ENOMEM."""
        result = keep(I64)
        with self.mutexes.held(self.table.lock):
            found = self.tables.find_key(address_of(self.table), key)
            with if_(found != 0):
                segment = cast(found, Ptr[SharedSegment])
                mov(result, self._check_found(segment, size, flags, credentials))
            with elif_((key != 0) & ((flags & IpcFlag.CREATE) == 0)):
                mov(result, -Errno.ENOENT)
            with else_():
                mov(result, self._create(key, size, flags, credentials))
        ret(result)

    @function
    def _check_found(
        self, segment: Ptr[SharedSegment], size: U64, flags: U32, credentials: Ptr[Credentials]
    ) -> OrErrno[I64]:
        """Decide who gets `segment`. Returns what `IpcTables.check_found` does; -EINVAL if it has
        less than `size` bytes."""
        mov(eax, flags)
        and_(eax, IpcFlag.CREATE | IpcFlag.EXCLUSIVE)
        with if_(eax != int(IpcFlag.CREATE | IpcFlag.EXCLUSIVE)):
            fail_if(size > segment.size, Errno.EINVAL)
        tail(self.tables.check_found, segment, flags, credentials)

    @function(holds="table.lock")
    def _create(
        self, key: Keep[U32], size: Keep[U64], flags: Keep[U32], credentials: Ptr[Credentials]
    ) -> OrErrno[I64]:
        """Make a segment. Returns its id, -EINVAL, -ENOSPC or -ENOMEM."""
        credentials = keep(credentials)
        # A comparison takes no constant of 64 bits
        mov(rcx, MOST_BYTES)
        fail_if((size == 0) | (size > rcx), Errno.EINVAL)
        fail_if(flags & SharedFlag.HUGE, Errno.ENOMEM)  # no pages are set apart
        # The pages come only as they are touched, so what could never be had is refused now
        with if_((flags & SharedFlag.NO_RESERVE) == 0):
            fail_if(self.overcommit.check(size) != 0, Errno.ENOMEM)
        segment = keep(try_(self._allocate(size, credentials), Errno.ENOMEM))
        errdefer(self._free, segment)
        self.tables.set_owner(segment, flags, credentials)
        id = try_(self.tables.enter(address_of(self.table), segment, key))
        disown(segment, "the table has it")
        # The table counts whole pages, though `shmctl` shows the bytes that were asked for
        round_up(size, PAGE)
        shr(size, PageShift.PAGE)
        add(self.pages, size)
        ret(id)

    @function(context="thread", sleeps=True)
    def _allocate(
        self, size: Keep[U64], credentials: Keep[Ptr[Credentials]]
    ) -> Owned[OrNull[Ptr[SharedSegment]]]:
        """Return a segment of `size` bytes, or null without memory."""
        segment = keep(try_(self.records.allocate_zeroed()))
        errdefer(self._free_record, segment)
        mov(segment.size, size)
        round_up(size, PAGE)
        file = scratch(try_(self.anonymous.memory(size, credentials)))
        lea(rax, self.operations)
        mov(file.backing.operations, rax)
        mov(file.private, u64(segment))
        mov(segment.file, file)
        mov(segment.creator, self._process())
        ret(segment)

    @function
    def _free_record(self, segment: Owned[Ptr[SharedSegment]]) -> None:
        """Free the memory of a segment without a file."""
        self.records.free(segment)

    @function(context="thread", sleeps=True)
    def _free(self, segment: Keep[Owned[Ptr[SharedSegment]]]) -> None:
        """Free a segment that nothing leads to; its file is there as long as regions have it."""
        self.files.drop(segment.file)
        self.records.free(segment)

    @function
    def _process(self) -> U32:
        """Return the number of the process that runs; 0 in a thread of the kernel."""
        thread = scratch(self.scheduler.current)
        target = scratch(cast(thread.user, OrNull[Ptr[SignalTarget]]))
        xor(eax, eax)
        with if_(target != 0):
            mov(eax, target.process_number)
        ret(eax)

    @function(holds="table.lock")
    def find(self, id: U32) -> OrNull[Ptr[SharedSegment]]:
        """Return the segment with this id, or null."""
        ret(cast(self.tables.find(address_of(self.table), id), Ptr[SharedSegment]))

    # Regions

    @function(context="thread", sleeps=True)
    def pin(
        self, id: Keep[U32], wanted: Keep[U32], credentials: Keep[Ptr[Credentials]]
    ) -> tuple[OrErrno[I64], OrNull[Ptr[SharedSegment]]]:
        """Keep the segment `id`, which is to be attached by who has `credentials` for what is
        `wanted`, until it is unpinned. Returns 0 and the segment; -EINVAL or -EACCES, and null."""
        result, segment = keep(I64), keep(OrNull[Ptr[SharedSegment]])
        with self.mutexes.held(self.table.lock):
            mov(segment, self.find(id))
            mov(result, -Errno.EINVAL)
            with if_(segment != 0):
                mov(result, self.tables.check(segment, wanted, credentials))
                with if_(result == 0):
                    # A removal from now on only marks it, so it is there when it is mapped without
                    # the lock
                    inc(segment.attachments)
        with if_(result != 0):
            ret(result, 0)
        ret(0, segment)

    @function(context="thread", sleeps=True)
    def unpin(self, segment: Keep[Ptr[SharedSegment]]) -> None:
        """Undo `pin`."""
        gone = keep(OrNull[Ptr[SharedSegment]])
        with self.mutexes.held(self.table.lock):
            mov(gone, self._leave(segment))
        with if_(gone != 0):
            # After the lock: dropping the file frees its pages, which may take long and sleep
            take_over(gone, "nobody has it")
            self._free(gone)

    @function(holds="table.lock")
    def _leave(self, segment: Keep[Ptr[SharedSegment]]) -> OrNull[Ptr[SharedSegment]]:
        """Count an attachment of `segment` less. Returns it if it goes, which is the caller's
        then, else null."""
        dec(segment.attachments)
        with if_((segment.attachments == 0) & (segment.mode & SharedFlag.REMOVED)):
            self._take_out(segment)
            ret(segment)
        ret(0)

    @function(holds="table.lock")
    def _take_out(self, segment: Keep[Ptr[SharedSegment]]) -> None:
        """Take `segment` out of the table."""
        pages = scratch(segment.size)
        round_up(pages, PAGE)
        shr(pages, PageShift.PAGE)
        sub(self.pages, pages)
        self.tables.remove(address_of(self.table), segment)

    @function(context="thread", sleeps=True)
    def attach(self, backing: Keep[Ptr[Backing]], mapped: Ptr[ListHead]) -> None:
        """Note that a region shows a segment, as `NoteRegion` says."""
        self.files.attach(backing, mapped)
        file = container_of(backing, File, "backing")
        segment = keep(cast(file.private, Ptr[SharedSegment]))
        with self.mutexes.held(self.table.lock):
            inc(segment.attachments)
            mov(segment.attached, self.tables.seconds())
            mov(segment.last, self._process())

    @function(context="thread", sleeps=True)
    def detach(self, backing: Keep[Ptr[Backing]], mapped: Ptr[ListHead]) -> None:
        """Note that it does so no longer. With the last one, a segment goes that is removed."""
        self.files.detach(backing, mapped)
        file = container_of(backing, File, "backing")
        segment = keep(cast(file.private, Ptr[SharedSegment]))
        gone = keep(OrNull[Ptr[SharedSegment]])
        with self.mutexes.held(self.table.lock):
            mov(segment.detached, self.tables.seconds())
            mov(segment.last, self._process())
            mov(gone, self._leave(segment))
        with if_(gone != 0):
            take_over(gone, "nobody has it")
            self._free(gone)

    @function(context="thread", sleeps=True)
    def remove(self, id: Keep[U32], credentials: Keep[Ptr[Credentials]]) -> OrErrno[I64]:
        """Remove the segment `id`: at once, or when nobody has it attached any more. Returns 0,
        -EINVAL or -EPERM."""
        result, gone = keep(I64), keep(OrNull[Ptr[SharedSegment]])
        xor(u32(gone), u32(gone))
        with self.mutexes.held(self.table.lock):
            mov(result, self._begin_removal(id, credentials))
            with if_(result == 0):
                segment = self.find(id)
                asserts(segment != 0)  # it was found a moment ago
                with if_(segment.attachments == 0):
                    mov(gone, segment)
                    self._take_out(gone)
        with if_(gone != 0):
            take_over(gone, "nobody has it")
            self._free(gone)
        ret(result)

    @function(holds="table.lock")
    def _begin_removal(self, id: U32, credentials: Keep[Ptr[Credentials]]) -> OrErrno[I64]:
        """Mark the segment `id` as removed, so that no key leads to it. Returns 0, -EINVAL or
        -EPERM."""
        segment = keep(try_(self.find(id), Errno.EINVAL))
        try_(self.tables.check_owner(segment, credentials))
        or_(segment.mode, SharedFlag.REMOVED)
        self.tables.hide(address_of(self.table), segment)
        ret(0)
