"""Files that are written, and files that run."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.inode import Inode
from pykasm import *


class WriteAccess(Subsystem):
    """Keeps regular files from being written while they run as programs, and the other way round
    (Linux: `get_write_access`, `deny_write_access`). Context: any."""

    @function
    def gain(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Begin to write to `inode`, until `drop`. Returns 0, or -ETXTBSY while it runs."""
        writers = scratch(I32)
        with loop():
            mov(writers, inode.writers)
            fail_if(writers < 0, Errno.ETXTBSY)
            mov(eax, writers)
            inc(writers)
            lock.cmpxchg(inode.writers, writers)
            break_if(ZF)
        ret(0)

    @function
    def drop(self, inode: Ptr[Inode]) -> None:
        """Write to `inode` no more."""
        lock.dec(inode.writers)

    @function
    def deny(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Begin to run what is in `inode`, until `allow`. Returns 0, or -ETXTBSY while somebody
        writes to it."""
        writers = scratch(I32)
        with loop():
            mov(writers, inode.writers)
            fail_if(writers > 0, Errno.ETXTBSY)
            mov(eax, writers)
            dec(writers)
            lock.cmpxchg(inode.writers, writers)
            break_if(ZF)
        ret(0)

    @function
    def allow(self, inode: Ptr[Inode]) -> None:
        """Run it no more."""
        lock.inc(inode.writers)
