"""What happens to files, told to who watches them."""

from __future__ import annotations

from kernel.fs.dentries import Dentries
from kernel.fs.inode import NAME_MAX, Dentry, Inode, is_type
from kernel.fs.mode import FileType
from kernel.fs.namekey import NameKey
from kernel.fs.notice import FileEvent, Happening
from kernel.fs.notices import Notices
from kernel.mm.heap import Heap
from pykasm import *


class FileEvents(Subsystem):
    """Tells `Notices` what is done with files and names. Who does it asks `are_watched` first:
    mostly nothing is watched anywhere. Context: thread."""

    def __init__(self, dentries: Dentries, notices: Notices, heap: Heap) -> None:
        self.dentries = dentries
        self.heap = heap
        self.notices = notices

    @inline
    def are_watched(self) -> Condition:
        """Return the condition that some files are watched."""
        return self.notices.watch_count != 0

    @function(context="thread")
    def note(self, dentry: OrNull[Ptr[Dentry]], mask: U32) -> None:
        """Tell who watches what is at `dentry`, or the directory that it lies in, a `FileEvent`."""
        happening = local(Happening)
        asserts(dentry != 0)
        entry = keep(cast(dentry, Ptr[Dentry]))
        inode = keep(entry.inode)
        asserts(inode != 0)
        self._begin(happening, inode, mask)
        parent = keep(self.dentries.parent_of(entry))
        with if_(parent != 0):
            self._note_in(parent, entry, address_of(happening))
            self.dentries.drop(parent)
        mov(u64(happening.text), 0)
        mov(happening.length, 0)
        mov(happening.is_unlinked, 0)
        self.notices.tell(inode, address_of(happening))

    @function(context="thread")
    def _note_in(
        self, parent: Keep[Ptr[Dentry]], entry: Keep[Ptr[Dentry]], happening: Keep[Ptr[Happening]]
    ) -> None:
        """Tell who watches the directory `parent`, in which `entry` lies. Its name is copied to
        where stacks need not be that deep; without memory they are told that something is
        missing."""
        with if_(self.dentries.is_removed(entry)):
            mov(happening.is_unlinked, 1)
        mov(happening.length, -1)
        name = keep(self.heap.allocate(NAME_MAX + 1))
        with if_(name != 0):
            start = self.dentries.write_name(entry, cast(name, Ptr[U8]), NAME_MAX + 1)
            with if_(start >= 0):  # there is room for all
                inc(start)
                lea(rcx, bare[name + start])
                mov(u64(happening.text), rcx)
                neg(start)
                add(start, NAME_MAX + 1)
                mov(happening.length, u32(start))
        directory = scratch(parent.inode)
        asserts(directory != 0)
        self.notices.tell(directory, happening)
        self.heap.free(name)

    @inline(changes=(rax, "mask"))
    def _begin(self, happening: Happening, inode: Ptr[Inode], mask: U32) -> None:
        """Begin to tell what happens to `inode`."""
        mov(u64(happening.text), 0)
        mov(happening.length, 0)
        mov(happening.is_unlinked, 0)
        mov(happening.cookie, 0)
        with if_(is_type(inode, FileType.DIRECTORY)):
            or_(mask, FileEvent.DIRECTORY)
        mov(happening.mask, mask)

    @function(context="thread")
    def note_self(self, inode: Ptr[Inode], mask: U32) -> None:
        """Tell who watches `inode` itself."""
        happening = local(Happening)
        inode = scratch(inode)
        self._begin(happening, inode, mask)
        self.notices.tell(inode, address_of(happening))

    @function(context="thread")
    def note_name(
        self,
        directory: Ptr[Inode],
        key: Ptr[NameKey],
        inode: OrNull[Ptr[Inode]],
        mask: U32,
        cookie: U32,
    ) -> None:
        """Tell who watches `directory` of the name of `key` there, which stands for `inode`; with a
        `cookie` if it moves, else 0."""
        happening = local(Happening)
        asserts(inode != 0)
        directory = scratch(directory)
        self._begin(happening, cast(inode, Ptr[Inode]), mask)
        mov(happening.cookie, cookie)
        mov(rax, key.text)
        mov(u64(happening.text), rax)
        mov(rax, key.length)
        mov(happening.length, eax)
        self.notices.tell(directory, address_of(happening))

    @inline(changes=CALLER_SAVED)
    def forget(self, inode: Ptr[Inode]) -> None:
        """Tell who watches `inode` that it is gone."""
        self.notices.forget(inode)

    @function
    def next_cookie(self) -> U32:
        """Return a number for the two halves of a move."""
        mov(eax, 1)
        lock.xadd(self.notices.next_cookie, eax)
        inc(eax)
        ret(eax)
