"""What processes leave behind that signals end."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE
from kernel.fs.credentialstore import CredentialStore
from kernel.fs.files import Files
from kernel.fs.fscontexts import FsContexts
from kernel.fs.openflag import OpenFlag
from kernel.fs.opening import Opening
from kernel.fs.paths import Paths
from kernel.fs.removal import Removal
from kernel.mm.pages import Pages
from kernel.mm.slabs import SlabCache, Slabs
from kernel.paging.addresses import direct, physical_of
from kernel.process.coredump import CoreDump
from kernel.process.corefiles import CoreFiles
from kernel.process.corenames import CoreNames
from kernel.process.corerests import CoreRests
from kernel.process.dumpsettings import Dumpable
from kernel.process.limits import Resource
from kernel.process.parentreports import DUMPED
from kernel.process.task import Task
from kernel.sched.thread import Interruption
from kernel.vm.addressspaces import AddressSpaces
from pykasm import *

LEAST_LIMIT = PAGE
"""Bytes that a core file has to be allowed (Linux: min_coredump of binfmt_elf)."""

MODE = 0o600
OPENED = (OpenFlag.CREATE | OpenFlag.EXCLUSIVE | OpenFlag.READ_WRITE) | (
    OpenFlag.NO_FOLLOW | OpenFlag.LARGE_FILE
)
"""How a core file is opened. It is always a new one: nobody has it open already, or has chosen
where it lies by a link."""


class CoreDumps(Subsystem):
    """Has a process leave its memory in a file (core(5)), unless something speaks against that: it
    ends then without. Context: thread."""

    def __init__(
        self,
        rests: CoreRests,
        names: CoreNames,
        core_files: CoreFiles,
        removal: Removal,
        opening: Opening,
        files: Files,
        contexts: FsContexts,
        paths: Paths,
        spaces: AddressSpaces,
        credentials: CredentialStore,
        pages: Pages,
        slabs: Slabs,
    ) -> None:
        self.rests = rests
        self.names = names
        self.core_files = core_files
        self.removal = removal
        self.opening = opening
        self.files = files
        self.contexts = contexts
        self.paths = paths
        self.spaces = spaces
        self.credentials = credentials
        self.pages = pages
        self.records = SlabCache(slabs, "core dump", CoreDump)

    @function(context="thread", sleeps=True)
    def leave(self, task: Keep[Ptr[Task]]) -> None:
        """Write a core file for the process of `task`, the thread that runs and has got the signal
        `task.forced`, as soon as all others rest; and note that for who waits for the process."""
        process, thread, group = keep(task.process), keep(task.thread), keep(task.group)
        with if_(
            (process.dumpable == Dumpable.NEVER)
            | (process.limits[Resource.CORE].soft < LEAST_LIMIT)
        ):
            ret()
        with if_(~self.rests.gather(task)):
            ret()
        is_written = keep(self._dump(task))
        with (
            group.lock.held(),
            if_((is_written != 0) & ((thread.pending & Interruption.KILL) == 0)),
        ):
            or_(group.deadly, DUMPED)

    @function(context="thread", sleeps=True)
    def _dump(self, task: Keep[Ptr[Task]]) -> Bool:
        """Write it. Returns whether there is a core file, though perhaps not all of it."""
        dump, page, done = keep(try_(self.records.allocate())), keep(U64), keep(U32)
        xor(done, done)
        mov(page, self.pages.allocate_page())
        with if_(page != 0):
            direct(page)
            zero(dump)
            mov(dump.page, cast(page, Ptr[U8]))
            self._describe(dump, task)
            mov(done, self._open_as_who(dump))
            with if_(done != 0):
                self._write(dump)
            physical_of(page)
            self.pages.free_page(page)
        self.records.free(dump)
        ret(done != 0)

    @function(context="thread", sleeps=True)
    def _describe(self, dump: Ptr[CoreDump], task: Ptr[Task]) -> None:
        """Note in `dump` whose it is."""
        dump, task = scratch(dump), scratch(task)
        process, space = scratch(task.process), scratch(task.space)
        asserts(space != 0)  # its program has just run there
        mov(dump.task, task)
        mov(dump.process, process)
        mov(dump.space, space)
        mov(rax, process.limits[Resource.CORE].soft)
        mov(dump.left, rax)
        for name in ("credentials", "context"):
            mov(rax, getattr(task, name))
            mov(getattr(dump.subject, name), rax)

    @function(context="thread", sleeps=True)
    def _open_as_who(self, dump: Keep[Ptr[CoreDump]]) -> Bool:
        """Open the file of `dump`, as root if only root may look into the process. Returns whether
        there is one."""
        process = scratch(dump.process)
        with if_(process.dumpable != Dumpable.FOR_ROOT):
            tail(self._open, dump)
        release(process)
        copy, done = keep(try_(self.credentials.copy(scratch(dump.subject.credentials)))), keep(U32)
        mov(copy.fs_user, 0)
        mov(dump.subject.credentials, copy)
        mov(done, self._open(dump))
        self.credentials.drop(copy)
        ret(done != 0)

    @function(context="thread", sleeps=True)
    def _open(self, dump: Keep[Ptr[CoreDump]]) -> Bool:
        """Open the file of `dump`, instead of one that has its name. Returns whether it is open."""
        name = keep(U64)
        self.contexts.get_root(dump.subject.context, address_of(dump.root))
        mov(name, self.pages.allocate_page())
        with if_(name != 0):
            direct(name)
            with if_(self.names.make(dump, cast(name, Ptr[U8]))):
                self._open_name(dump, cast(name, Ptr[U8]))
            physical_of(name)
            self.pages.free_page(name)
        with if_(dump.file == 0):
            self.paths.drop(address_of(dump.root))
        ret(dump.file != 0)

    @function(context="thread", sleeps=True)
    def _open_name(self, dump: Keep[Ptr[CoreDump]], name: Keep[Ptr[U8]]) -> None:
        """Open the file `name` for `dump`, if that can be. For root nothing is removed, and where
        the program is does not matter."""
        process, subject = scratch(dump.process), keep(address_of(dump.subject))
        with if_(process.dumpable == Dumpable.FOR_ROOT), if_(at(name) != ord("/")):
            ret()
        with else_():
            ignore(self.removal.unlink(subject, 0, name), "opening tells what is wrong")
        failed, file = self.opening.open(subject, 0, name, OPENED, MODE)
        ignore(failed, "it ends without a file then")
        mov(dump.file, file)

    @function(context="thread", sleeps=True)
    def _write(self, dump: Keep[Ptr[CoreDump]]) -> None:
        """Write all of `dump`, and close its file."""
        self.core_files.write(dump)
        file = scratch(dump.file)
        asserts(file != 0)  # it was opened
        self.files.drop(file)
        self.paths.drop(address_of(dump.root))
