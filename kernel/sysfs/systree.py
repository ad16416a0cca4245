"""The tree that sysfs shows."""

from __future__ import annotations

from typing import Any

from kernel.fs.inode import Inode
from kernel.fs.mode import ALL_ACCESS, FileType
from kernel.fs.textfiles import ShowText
from kernel.fs.textwriter import TextWriter
from kernel.locks.spinlock import SpinLock
from kernel.mm.heap import Heap
from kernel.sysfs.sysnode import SysNode
from kernel.text.strings import Strings
from kernel.text.textbuffer import TextBuffer
from pykasm import *

DIRECTORY_MODE = FileType.DIRECTORY | 0o755
LINK_MODE = FileType.SYMLINK | ALL_ACCESS

NAME_ROOM = 64
"""Bytes of the longest name that `write_name` makes, with its end."""


class SysTree(Subsystem):
    """Directories of devices and the like, to which their drivers add files that tell of them, and
    links. Context: thread."""

    root = bss(SysNode)
    lock = bss(SpinLock)
    last_number = bss(U64, guarded_by="lock")

    def __init__(self, heap: Heap, strings: Strings, writer: TextWriter) -> None:
        self.heap = heap
        self.strings = strings
        self.writer = writer

    @function
    def start(self) -> None:
        """Begin with a root. Context: the thread that starts the kernel."""
        self._prepare(address_of(self.root), text("/"), DIRECTORY_MODE)

    @function
    def _prepare(self, node: Ptr[SysNode], name: Ptr[U8], mode: U32) -> None:
        """Make `node` one without a place."""
        node, name, mode = scratch(node), scratch(name), scratch(mode)
        zero(node)
        mov(node.name, name)
        mov(node.mode, mode)
        with self.lock.held():
            node.children.reset()
            inc(self.last_number)
            mov(rax, self.last_number)
        mov(node.number, rax)

    # Adding

    @function
    def _add(
        self, parent: Keep[Ptr[SysNode]], name: Keep[Ptr[U8]], mode: Keep[U32]
    ) -> Ptr[SysNode]:
        """Return a new node with a copy of `name`, the last one in `parent`."""
        size = keep(U64)
        xor(u32(size), u32(size))
        with while_(name[size] != 0):
            inc(size)
        inc(size)
        lea(rdi, bare[size + sizeof(SysNode)])
        room = scratch(self.heap.allocate(rdi))
        asserts(room != 0)  # the kernel does not start with so little memory
        node = keep(cast(u64(room), Ptr[SysNode]))
        disown(room, "it is there for good")
        lea(rdi, bare[u64(node) + sizeof(SysNode)])
        mov(rsi, name)
        mov(rcx, size)
        rep.movsb()
        lea(rax, bare[u64(node) + sizeof(SysNode)])
        self._prepare(node, cast(rax, Ptr[U8]), mode)
        mov(node.parent, parent)
        mov(rax, parent.subject)
        mov(node.subject, rax)
        link = scratch(address_of(node.link))
        with self.lock.held():
            mov(rax, node.number)
            mov(node.place, rax)
            parent.children.append(link)
        ret(node)

    @function
    def add_directory(self, parent: Ptr[SysNode], name: Ptr[U8]) -> Ptr[SysNode]:
        """Add an empty directory, which tells of what `parent` does until its subject is set."""
        tail(self._add, parent, name, DIRECTORY_MODE)

    @function
    def directory_at(self, parent: Keep[Ptr[SysNode]], name: Keep[Ptr[U8]]) -> Ptr[SysNode]:
        """Return the directory with this name, which is added if there is none."""
        found = self.find(parent, name)
        with if_(found != 0):
            ret(found)
        tail(self.add_directory, parent, name)

    @function
    def _add_file(
        self, directory: Ptr[SysNode], name: Ptr[U8], show: Keep[ShowText], permissions: U32
    ) -> None:
        """Add a file whose text `show` writes."""
        or_(permissions, FileType.REGULAR)
        node = self._add(directory, name, permissions)
        mov(node.show, show)

    @inline(changes=CALLER_SAVED)
    def add_files(self, directory: Ptr[SysNode], shows: dict[str, Any], mode: int = 0o444) -> None:
        """Add files by their names, each with the function that writes its text."""
        for name, show in shows.items():
            self._add_file(directory, text(name), address_of(show), mode)

    @function
    def add_link(self, directory: Ptr[SysNode], name: Ptr[U8], target: Keep[Ptr[SysNode]]) -> None:
        """Add a symbolic link that leads to `target`."""
        node = self._add(directory, name, LINK_MODE)
        mov(node.target, target)

    @inline(changes=("arguments", *CALLER_SAVED))
    def write_name(self, name: Array[U8], format: str, *arguments: object) -> None:
        """Write formatted text, which is short, and a zero to the local `name`, of NAME_ROOM
        bytes."""
        buffer, place = local(TextBuffer), scratch(U64)
        lea(place, name)
        mov(buffer.start, place)
        mov(buffer.capacity, NAME_ROOM - 1)
        release(place)
        with self.writer.into(address_of(buffer)):
            self.writer.print(format, *arguments)
        mov(rax, buffer.length)
        mov(name[rax], 0)

    # Finding

    @function
    def find(self, directory: Keep[Ptr[SysNode]], name: Keep[Ptr[U8]]) -> OrNull[Ptr[SysNode]]:
        """Return what has this name in `directory`, or null."""
        found = keep(OrNull[Ptr[SysNode]])
        xor(u32(found), u32(found))
        with (
            self.lock.held(),
            directory.children.each(SysNode, "link") as node,
            if_(self.strings.equal(node.name, name)),
        ):
            mov(found, node)
            break_()
        ret(found)

    @function
    def next(self, directory: Ptr[SysNode], place: U64) -> OrNull[Ptr[SysNode]]:
        """Return the first one in `directory` whose place is `place` or larger, or null."""
        found, place = scratch(Ptr[SysNode]), scratch(place)
        with self.lock.held():
            xor(u32(found), u32(found))
            with directory.children.each(SysNode, "link", place=scratch) as node:
                mov(rax, node.place)
                with if_(rax >= place):
                    mov(found, node)
                    break_()
        ret(found)

    @inline
    def subject_of(self, inode: Ptr[Inode]) -> U64:
        """Return what the directory of the file `inode` tells of, in a kept register."""
        node = scratch(cast(scratch(inode.private), Ptr[SysNode]))
        return keep(node.subject)
