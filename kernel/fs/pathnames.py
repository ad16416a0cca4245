"""Names of places, from a root on."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE
from kernel.errno import Errno
from kernel.fs.dentries import Dentries
from kernel.fs.mounts import Mounts
from kernel.fs.path import Path
from kernel.fs.paths import Paths
from pykasm import *


class PathNames(Subsystem):
    """Tells how a place is called. Context: thread."""

    def __init__(self, dentries: Dentries, mounts: Mounts, paths: Paths) -> None:
        self.dentries = dentries
        self.mounts = mounts
        self.paths = paths

    @function(context="thread")
    def write(self, path: Ptr[Path], root: Keep[Ptr[Path]], buffer: Keep[Ptr[U8]]) -> OrErrno[I64]:
        """Write the name of what is at `path`, as seen from `root`, with a zero to the end of the
        page at `buffer`. Returns where in it the name begins; -ENAMETOOLONG, or -ENOENT if it was
        removed."""
        dentry = scratch(path.dentry)
        asserts(dentry != 0)
        path = keep(path)
        fail_if(self.dentries.is_removed(dentry), Errno.ENOENT)
        tail(self.describe, path, root, buffer)

    @function(context="thread")
    def describe(
        self, path: Ptr[Path], root: Keep[Ptr[Path]], buffer: Keep[Ptr[U8]]
    ) -> OrErrno[I64]:
        """Do what `write` does, also for what was removed, by the name that it had: it is not
        nameless."""
        place, result = local(Path), keep(I64)
        mov(u64(place.mount), 0)
        mov(u64(place.dentry), 0)
        self.paths.copy(address_of(place), path)
        mov(buffer[PAGE - 1], 0)
        mov(result, self._write(address_of(place), root, buffer))
        self.paths.drop(address_of(place))
        ret(result)

    @function
    def is_nameless(self, path: Ptr[Path]) -> Bool:
        """Return whether what is at `path` never had a name."""
        dentry, mount = scratch(path.dentry), scratch(path.mount)
        asserts((dentry != 0) & (mount != 0))
        ret((dentry.parent == 0) & (dentry != mount.root))

    @function(context="thread")
    def _write(
        self, place: Keep[Ptr[Path]], root: Keep[Ptr[Path]], buffer: Keep[Ptr[U8]]
    ) -> OrErrno[I64]:
        """Go up from `place`, and write each name before what is written already."""
        offset = keep(I64)
        mov(offset, PAGE - 1)
        with while_(lambda: self._is_below(place, root)):
            dentry, mount = scratch(place.dentry), scratch(place.mount)
            asserts((dentry != 0) & (mount != 0))
            with if_(dentry == mount.root):
                break_if(~self._leave_mount(place))
                continue_()
            mov(offset, self.dentries.write_name(dentry, buffer, offset))
            with if_(offset < 0):
                ret(offset)
            self._go_up(place)
        with if_(offset == PAGE - 1):
            dec(offset)
            mov(buffer[u64(offset)], ord("/"))
        ret(offset)

    @function
    def _is_below(self, place: Ptr[Path], root: Ptr[Path]) -> Bool:
        """Return whether `place` is another place than `root`."""
        mov(rax, u64(place.dentry))
        mov(rcx, u64(place.mount))
        ret((rax != u64(root.dentry)) | (rcx != u64(root.mount)))

    @function(context="thread")
    def _leave_mount(self, place: Keep[Ptr[Path]]) -> Bool:
        """Go to where the mount of `place` is attached. Returns whether it is."""
        above = local(Path)
        mount = scratch(place.mount)
        asserts(mount != 0)
        fail_if(~self.mounts.point_of(mount, address_of(above)))
        self.paths.drop(place)
        mov(rax, above.mount)
        mov(place.mount, rax)
        mov(rax, above.dentry)
        mov(place.dentry, rax)
        ret(True)

    @function(context="thread")
    def _go_up(self, place: Keep[Ptr[Path]]) -> None:
        """Go to the directory that `place` is in."""
        dentry = scratch(place.dentry)
        asserts(dentry != 0)
        parent = self.dentries.parent_of(dentry)
        asserts(parent != 0)  # only the root of a file system has none
        xchg(place.dentry, parent)
        self.dentries.drop(parent)
