"""The open files."""

from __future__ import annotations

from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.errno import Errno
from kernel.fs.credentials import Credentials
from kernel.fs.credentialstore import CredentialStore
from kernel.fs.epollitems import EpollItems
from kernel.fs.file import File, FileOperations
from kernel.fs.fileevents import FileEvents
from kernel.fs.filelocks import FileLock, FileLocks
from kernel.fs.filemappings import FileMappings
from kernel.fs.inode import is_type
from kernel.fs.mode import Access, FileType
from kernel.fs.notice import FileEvent
from kernel.fs.openflag import ACCESS_MODE, OF_OPENING, OpenFlag
from kernel.fs.pagecache import PageCache
from kernel.fs.path import Path
from kernel.fs.paths import Paths
from kernel.fs.recordlocks import RecordLocks
from kernel.fs.writeaccess import WriteAccess
from kernel.mm.slabs import SlabCache, Slabs
from kernel.paging.addresses import PhysicalAddress
from kernel.structures.list import ListHead
from kernel.vm.backing import Backing, BackingOperations
from pykasm import *


class Files(LeakChecks):
    """Makes and closes open files. Context: thread."""

    count = bss(U64)

    def __init__(
        self,
        slabs: Slabs,
        paths: Paths,
        cache: PageCache,
        mappings: FileMappings,
        credentials: CredentialStore,
        writers: WriteAccess,
        locks: FileLocks,
        parts: RecordLocks,
        items: EpollItems,
        events: FileEvents,
    ) -> None:
        self.paths = paths
        self.cache = cache
        self.mappings = mappings
        self.credentials = credentials
        self.writers = writers
        self.locks = locks
        self.parts = parts
        self.items = items
        self.events = events
        self.records = SlabCache(slabs, "open file", File)
        self.backing_operations = rodata(
            BackingOperations,
            BackingOperations(
                get_page=self.get_page,
                find_page=self.find_page,
                gain=self.gain,
                drop=self.drop_backing,
                removals=self.count_removals,
                attach=self.attach,
                detach=self.detach,
            ),
        )
        self.leak_checks = [leak_check("open files", self.used_count)]

    @function
    def used_count(self) -> U64:
        """Return the number of open files."""
        ret(self.count)

    @function(context="thread", sleeps=True)
    def open(
        self, path: Keep[Ptr[Path]], flags: Keep[U32], credentials: Keep[Ptr[Credentials]]
    ) -> tuple[OrErrno[I32], Owned[OrNull[Ptr[File]]]]:
        """Open what is at `path`, by `OpenFlag`s that were checked. Returns 0 and the open file, or
        an error and null. The file gets the references of `path`, if there is memory for it."""
        file, result = keep(self._create(path, flags, credentials)), keep(I32)
        with if_(file == 0):
            ret(-Errno.ENOMEM, 0)
        # What shows a place alone is neither read nor written: no kind is asked, no writer counted
        with if_((flags & OpenFlag.PATH) == 0):
            mov(result, self._prepare(file))
            with if_(result != 0):
                self._discard(file)
                ret(result, 0)
            with if_(self.events.are_watched()):
                self.events.note(file.path.dentry, FileEvent.OPEN)
        # They say how it is opened, and `fcntl` does not show them
        and_(file.flags, ~int(OF_OPENING))
        ret(0, file)

    @function(context="thread", sleeps=True)
    def _prepare(self, file: Keep[Ptr[File]]) -> OrErrno[I32]:
        """Prepare `file` for what it is open for. Returns 0 or an error."""
        result = keep(I32)
        try_(self._claim(file))
        operations = scratch(file.operations)
        mov(result, operations.open(file.inode, file))
        # The kind has refused it, so its `release` is not called either
        with if_(result != 0):
            self._disclaim(file)
        ret(result)

    @function
    def _claim(self, file: Ptr[File]) -> OrErrno[I32]:
        """Begin to write to a regular file, or to run it, if `file` is open for that. Returns 0,
        -ETXTBSY or -EROFS."""
        inode, file = scratch(file.inode), scratch(file)
        with if_(is_type(inode, FileType.REGULAR)):
            with if_(file.flags & OpenFlag.EXECUTE):
                tail(self.writers.deny, inode)
            with if_(file.access & Access.WRITE):
                tail(self._begin_writing, file)
        ret(0)

    @function
    def _begin_writing(self, file: Keep[Ptr[File]]) -> OrErrno[I32]:
        """Count a writer of the regular `file`, and of its mount. Returns 0, -ETXTBSY while it
        runs; -EROFS if the mount has become read-only since the name was looked up."""
        try_(self.writers.gain(file.inode))
        mount = scratch(file.path.mount)
        asserts(mount != 0)
        lock.inc(mount.writers)  # before the look at its flags, as who sets them looks at it then
        with if_(mount.is_read_only()):
            lock.dec(mount.writers)
            self.writers.drop(file.inode)
            ret(-Errno.EROFS)
        ret(0)

    @function
    def _disclaim(self, file: Ptr[File]) -> None:
        """End what `_claim` began."""
        inode, file = scratch(file.inode), scratch(file)
        with if_(is_type(inode, FileType.REGULAR)):
            with if_(file.flags & OpenFlag.EXECUTE):
                tail(self.writers.allow, inode)
            with if_(file.access & Access.WRITE):
                mount = scratch(file.path.mount)
                asserts(mount != 0)  # it was counted there
                lock.dec(mount.writers)
                tail(self.writers.drop, inode)

    @function
    def _create(
        self, path: Keep[Ptr[Path]], flags: Keep[U32], credentials: Keep[Ptr[Credentials]]
    ) -> Owned[OrNull[Ptr[File]]]:
        """Return an open file that nothing was prepared for yet, or null without memory."""
        made = keep(try_(self.records.allocate_zeroed()))
        made.references.start()
        self._set_flags(made, flags)
        credentials.references.gain()
        mov(made.credentials, credentials)
        self.paths.move(made.path, path)
        dentry = scratch(made.path.dentry)
        asserts(dentry != 0)
        inode = scratch(dentry.inode)
        asserts(inode != 0)
        mov(made.inode, inode)
        operations = scratch(cast(inode.file_operations, Ptr[FileOperations]))
        mov(made.operations, operations)
        mov(rax, operations.flags)
        mov(made.kind, eax)
        lea(rax, self.backing_operations)
        mov(made.backing.operations, rax)
        lock.inc(self.count)
        ret(made)

    @function
    def _set_flags(self, file: Ptr[File], flags: U32) -> None:
        """Set what follows from `flags`: 0 is for reading, 1 for writing, 2 for both."""
        mov(eax, flags)
        and_(eax, ACCESS_MODE)
        mov(ecx, Access.READ)
        with if_(eax == OpenFlag.WRITE_ONLY):
            mov(ecx, Access.WRITE)
        with elif_(eax != 0):
            mov(ecx, Access.READ | Access.WRITE)
        # So `read` and `write` refuse it by their usual look at the access
        with if_(flags & OpenFlag.PATH):
            xor(ecx, ecx)
        mov(file.access, ecx)
        mov(file.flags, flags)

    @function(context="thread")
    def drop(self, file: Owned[Ptr[File]]) -> None:
        """Drop a reference to `file`; close it with the last one."""
        with if_(file.references.drop()):
            tail(self.free, file)

    @function(context="thread")
    def free(self, file: Keep[Owned[Ptr[File]]]) -> None:
        """Close `file`, which nobody has any more."""
        with if_((file.flags & OpenFlag.PATH) == 0):
            # First: while it is watched, a poll may come to what `release` frees
            with if_(file.watches.next != 0):
                self.items.forget(file)
            with if_(self.events.are_watched()):
                self._note_close(file)
            operations = scratch(file.operations)
            operations.release(file)
            self._disclaim(file)
            with if_(file.lock != FileLock.NONE):
                self.locks.release(file)
            inode = scratch(file.inode)
            # All zero until the first lock, so files that nobody locks take no lock here
            with if_(inode.records.next != 0):
                self.parts.release(inode, u64(file))
        self._discard(file)

    @function(context="thread")
    def _note_close(self, file: Ptr[File]) -> None:
        """Tell who watches `file` that it is closed."""
        mov(esi, FileEvent.CLOSE_NOWRITE)
        with if_(file.access & Access.WRITE):
            mov(esi, FileEvent.CLOSE_WRITE)
        tail(self.events.note, file.path.dentry, esi)

    @function(context="thread")
    def _discard(self, file: Keep[Owned[Ptr[File]]]) -> None:
        """Free `file`, for which nothing is prepared."""
        self.paths.drop(address_of(file.path))
        self.credentials.drop(file.credentials)
        self.records.free(file)
        lock.dec(self.count)

    # As the backing of regions

    @function(context="thread", sleeps=True)
    def get_page(
        self, backing: Ptr[Backing], number: U64
    ) -> tuple[OrErrno[I32], Owned[OrNull[PhysicalAddress]]]:
        """Return the page `number` of a file, as `GetPage` says."""
        file = container_of(backing, File, "backing")
        tail(self.cache.fault, file.inode, number)

    @function
    def find_page(self, backing: Ptr[Backing], number: U64) -> Owned[OrNull[PhysicalAddress]]:
        """Return the page `number` of a file, as `FindPage` says."""
        file = container_of(backing, File, "backing")
        tail(self.cache.find_inside, file.inode, number)

    @function
    def count_removals(self, backing: Ptr[Backing]) -> U64:
        """Return how often pages of a file were removed."""
        file = container_of(backing, File, "backing")
        inode = scratch(file.inode)
        ret(inode.pages.removals)

    @function(context="thread", sleeps=True)
    def attach(self, backing: Ptr[Backing], mapped: Ptr[ListHead]) -> None:
        """Note that a region shows a file, as `NoteRegion` says."""
        file = container_of(backing, File, "backing")
        inode = scratch(file.inode)
        tail(self.mappings.attach, address_of(inode.pages), mapped)

    @function(context="thread", sleeps=True)
    def detach(self, backing: Ptr[Backing], mapped: Ptr[ListHead]) -> None:
        """Note that it shows the file no longer."""
        file = container_of(backing, File, "backing")
        inode = scratch(file.inode)
        tail(self.mappings.detach, address_of(inode.pages), mapped)

    @function(context="thread")
    def gain(self, backing: Ptr[Backing]) -> None:
        """Gain a reference to a file, for a region."""
        file = container_of(scratch(backing), File, "backing")
        file.references.gain()
        disown(file, "the region has it")

    @function(context="thread")
    def drop_backing(self, backing: Ptr[Backing]) -> None:
        """Drop that reference."""
        file = container_of(backing, File, "backing")
        take_over(file, "it was the region's")
        tail(self.drop, file)
