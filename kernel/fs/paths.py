"""References to places."""

from __future__ import annotations

from kernel.fs.dentries import Dentries
from kernel.fs.inode import Dentry
from kernel.fs.mount import Mount
from kernel.fs.mounts import Mounts
from kernel.fs.path import Path
from pykasm import *


class Paths(Subsystem):
    """Copies and drops paths. Context: thread."""

    def __init__(self, mounts: Mounts, dentries: Dentries) -> None:
        self.mounts = mounts
        self.dentries = dentries

    @function
    def copy(self, destination: Filled[Ptr[Path]], path: Ptr[Path]) -> None:
        """Make `destination`, which is nowhere, a reference to `path`."""
        mount, dentry = scratch(path.mount), scratch(path.dentry)
        with if_((mount != 0) & (dentry != 0)):
            mount.references.gain()
            mov(destination.mount, mount)
            dentry.references.gain()
            mov(destination.dentry, dentry)

    @inline(changes=rax)
    def move(self, destination: Path, path: Ptr[Path]) -> None:
        """Give the references of `path`, which is nowhere then, to `destination`, which is."""
        for name in ("mount", "dentry"):
            xor(eax, eax)
            xchg(getattr(path, name), rax)
            mov(getattr(destination, name), rax)

    @function(context="thread")
    def drop(self, path: Keep[Ptr[Path]]) -> None:
        """Drop the references of `path`, which is nowhere then."""
        dentry, mount = scratch(Ptr[Dentry]), keep(Ptr[Mount])
        xor(u32(dentry), u32(dentry))
        xchg(path.dentry, dentry)
        xor(u32(mount), u32(mount))
        xchg(path.mount, mount)
        with if_(dentry != 0):
            self.dentries.drop(dentry)
        with if_(mount != 0):
            self.mounts.drop(mount)
