"""Where names of pseudo-terminals are mounted."""

from __future__ import annotations

from kernel.fs.dentries import Dentries
from kernel.fs.file import File
from kernel.fs.inode import SuperBlock
from kernel.fs.mount import Mount
from kernel.fs.mounts import Mounts
from kernel.fs.namekey import NameKey
from kernel.fs.path import Path
from kernel.fs.paths import Paths
from kernel.pty.pseudoterminal import DevptsInstance
from pykasm import *

MAGIC = 0x1CD1
"""What `statfs` shows (include/uapi/linux/magic.h)."""


class PtyMounts(Subsystem):
    """Finds the file system that belongs to an open `ptmx`. Context: thread."""

    def __init__(self, dentries: Dentries, mounts: Mounts, paths: Paths) -> None:
        self.dentries = dentries
        self.mounts = mounts
        self.paths = paths

    @inline(changes=rax)
    def is_one(self, mount: Ptr[Mount]) -> Condition:
        """Return whether `mount` shows names of pseudo-terminals."""
        mov(rax, mount.superblock)
        mov(rax, cast(rax, Ptr[SuperBlock]).magic)
        return rax == MAGIC

    @function
    def instance_of(self, superblock: Ptr[SuperBlock]) -> Ptr[DevptsInstance]:
        """Return what `superblock`, such a file system, has besides."""
        root = scratch(superblock.root)
        asserts(root != 0)
        inode = scratch(root.inode)
        asserts(inode != 0)
        ret(cast(inode.private, Ptr[DevptsInstance]))

    @function(context="thread")
    def drop(self, mount: Owned[Ptr[Mount]]) -> None:
        """Drop what `find` has returned."""
        tail(self.mounts.drop, mount)

    @function(context="thread")
    def find(self, file: Keep[Ptr[File]]) -> Owned[OrNull[Ptr[Mount]]]:
        """Return a reference to the mount in which the slave of `file` has its name: that of
        `file`, or what is mounted on `pts` in the directory where that is; null if it is of another
        kind. Who may open `ptmx` may do so, whatever is allowed in the directory."""
        mount = scratch(file.path.mount)
        asserts(mount != 0)  # it was opened by a name
        with if_(self.is_one(mount)):
            mount.references.gain()
            ret(mount)
        found = keep(try_(self._beside(address_of(file.path))))
        with if_(~self.is_one(found)):
            self.mounts.drop(found)
            ret(0)
        ret(found)

    @function(context="thread")
    def _beside(self, path: Keep[Ptr[Path]]) -> Owned[OrNull[Ptr[Mount]]]:
        """Return a reference to what is mounted on `pts` in the directory of `path`, or null."""
        above, found = local(Path), keep(OrNull[Ptr[Mount]])
        self._clear(above)
        self.paths.copy(address_of(above), path)
        xor(u32(found), u32(found))
        with if_(self._leave_files(address_of(above))):
            mov(found, self._find(address_of(above)))
        self.paths.drop(address_of(above))
        ret(found)

    @inline(changes=rax)
    def _clear(self, path: Path) -> None:
        """Make `path` nowhere."""
        xor(eax, eax)
        mov(u64(path.mount), rax)
        mov(u64(path.dentry), rax)

    @function(context="thread")
    def _leave_files(self, path: Keep[Ptr[Path]]) -> Bool:
        """Go from a file that is mounted by itself to the place where it is mounted. Returns
        whether `path` is in a directory then."""
        above = local(Path)
        with loop():
            mount = scratch(path.mount)
            asserts(mount != 0)
            mov(rax, mount.root)
            with if_(path.dentry != rax):
                ret(True)
            self._clear(above)
            attached = self.mounts.point_of(mount, address_of(above))
            with if_(~attached):
                ret(False)
            self.paths.drop(path)
            self.paths.copy(path, address_of(above))
            self.paths.drop(address_of(above))

    @function(context="thread")
    def _find(self, path: Ptr[Path]) -> Owned[OrNull[Ptr[Mount]]]:
        """Return a reference to what is mounted on `pts` beside `path`, or null."""
        key, mount, found = local(NameKey), keep(path.mount), keep(OrNull[Ptr[Mount]])
        dentry = scratch(path.dentry)
        asserts((mount != 0) & (dentry != 0))
        parent = keep(try_(self.dentries.parent_of(dentry)))
        mov(key.parent, parent)
        mov(key.text, text("pts"))
        key.measure()
        point = keep(self.dentries.find(address_of(key)))
        self.dentries.drop(parent)
        with if_(point == 0):
            ret(0)
        mov(found, self.mounts.child_at(mount, point))
        self.dentries.drop(point)
        with while_(found != 0):  # and what is mounted on that
            upper = self.mounts.child_at(found, found.root)
            break_if(upper == 0)
            xchg(found, upper)
            self.mounts.drop(upper)
        ret(found)
