"""Texts about file systems."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.inode import Inode
from kernel.fs.mount import Mount, MountFlag, MountNamespace
from kernel.fs.mountnamespaces import MountNamespaces
from kernel.fs.mounts import Mounts
from kernel.fs.path import Path
from kernel.fs.paths import Paths
from kernel.fs.superblocks import SuperBlocks
from kernel.fs.textwriter import TextWriter
from kernel.mm.pages import Pages
from kernel.paging.addresses import direct, physical_of
from kernel.proc.procentry import ProcNode
from kernel.proc.proclinks import ProcLinks
from kernel.proc.procsource import PROCESS, ProcSource, ProcText
from kernel.process.tasksearch import TaskSearch
from pykasm import *

FLAGS = (
    (MountFlag.NO_SET_USER, ",nosuid"),
    (MountFlag.NO_DEVICES, ",nodev"),
    (MountFlag.NO_EXECUTE, ",noexec"),
    (MountFlag.NO_ACCESS_TIMES, ",noatime"),
    (MountFlag.NO_DIRECTORY_TIMES, ",nodiratime"),
    (MountFlag.RELATIVE_TIMES, ",relatime"),
    (MountFlag.NO_SYMLINKS, ",nosymfollow"),
)
"""How flags are shown (mount(8))."""


class MountTexts(ProcSource):
    """Writes what is mounted where a thread sees it, and what could be. Context: thread."""

    def __init__(
        self,
        writer: TextWriter,
        links: ProcLinks,
        search: TaskSearch,
        namespaces: MountNamespaces,
        mounts: Mounts,
        paths: Paths,
        pages: Pages,
        superblocks: SuperBlocks,
    ) -> None:
        self.writer = writer
        self.links = links
        self.search = search
        self.namespaces = namespaces
        self.mounts = mounts
        self.paths = paths
        self.pages = pages
        self.superblocks = superblocks
        self.proc_files = [
            ProcText("filesystems", self.show_kinds),
            ProcText(f"{PROCESS}/mounts", self.show_mounts),
        ]

    @function
    def show_kinds(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the kinds of file systems, none of which needs a device."""
        for name in self.superblocks.kinds:
            self.writer.print(f"nodev\t{name}\n")
        ret(0)

    @function(context="thread", sleeps=True)
    def show_mounts(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write a line for each mount, as /etc/fstab has them (fstab(5))."""
        result, page = keep(I32), keep(U64)
        namespace = keep(self._namespace_of(cast(scratch(inode.private), Ptr[ProcNode])))
        with if_(namespace == 0):
            ret(0)
        mov(result, -Errno.ENOMEM)
        mov(page, self.pages.allocate_page())
        with if_(page != 0):
            direct(page)
            self._show_all(namespace, cast(page, Ptr[U8]))
            physical_of(page)
            self.pages.free_page(page)
            xor(result, result)
        self.namespaces.drop(namespace)
        ret(result)

    @function(context="thread")
    def _namespace_of(self, node: Keep[Ptr[ProcNode]]) -> Owned[OrNull[Ptr[MountNamespace]]]:
        """Return a reference to what the thread of `node` sees; null if it has ended."""
        process, found = keep(node.process), keep(OrNull[Ptr[MountNamespace]])
        asserts(process != 0)  # it is in the directory of one
        xor(u32(found), u32(found))
        with process.lock.held():
            task = self.search.find(process, node.thread)
            with if_(task != 0):
                context = scratch(task.context)
                with if_(context != 0):
                    mov(found, context.namespace)
                    found.references.gain()
        ret(found)

    @function(context="thread", sleeps=True)
    def _show_all(self, namespace: Keep[Ptr[MountNamespace]], page: Keep[Ptr[U8]]) -> None:
        """Write the mounts of `namespace`, with names by way of `page`."""
        number = keep(U64)
        xor(u32(number), u32(number))
        with loop():
            mount = self.mounts.find_from(namespace, number)
            break_if(mount == 0)
            mov(number, mount.number)
            inc(number)
            self._show(mount, page)

    @function(context="thread", sleeps=True)
    def _show(self, mount: Keep[Owned[Ptr[Mount]]], page: Keep[Ptr[U8]]) -> None:
        """Write the line of `mount`, and drop it."""
        place, root = local(Path), scratch(mount.root)
        root.references.gain()
        mov(place.dentry, root)
        mov(place.mount, mount)
        disown(mount, "the place has it")
        superblock = keep(mount.superblock)
        length = keep(self.links.describe(address_of(place), page))
        with if_(length > 0):
            self.writer.print("%s %s %s r", superblock.kind, page, superblock.kind)
            mov(ecx, ord("w"))
            with if_(mount.is_read_only()):
                mov(ecx, ord("o"))
            self.writer.print("%c", cl)
            for flag, shown in FLAGS:
                with if_(mount.flags & flag):
                    self.writer.print(shown)
            self.writer.print(" 0 0\n")
        self.paths.drop(address_of(place))
