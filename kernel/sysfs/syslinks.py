"""The symbolic links of sysfs."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE
from kernel.errno import Errno
from kernel.fs.inode import Inode, Place
from kernel.sysfs.sysnode import SysNode
from pykasm import *

UP = "../"


class SysLinks(Subsystem):
    """Tells where links lead, seen from their own directories, so that they hold wherever sysfs is
    mounted. Context: thread."""

    @function
    def follow(self, inode: Ptr[Inode], place: Ptr[Place]) -> OrErrno[I32]:
        """Have the walk go along the text."""
        ret(1)

    @function(context="thread")
    def read(self, inode: Ptr[Inode], page: Keep[Ptr[U8]]) -> OrErrno[I64]:
        """Write the text, as `ReadLink` says: up to the lowest directory above both, and down from
        there. Returns the length, or -ENAMETOOLONG."""
        node, above, length = keep(Ptr[SysNode]), keep(OrNull[Ptr[SysNode]]), keep(U64)
        mov(node, cast(scratch(inode.private), Ptr[SysNode]))
        target = keep(node.target)
        asserts(target != 0)  # it is a link
        mov(above, node.parent)
        xor(u32(length), u32(length))
        with while_(lambda: (above != 0) & (lambda: ~self._is_below(target, above))):
            for character in UP.encode():
                mov(page[length], character)
                inc(length)
            mov(above, above.parent)
        ret(self._write_way(page, length, above, target))

    @function
    def _is_below(self, node: OrNull[Ptr[SysNode]], directory: OrNull[Ptr[SysNode]]) -> Bool:
        """Return whether `node` lies in `directory`, or in one that does."""
        with while_(node != 0):
            mov(node, node.parent)
            with if_(node == directory):
                ret(True)
        ret(False)

    @function
    def _write_way(
        self,
        page: Keep[Ptr[U8]],
        start: Keep[U64],
        above: OrNull[Ptr[SysNode]],
        target: Ptr[SysNode],
    ) -> OrErrno[I64]:
        """Write the names from below `above` down to `target` from the offset `start` of `page` on,
        and a zero. Returns the length of all, or -ENAMETOOLONG."""
        end, node = scratch(U64), scratch(OrNull[Ptr[SysNode]])
        mov(end, PAGE - 1)
        mov(page[end], 0)
        mov(node, target)
        with while_((node != 0) & (node != above)):
            name, length = scratch(node.name), scratch(U64)
            xor(u32(length), u32(length))
            with while_(name[length] != 0):
                inc(length)
            lea(rax, bare[start + length + 2])
            fail_if(rax > end, Errno.ENAMETOOLONG)
            with if_(end != PAGE - 1):
                dec(end)
                mov(page[end], ord("/"))
            sub(end, length)
            with while_(length != 0):
                dec(length)
                mov(al, name[length])
                lea(rcx, page[end])
                mov(u8[rcx + length], al)
            release(name, length)
            mov(node, node.parent)
        lea(rsi, page[end])
        lea(rdi, page[start])
        mov(ecx, PAGE)
        sub(rcx, end)
        lea(rax, bare[start + rcx - 1])
        rep.movsb()
        ret(i64(rax))
