"""The page cache: contents of files in memory."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE, PageShift
from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.errno import Errno
from kernel.fs.filepages import FAN, FAN_SHIFT, FilePages, PageNode
from kernel.fs.inode import Inode
from kernel.mm.frames import frame_of, page_of
from kernel.mm.pages import Pages
from kernel.mm.slabs import SlabCache, Slabs
from kernel.paging.addresses import PhysicalAddress
from pykasm import *

NO_PAGE = (1 << 64) - 1
"""No number of a page."""

LAST_PAGE = (1 << 63 - PageShift.PAGE) - 1
"""The number of the last page that a file can have."""


class PageCache(LeakChecks):
    """Finds, adds and removes the pages of files, by their numbers in the file.

    The cache has one reference to each of its pages (`FrameUses.references`), and so has everything
    that uses one: a page table's entry, or a copy that is under way. So a page that was removed
    stays as long as somebody uses it. Context: any.
    """

    count = bss(U64)

    def __init__(self, pages: Pages, slabs: Slabs) -> None:
        self.pages = pages
        self.nodes = SlabCache(slabs, "page node", PageNode)
        self.leak_checks = [leak_check("cached pages", self.used_count)]

    @function
    def used_count(self) -> U64:
        """Return the number of pages in all caches."""
        ret(self.count)

    # Finding

    @function
    def find(self, inode: Keep[Ptr[Inode]], number: U64) -> Owned[OrNull[PhysicalAddress]]:
        """Return a reference to the page `number` of `inode`; 0 if the cache has none."""
        page = keep(PhysicalAddress)
        with inode.pages.lock.held():
            mov(page, self._find(address_of(inode.pages), number))
        ret(page)

    @function
    def find_inside(self, inode: Ptr[Inode], number: U64) -> Owned[OrNull[PhysicalAddress]]:
        """Do what `find` does, but return 0 for a page beyond the size, which may be there until it
        is removed."""
        with if_(~self._is_inside(inode, number)):
            ret(0)
        tail(self.find, inode, number)

    @function
    def find_run(
        self, inode: Keep[Ptr[Inode]], number: Keep[U64], found: Keep[Ptr[U64]], count: Keep[U64]
    ) -> None:
        """Store references to `count` pages of `inode`, the first of which is `number`, at `found`;
        0 for those that the cache has not."""
        with inode.pages.lock.held(), while_(count != 0):
            slot = scratch(self._slot(address_of(inode.pages), number))
            with if_(slot == 0):
                mov(at(found), 0)
                add(found, sizeof(U64))
                inc(number)
                dec(count)
                continue_()
            # Up to where the next page is in another node
            with do_while(lambda: (number & (FAN - 1)) != 0):
                page = scratch(at(slot))
                mov(at(found), page)
                with if_(page != 0):
                    self._gain(page)
                add(slot, sizeof(U64))
                add(found, sizeof(U64))
                inc(number)
                dec(count)
                break_if(ZF)
                release(page)
            release(slot)

    @inline(changes="page")
    def _gain(self, page: U64) -> None:
        """Gain a reference to the page with this address, a scratch register that is of no use
        then."""
        record = frame_of(page)
        record.uses.references.gain()
        disown(record, "its page stands for it")

    @function(holds="pages.lock")
    def _find(self, pages: Ptr[FilePages], number: U64) -> Owned[OrNull[PhysicalAddress]]:
        """Do what `find` does."""
        slot = self._slot(pages, number)
        with if_(slot == 0):
            ret(0)
        page = scratch(slot[0])
        with if_(page == 0):
            ret(0)
        self._gain(scratch(page))
        take_over(page, "the frame counts it")
        ret(cast(page, PhysicalAddress))

    @function(holds="pages.lock")
    def _slot(self, pages: Ptr[FilePages], number: U64) -> OrNull[Ptr[U64]]:
        """Return the slot of the page `number`; null if no node has it."""
        node = scratch(try_(pages.root))
        imul(ecx, pages.height, FAN_SHIFT)
        mov(rax, number)
        shr(rax, cl)
        fail_if(rax != 0)
        with loop():
            sub(ecx, FAN_SHIFT)
            mov(rax, number)
            shr(rax, cl)
            and_(eax, FAN - 1)
            lea(rax, node.slots[rax])
            break_if(ecx == 0)
            mov(node, cast(try_(u64[rax]), Ptr[PageNode]))
        ret(cast(rax, Ptr[U64]))

    @function
    def next(self, inode: Keep[Ptr[Inode]], number: U64) -> U64:
        """Return the number of the first page of `inode` in the cache that is `number` or a later
        one, or `NO_PAGE`."""
        found = keep(U64)
        with inode.pages.lock.held():
            mov(found, self._next(address_of(inode.pages), number))
        ret(found)

    @function(holds="pages.lock")
    def _next(self, pages: Ptr[FilePages], number: U64) -> U64:
        """Do what `next` does: go down, and wherever nothing is, begin anew behind that."""
        with loop():
            node = scratch(pages.root)
            imul(ecx, pages.height, FAN_SHIFT)
            mov(rax, number)
            shr(rax, cl)
            with if_((node == 0) | (rax != 0)):
                ret(NO_PAGE)
            with loop():
                sub(ecx, FAN_SHIFT)
                mov(rax, number)
                shr(rax, cl)
                and_(eax, FAN - 1)
                mov(node, cast(node.slots[rax], Ptr[PageNode]))
                break_if((node == 0) | (ecx == 0))
            with if_(node != 0):
                ret(number)
            # Nothing is in this subtree: go on with the first number of the next one
            shr(number, cl)
            inc(number)
            shl(number, cl)
            release(node)

    # Adding

    @function(holds="inode.lock")
    def get(
        self, inode: Ptr[Inode], number: U64
    ) -> tuple[OrErrno[I32], Owned[OrNull[PhysicalAddress]]]:
        """Return 0 and a reference to the page `number` of `inode`, one of zeros that is added if
        the cache has none; or -ENOMEM or -ENOSPC, and 0. Nothing is cut off meanwhile."""
        tail(self._get, inode, number, False)

    @function
    def fault(
        self, inode: Ptr[Inode], number: U64
    ) -> tuple[OrErrno[I32], Owned[OrNull[PhysicalAddress]]]:
        """Return 0 and a reference to the page `number` of `inode` for a page table. What the cache
        lacks is added within the size of the file. Returns -ENXIO beyond that, or where the file
        system is full, and programs get SIGBUS; -ENOMEM."""
        result, page = self._get(inode, number, True)
        with if_(result == -Errno.ENOSPC):
            ret(-Errno.ENXIO, page)
        ret(result, page)

    @function
    def _get(
        self, inode: Keep[Ptr[Inode]], number: Keep[U64], limited: Keep[U32]
    ) -> tuple[OrErrno[I32], Owned[OrNull[PhysicalAddress]]]:
        """Return 0 and a reference to a page that there is or that is added; with `limited`, not
        beyond the size."""
        result = keep(I32)
        with loop():
            with if_((limited != 0) & (lambda: ~self._is_inside(inode, number))):
                ret(-Errno.ENXIO, 0)
            page = self.find(inode, number)
            # Another thread may add one after this look, of which -EEXIST tells, and it may be
            # taken out before the next: then all begins anew
            with if_(page != 0):
                ret(0, page)
            mov(result, self._add_zeroed(inode, number, limited))
            with if_((result != 0) & (result != -Errno.EEXIST)):
                ret(result, 0)

    @inline(changes=rax)
    def _is_inside(self, inode: Ptr[Inode], number: U64) -> Condition:
        """Return whether the file has some of the page `number`."""
        mov(rax, inode.size)
        add(rax, PAGE - 1)
        shr(rax, PageShift.PAGE)
        return rax > number

    @function
    def _add_zeroed(
        self, inode: Keep[Ptr[Inode]], number: Keep[U64], limited: Keep[U32]
    ) -> OrErrno[I32]:
        """Add a page of zeros. Returns 0, -ENOMEM; -ENOSPC if the file system has as many as it
        may; -EEXIST if there is one, -ENXIO where `limited` forbids it."""
        result = keep(I32)
        try_(self._count(inode))
        mov(result, self._add_counted(inode, number, limited))
        with if_(result != 0):
            self._uncount(inode)
        ret(result)

    @function
    def _count(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Count one more page of the file system of `inode`. Returns 0 or -ENOSPC."""
        superblock = scratch(inode.superblock)
        # Counted before there is one, so that of two who want the last page one is refused
        mov(eax, 1)
        lock.xadd(superblock.pages, rax)
        with if_(rax >= superblock.most_pages):
            lock.dec(superblock.pages)
            fail(Errno.ENOSPC)
        ret(0)

    @inline
    def _uncount(self, inode: Ptr[Inode]) -> None:
        """Count one page less."""
        superblock = scratch(inode.superblock)
        lock.dec(superblock.pages)
        release(superblock)

    @function
    def _add_counted(
        self, inode: Keep[Ptr[Inode]], number: Keep[U64], limited: Keep[U32]
    ) -> OrErrno[I32]:
        """Add a page of zeros that is counted already."""
        page, result = keep(try_(self.pages.allocate_zeroed(), Errno.ENOMEM)), keep(I32)
        errdefer(self.pages.free_page, page)
        frame = scratch(page)
        frame_of(frame).uses.references.start()
        release(frame)
        # Once more under the lock: who cuts a file off sets its size first and then takes pages out
        # under this lock, so that none comes behind the new end
        mov(result, -Errno.ENXIO)
        with inode.pages.lock.held(), if_((limited == 0) | self._is_inside(inode, number)):
            mov(result, self._add(address_of(inode.pages), number, page))
        try_(result)
        disown(page, "the cache has it")
        lock.inc(self.count)
        ret(0)

    @function(holds="pages.lock")
    def _add(self, pages: Keep[Ptr[FilePages]], number: Keep[U64], page: Keep[U64]) -> OrErrno[I32]:
        """Enter the physical address `page` as the page `number`. Returns 0, -ENOMEM or -EEXIST."""
        node, shift = keep(try_(self._grow(pages, number), Errno.ENOMEM)), keep(U32)
        imul(shift, pages.height, FAN_SHIFT)
        with loop():
            sub(shift, FAN_SHIFT)
            mov(rax, number)
            mov(ecx, shift)
            shr(rax, cl)
            and_(eax, FAN - 1)
            break_if(shift == 0)
            child = self._child(node, eax)
            with if_(child == 0):
                # Nodes above may have been made for this page alone
                self._prune(pages, node)
                ret(-Errno.ENOMEM)
            mov(node, child)
        fail_if(node.slots[rax] != 0, Errno.EEXIST)
        mov(node.slots[rax], page)
        inc(node.count)
        inc(pages.count)
        ret(0)

    @function(holds="pages.lock")
    def _grow(self, pages: Keep[Ptr[FilePages]], number: Keep[U64]) -> OrNull[Ptr[PageNode]]:
        """Make the tree high enough for the page `number`. Returns its root, null without
        memory."""
        with loop():
            root = keep(pages.root)
            with if_(root == 0):
                tail(self._plant, pages, number)
            imul(ecx, pages.height, FAN_SHIFT)
            mov(rax, number)
            shr(rax, cl)
            with if_(rax == 0):
                ret(root)
            # The root becomes the first child of another one, as all its numbers begin with zeros
            # there
            above = scratch(try_(self._new_node()))
            disown(above, "the tree has it")
            mov(above.slots[0], root)
            mov(above.count, 1)
            mov(root.parent, above)
            mov(pages.root, above)
            inc(pages.height)
            release(root)

    @function(holds="pages.lock")
    def _plant(self, pages: Keep[Ptr[FilePages]], number: Keep[U64]) -> OrNull[Ptr[PageNode]]:
        """Begin a tree that is high enough for the page `number`, with nothing where smaller
        numbers would be. Returns its root, null without memory."""
        root = keep(try_(self._new_node()))
        disown(root, "the tree has it")
        mov(pages.root, root)
        with loop():
            inc(pages.height)
            imul(ecx, pages.height, FAN_SHIFT)
            mov(rax, number)
            shr(rax, cl)
            break_if(rax == 0)
        ret(root)

    @function
    def _child(self, node: Keep[Ptr[PageNode]], place: Keep[U32]) -> OrNull[Ptr[PageNode]]:
        """Return the node that the slot `place` of `node`, an inner one, leads to, a new one if it
        leads nowhere; null without memory."""
        child = scratch(cast(node.slots[place], OrNull[Ptr[PageNode]]))
        with if_(child != 0):
            ret(child)
        made = scratch(try_(self._new_node()))
        disown(made, "the tree has it")
        mov(made.parent, node)
        mov(made.place, place)
        mov(node.slots[place], made)
        inc(node.count)
        ret(made)

    @function
    def _new_node(self) -> Owned[OrNull[Ptr[PageNode]]]:
        """Return a node without anything in it, or null without memory."""
        ret(self.nodes.allocate_zeroed())

    # Removing

    @function(context="any")
    def drop(self, page: Owned[PhysicalAddress]) -> None:
        """Drop a reference to a page."""
        disown(page, "its record stands for it")
        frame = frame_of(page)
        take_over(frame, "it is the page's")
        with if_(frame.uses.references.drop()):
            tail(self.pages.free_page, page_of(frame))

    @function(context="any")
    def drop_run(self, found: Keep[Ptr[U64]], count: Keep[U64]) -> None:
        """Drop what `find_run` has stored at `found`: at least one."""
        with do_while(lambda: ~ZF):
            page = scratch(at(found))
            with if_(page != 0):
                frame = frame_of(page)
                take_over(frame, "it is the page's")
                with if_(frame.uses.references.drop()):
                    self.pages.free_page(page_of(frame))
            add(found, sizeof(U64))
            dec(count)

    @function
    def remove(self, inode: Keep[Ptr[Inode]], number: U64) -> Bool:
        """Remove the page `number` of `inode`. Returns whether there was one."""
        page = keep(U64)
        with inode.pages.lock.held():
            mov(page, self._remove(address_of(inode.pages), number))
        fail_if(page == 0)
        lock.dec(self.count)
        self._uncount(inode)
        self.drop(cast(page, PhysicalAddress))
        ret(True)

    @function(holds="pages.lock")
    def _remove(self, pages: Keep[Ptr[FilePages]], number: Keep[U64]) -> U64:
        """Take the page `number` out of the tree, with nodes that become empty. Returns its
        physical address, or 0 if there is none."""
        page = keep(U64)
        slot = scratch(self._slot(pages, number))
        with if_(slot == 0):
            ret(0)
        mov(page, slot[0])
        with if_(page == 0):
            ret(0)
        mov(slot[0], 0)
        dec(pages.count)
        # From the slot back to its node
        and_(number, FAN - 1)
        shl(number, 3)
        sub(u64(slot), number)  # the node begins with its slots
        node = scratch(cast(slot, Ptr[PageNode]))
        dec(node.count)
        self._prune(pages, node)
        ret(page)

    @function(holds="pages.lock")
    def _prune(self, pages: Keep[Ptr[FilePages]], node: Keep[Ptr[PageNode]]) -> None:
        """Free `node` if it is empty, and those above that become so."""
        parent, place = keep(OrNull[Ptr[PageNode]]), keep(U32)
        with while_(node.count == 0):
            mov(parent, node.parent)
            mov(place, node.place)
            take_over(node, "the tree had it")
            self._free_node(node)
            with if_(parent == 0):
                mov(pages.root, 0)
                mov(pages.height, 0)
                ret()
            mov(parent.slots[place], 0)
            dec(parent.count)
            mov(node, parent)

    @function
    def _free_node(self, node: Owned[Ptr[PageNode]]) -> None:
        """Free a node that nothing leads to."""
        self.nodes.free(node)

    @function
    def truncate(self, inode: Keep[Ptr[Inode]], number: Keep[U64]) -> U64:
        """Remove all pages of `inode` from `number` on. Returns how many there were. The size is
        less already, so that nobody adds any."""
        removed = keep(U64)
        xor(u32(removed), u32(removed))
        with loop():
            mov(number, self.next(inode, number))
            break_if(number == NO_PAGE)
            with if_(self.remove(inode, number)):
                inc(removed)
        ret(removed)
