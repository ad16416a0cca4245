"""The file system that tells of processes and of the kernel (proc(5))."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from kernel.errno import Errno
from kernel.fs.cacheddirectories import CachedDirectories
from kernel.fs.file import File, FileOperations
from kernel.fs.filedefaults import FileDefaults
from kernel.fs.filesystem import FileSystem
from kernel.fs.fixednames import FixedNames
from kernel.fs.inode import (
    Inode,
    InodeOperations,
    SuperBlock,
    SuperBlockFlag,
    SuperBlockOperations,
)
from kernel.fs.iovector import IoVector
from kernel.fs.mode import ALL_ACCESS, FileType
from kernel.fs.superblocks import SuperBlocks
from kernel.fs.textfiles import StoreText, TextFiles
from kernel.fs.textwriter import TextWriter
from kernel.proc.procaccess import ProcAccess
from kernel.proc.procdirectories import ProcDirectories
from kernel.proc.procentry import ProcEntry, ProcMembers, ProcNode, Setting
from kernel.proc.procnodes import ProcNodes
from kernel.proc.procsource import (
    PROCESS,
    THREAD,
    ProcConstant,
    ProcFile,
    ProcLink,
    ProcNumbers,
    ProcPlain,
    ProcSetting,
    ProcSource,
    ProcText,
)
from kernel.text.numbers import Numbers
from pykasm import *

MAGIC = 0x9FA0
"""What `statfs` shows (include/uapi/linux/magic.h)."""

DIRECTORY_MODE = FileType.DIRECTORY | 0o555
PRIVATE_DIRECTORY_MODE = FileType.DIRECTORY | 0o500

THREAD_PATH = f"{PROCESS}/task/{THREAD}"
"""Where each thread of a process has what processes have."""


def with_threads(files: Iterable[ProcFile]) -> dict[str, ProcFile]:
    """Return `files` by their paths; those in directories of processes stand in those of threads,
    too."""
    found = {one.path: one for one in files}
    inside = {path: one for path, one in found.items() if path.startswith(f"{PROCESS}/")}
    for path, one in inside.items():
        if not path.startswith(f"{PROCESS}/task"):
            found[THREAD_PATH + path.removeprefix(PROCESS)] = one
    return found


class Procfs(FileSystem):
    """All that sources name becomes a tree of constant entries; inodes are made of these. Nobody
    can make, remove or rename anything. Context: thread."""

    name = "proc"

    def __init__(
        self,
        superblocks: SuperBlocks,
        defaults: FileDefaults,
        cached: CachedDirectories,
        fixed: FixedNames,
        texts: TextFiles,
        nodes: ProcNodes,
        directories: ProcDirectories,
        access: ProcAccess,
        writer: TextWriter,
        numbers: Numbers,
        sources: Sequence[ProcSource],
    ) -> None:
        self.superblocks = superblocks
        superblocks.kinds.append(self.name)
        self.fixed = fixed
        self.texts = texts
        self.nodes = nodes
        self.directories = directories
        self.access = access
        self.writer = writer
        self.numbers = numbers
        self.tables: list[Any] = []
        self.operations = self._keep(InodeOperations, self._inode_operations())
        self.text_operations = self._keep(
            FileOperations,
            defaults.table(
                open=self.open_text,
                release=texts.release,
                read=texts.read,
                write=self.write_text,
                seek=cached.seek,
            ),
        )
        self.link_operations = self._keep(FileOperations, defaults.table())
        self.last_number = 0
        self.files = with_threads(file for source in sources for file in source.proc_files)
        self.root = self._keep(ProcEntry, self._directory("", "", is_private=False))
        self.superblock_operations = rodata(
            SuperBlockOperations,
            SuperBlockOperations(
                evict=nodes.evict, kind=self.name, magic=MAGIC, flags=SuperBlockFlag.UNCACHED
            ),
        )

    # The tree

    def _keep(self, kind: Any, value: Any) -> Any:
        """Return constant data."""
        table = rodata(kind, value)
        self.tables.append(table)
        return table

    def _inode_operations(self, **links: Any) -> InodeOperations:
        return self.fixed.table(
            look_up=self.directories.look_up,
            resize=self.resize,
            **links,
        )

    def _entry(self, name: str, **values: Any) -> ProcEntry:
        """Return an entry with a number of its own."""
        self.last_number += 1
        given = {"inode_operations": address_of(self.operations), **values}
        return ProcEntry(name=name, number=self.last_number, **given)

    def _directory(self, path: str, name: str, *, is_private: bool) -> ProcEntry:
        """Return an entry for the directory at `path`, with all below it."""
        start = f"{path}/" if path else ""
        below = [one.removeprefix(start) for one in self.files if one.startswith(start)]
        names = sorted({one.split("/")[0] for one in below})
        members: Any = 0
        rows = []
        for one in names:
            file = self.files.get(start + one)
            if isinstance(file, ProcNumbers):
                members = self._members(start + one, file)
            else:
                rows.append(self._child(start + one, one, file))
        children: Any = 0
        if rows:
            children = address_of(self._keep(ProcEntry * len(rows), rows))
        return self._entry(
            name,
            mode=PRIVATE_DIRECTORY_MODE if is_private else DIRECTORY_MODE,
            is_private=int(is_private),
            file_operations=address_of(self.directories.operations),
            children=children,
            count=len(rows),
            members=members,
        )

    def _child(self, path: str, name: str, file: ProcFile | None) -> ProcEntry:
        """Return an entry for what is at `path`."""
        if isinstance(file, ProcText):
            return self._entry(
                name,
                mode=FileType.REGULAR | file.mode,
                is_private=int(file.is_private),
                show=file.show,
                store=file.store,
                file_operations=address_of(self.text_operations),
            )
        if isinstance(file, ProcConstant):
            return self._entry(
                name,
                mode=FileType.REGULAR | 0o444,
                text=file.text,
                show=self._show_constant,
                file_operations=address_of(self.text_operations),
            )
        if isinstance(file, ProcSetting):
            place = address_of(file.place)
            setting = Setting(place=place, least=file.least, most=file.most)
            return self._entry(
                name,
                mode=FileType.REGULAR | 0o644,
                setting=address_of(self._keep(Setting, setting)),
                show=self._show_setting,
                store=self._store_setting,
                file_operations=address_of(self.text_operations),
            )
        if isinstance(file, ProcPlain):
            return self._entry(
                name,
                mode=FileType.REGULAR | file.mode,
                is_private=int(file.is_private),
                file_operations=address_of(file.operations),
            )
        if isinstance(file, ProcLink):
            return self._link(name, file)
        numbers = [one for one in self.files.values() if isinstance(one, ProcNumbers)]
        is_private = any(one.is_private for one in numbers if one.path.startswith(f"{path}/"))
        return self._directory(path, name, is_private=is_private)

    def _link(self, name: str, file: ProcLink) -> ProcEntry:
        operations = self._inode_operations(read_link=file.read_link, follow=file.follow)
        return self._entry(
            name,
            mode=FileType.SYMLINK | ALL_ACCESS,
            inode_operations=address_of(self._keep(InodeOperations, operations)),
            file_operations=address_of(self.link_operations),
        )

    def _members(self, path: str, file: ProcNumbers) -> Any:
        """Return the address of what finds the numbers that the last part of `path` stands for."""
        if file.member is None:
            entry = self._directory(path, "", is_private=False)
        else:
            entry = self._child(path, "", file.member)
        kept = self._keep(ProcEntry, entry)
        row = ProcMembers(
            next=file.next,
            enter=file.enter,
            entry=address_of(kept),
            has_hidden=int(file.has_hidden),
        )
        return address_of(self._keep(ProcMembers, row))

    # The file system

    @function(context="thread", sleeps=True)
    def create(
        self, source: Ptr[U8], options: Ptr[U8]
    ) -> tuple[OrErrno[I32], Owned[OrNull[Ptr[SuperBlock]]]]:
        """Make it ready for use, as `FileSystem` says. It takes no options."""
        with if_(at(options) != 0):
            ret(-Errno.EINVAL, 0)
        superblock = scratch(self._create())
        with if_(superblock == 0):
            ret(-Errno.ENOMEM, 0)
        ret(0, superblock)

    @function(context="thread", sleeps=True)
    def _create(self) -> Owned[OrNull[Ptr[SuperBlock]]]:
        """Make it ready for use; null without memory."""
        node = local(ProcNode)
        superblock = keep(try_(self.superblocks.create(address_of(self.superblock_operations))))
        errdefer(self.superblocks.drop, superblock)
        lea(rax, self.root)
        mov(node.entry, rax)
        mov(node.process, 0)
        mov(node.thread, 0)
        mov(node.file, 0)
        root = try_(self.nodes.create(superblock, address_of(node)))
        fail_if(self.superblocks.set_root(superblock, root) != 0)
        ret(superblock)

    @function(context="thread", sleeps=True)
    def open_text(self, inode: Ptr[Inode], file: Keep[Ptr[File]]) -> OrErrno[I32]:
        """Prepare a text, as `OpenFile` says; -EACCES if the task may not see it."""
        node = keep(cast(scratch(inode.private), Ptr[ProcNode]))
        try_(self.access.check(node))
        entry = scratch(node.entry)
        tail(self.texts.open, file, entry.show)

    @function
    def _show_constant(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write a text that never changes."""
        node = scratch(cast(scratch(inode.private), Ptr[ProcNode]))
        entry = scratch(node.entry)
        self.writer.print("%s\n", entry.text)
        ret(0)

    @inline(changes=rax)
    def _setting_of(self, inode: Ptr[Inode]) -> Ptr[Setting]:
        """Return the setting that `inode` tells of, in a scratch register."""
        node = scratch(cast(scratch(inode.private), Ptr[ProcNode]))
        entry = scratch(node.entry)
        setting = scratch(entry.setting)
        asserts(setting != 0)  # only such entries come here
        release(node, entry)
        return setting

    @function
    def _show_setting(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write a number that may be set."""
        place = scratch(self._setting_of(inode).place)
        self.writer.print("%u\n", place[0])
        ret(0)

    @function
    def _store_setting(self, inode: Keep[Ptr[Inode]], text: Ptr[U8]) -> OrErrno[I32]:
        """Set it to what `text`, which is changed, begins with. Returns 0, or -EINVAL if that is no
        number, or too small or too large."""
        end = scratch(text)
        with while_((at(end) != 0) & (at(end) > ord(" "))):
            inc(end)
        mov(at(end), 0)
        value, good = self.numbers.parse(text)
        fail_if(~good, Errno.EINVAL)
        value = keep(value)
        setting = self._setting_of(inode)
        fail_if((value < setting.least) | (value > setting.most), Errno.EINVAL)
        place = scratch(setting.place)
        mov(place[0], value)
        ret(0)

    @function(context="thread", sleeps=True)
    def write_text(
        self, file: Ptr[File], vector: Ptr[IoVector], position: Ptr[U64]
    ) -> OrErrno[I64]:
        """Have the source take a text, as `WriteFile` says; -EINVAL if there is nothing to set."""
        inode = scratch(file.inode)
        node = scratch(cast(inode.private, Ptr[ProcNode]))
        entry = scratch(node.entry)
        store = try_(entry.store, Errno.EINVAL)
        tail(self.texts.write, file, vector, position, cast(store, StoreText))

    @function
    def resize(self, inode: Ptr[Inode], size: U64) -> OrErrno[I32]:
        """Set a size: what a text tells is not changed by that."""
        ret(0)
