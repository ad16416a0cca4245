"""Regular files, which are read and written in the page cache."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE, PageShift
from kernel.errno import Errno
from kernel.fs.file import File, FileKindFlag, FileOperations, Whence
from kernel.fs.filedefaults import FileDefaults
from kernel.fs.filemappings import FileMappings
from kernel.fs.inode import Inode
from kernel.fs.inodes import Inodes
from kernel.fs.iovector import IoVector
from kernel.fs.iovectors import IoVectors
from kernel.fs.mode import SET_IDS
from kernel.fs.openflag import OpenFlag
from kernel.fs.pagecache import NO_PAGE, PageCache
from kernel.fs.permissions import Permissions
from kernel.fs.seal import NO_WRITES, Seal
from kernel.paging.addresses import direct
from kernel.signals.ownsignals import OwnSignals
from kernel.signals.signalnumber import Signal
from kernel.sync.mutex import Mutexes
from kernel.vm.region import Region, RegionFlags
from kernel.vm.rights import Rights
from pykasm import *

RUN = 16
"""Pages that are found at once, for who reads many."""

LARGEST = (1 << 63) - 1
"""Bytes that a file can have."""


class CachedFiles(Subsystem):
    """What is done with open regular files. Pages that the cache lacks are holes: they are full of
    zeros. Context: thread."""

    hole = rodata(U8 * PAGE, [0] * PAGE, align=PAGE)

    def __init__(
        self,
        defaults: FileDefaults,
        cache: PageCache,
        mappings: FileMappings,
        vectors: IoVectors,
        inodes: Inodes,
        mutexes: Mutexes,
        own_signals: OwnSignals,
        permissions: Permissions,
    ) -> None:
        self.cache = cache
        self.mappings = mappings
        self.vectors = vectors
        self.inodes = inodes
        self.mutexes = mutexes
        self.own_signals = own_signals
        self.permissions = permissions
        self.operations = rodata(
            FileOperations,
            defaults.table(
                flags=FileKindFlag.STORED,
                read=self.read,
                write=self.write,
                seek=self.seek,
                map=self.map,
            ),
        )

    @function(context="thread", sleeps=True)
    def read(
        self, file: Ptr[File], vector: Keep[Ptr[IoVector]], position: Keep[Ptr[U64]]
    ) -> OrErrno[I64]:
        """Read as `ReadFile` says. Returns -EFAULT if not a single byte could be copied."""
        inode, start = keep(file.inode), local(U64)
        mov(rax, at(position))
        mov(start, rax)
        with loop():
            left = keep(self._left(inode.size, at(position), vector.left))
            break_if(left == 0)
            copied = self._read_run(inode, at(position), vector, left)
            break_if(copied == 0)
            add(at(position), copied)
        mov(rax, at(position))
        sub(rax, start)
        fail_if((rax == 0) & (left != 0), Errno.EFAULT)
        ret(i64(rax))

    @function
    def _left(self, end: U64, position: U64, wanted: U64) -> U64:
        """Return how many of the `wanted` bytes from `position` on lie before `end`."""
        mov(rax, end)
        sub(rax, position)
        with if_(CF):
            ret(0)
        with if_(rax > wanted):
            mov(rax, wanted)
        ret(rax)

    @function
    def _chunk(self, end: U64, position: U64, left: U64) -> U64:
        """Return how many of the bytes from `position` on lie in one page, before `end`, and among
        `left` ones."""
        mov(rax, end)
        sub(rax, position)
        with if_(CF):
            ret(0)
        # Minus the distance to the end of the page
        or_(position, -PAGE)
        neg(position)
        for most in (position, left):
            with if_(rax > most):
                mov(rax, most)
        ret(rax)

    @function(context="thread", sleeps=True)
    def _read_run(
        self, inode: Ptr[Inode], position: U64, vector: Keep[Ptr[IoVector]], left: Keep[U64]
    ) -> U64:
        """Copy what lies in the next pages, of the `left` bytes at `position`, to `vector`. Returns
        how many bytes were copied."""
        pages, offset, count = local(U64 * RUN), local(U64), local(U64)
        page, wanted, copied = keep(Ptr[U64]), keep(U64), keep(U64)
        mov(rax, position)
        and_(eax, PAGE - 1)
        mov(offset, rax)
        # Both are counted from the start of the first page
        mov(wanted, rax)
        mov(copied, rax)
        self._limit_run(left, rax)
        lea(rcx, bare[left + rax + (PAGE - 1)])
        shr(rcx, PageShift.PAGE)
        mov(count, rcx)
        shr(position, PageShift.PAGE)
        lea(page, pages)
        self.cache.find_run(inode, position, page, rcx)
        with while_((left != 0) & (copied == wanted)):
            self._next_piece(page, wanted, left)
            add(copied, self.vectors.copy_to(vector, rax, rdx))
        lea(rax, pages)
        self.cache.drop_run(cast(rax, Ptr[U64]), count)
        mov(rax, copied)
        sub(rax, offset)
        ret(rax)

    @inline(changes=("page", "wanted", "left", rax, rcx, rdx))
    def _next_piece(self, page: Ptr[U64], wanted: U64, left: U64) -> None:
        """Leave in rax the address of what is to be copied next of the present `page` of a run, and
        in rdx its length, and move on by that."""
        mov(rcx, wanted)
        and_(ecx, PAGE - 1)
        mov(edx, PAGE)
        sub(edx, ecx)
        with if_(rdx > left):
            mov(rdx, left)
        sub(left, rdx)
        add(wanted, rdx)
        mov(rax, at(page))
        add(page, sizeof(U64))
        with if_(rax == 0):
            lea(rax, self.hole)  # holes read as zeros, and take no memory for that
        with else_():
            direct(rax)
        add(rax, rcx)

    @inline(changes="left")
    def _limit_run(self, left: U64, offset: U64) -> None:
        """Have no more `left` than lies in RUN pages behind the `offset` in the first one."""
        most = scratch(U64)
        mov(most, RUN * PAGE)
        sub(most, offset)
        with if_(left > most):
            mov(left, most)
        release(most)

    @function(context="thread", sleeps=True)
    def write(
        self, file: Keep[Ptr[File]], vector: Keep[Ptr[IoVector]], position: Keep[Ptr[U64]]
    ) -> OrErrno[I64]:
        """Write as `WriteFile` says, with APPEND always at the end. Returns -EFAULT, -ENOMEM,
        -ENOSPC or -EFBIG if not a single byte could be written."""
        inode, result = keep(file.inode), keep(I64)
        with self.mutexes.held(inode.lock):
            with if_(file.flags & OpenFlag.APPEND):
                mov(rax, inode.size)
                mov(at(position), rax)
            # Seals are set under the lock, so that none comes between this look and the writing
            mov(result, -Errno.EPERM)
            with if_(((inode.seals & NO_WRITES) == 0) | (vector.left == 0)):
                with if_((inode.mode & SET_IDS) & (vector.left != 0)):
                    self.permissions.drop_set_ids(inode, file.credentials)
                mov(result, self._write_locked(inode, vector, position))
            with if_(result > 0):
                self.inodes.touch(inode)
        ret(result)

    @function(context="thread", sleeps=True, holds="inode.lock")
    def _write_locked(
        self, inode: Keep[Ptr[Inode]], vector: Keep[Ptr[IoVector]], position: Keep[Ptr[U64]]
    ) -> OrErrno[I64]:
        """Do what `write` does."""
        chunk, result, start, end = keep(U64), keep(I64), local(U64), local(U64)
        xor(u32(result), u32(result))
        mov(rcx, LARGEST)
        mov(end, rcx)
        limit = self.own_signals.largest_file()
        with if_(limit < end):
            mov(end, limit)
        mov(rax, at(position))
        mov(start, rax)
        with while_(vector.left != 0):
            mov(chunk, self._chunk(end, at(position), vector.left))
            with if_(chunk == 0):
                mov(result, -Errno.EFBIG)
                break_()
            mov(result, self._check_growth(inode, at(position), chunk))
            break_if(result < 0)
            mov(result, self._write_piece(inode, at(position), vector, chunk))
            break_if(result < 0)
            add(at(position), u64(result))
            mov(rax, at(position))
            # After the bytes are there: who reads takes no lock, and sees no size beyond them
            with if_(rax > inode.size):
                mov(inode.size, rax)
            break_if(result != chunk)
        mov(rax, at(position))
        sub(rax, start)
        # What was written counts, whatever ended it
        with if_((rax == 0) & (result < 0)):
            mov(rcx, LARGEST)
            with if_((result == -Errno.EFBIG) & (at(position) < rcx)):  # it is the program's limit
                self.own_signals.send(Signal.SIGXFSZ)
            ret(result)
        ret(i64(rax))

    @function
    def _check_growth(self, inode: Ptr[Inode], position: U64, length: U64) -> OrErrno[I64]:
        """Return 0 if there may be `length` bytes at `position`, or -EPERM."""
        with if_(inode.seals & Seal.GROW):
            add(position, length)
            fail_if(CF | (position > inode.size), Errno.EPERM)
        ret(0)

    @function(context="thread", sleeps=True)
    def _write_piece(
        self, inode: Ptr[Inode], position: Keep[U64], vector: Keep[Ptr[IoVector]], length: Keep[U64]
    ) -> OrErrno[I64]:
        """Copy `length` bytes from `vector` to `position`; they lie in one page. Returns how many
        were copied, or an error."""
        number, copied = scratch(position), keep(U64)
        shr(number, PageShift.PAGE)
        failed, found = self.cache.get(inode, number)
        page = keep(found)
        with if_(page == 0):
            movsxd(rax, failed)
            ret(rax)
        ignore(failed, "there is a page")
        address = scratch(page)
        direct(address)
        and_(position, PAGE - 1)
        add(address, position)
        mov(copied, self.vectors.copy_from(vector, address, length))
        self.cache.drop(page)
        fail_if(copied == 0, Errno.EFAULT)
        ret(i64(copied))

    @function
    def seek(self, file: Keep[Ptr[File]], offset: Keep[I64], whence: Keep[U32]) -> OrErrno[I64]:
        """Move the position as `SeekFile` says. Returns -EINVAL before the start or for an unknown
        `whence`, -ENXIO for data or a hole behind the end."""
        inode = keep(file.inode)
        with if_(whence >= Whence.DATA):
            fail_if(whence > Whence.HOLE, Errno.EINVAL)
            mov(rax, inode.size)
            fail_if(u64(offset) >= rax, Errno.ENXIO)
            with if_(whence == Whence.DATA):
                mov(offset, i64(self._find_data(inode, u64(offset))))
                fail_if(u64(offset) >= inode.size, Errno.ENXIO)
            with else_():
                mov(offset, i64(self._find_hole(inode, u64(offset))))
        with elif_(whence == Whence.CURRENT):
            add(offset, i64(file.position))
        with elif_(whence == Whence.END):
            add(offset, i64(inode.size))
        fail_if(offset < 0, Errno.EINVAL)  # also where a sum was too large
        mov(file.position, u64(offset))
        ret(offset)

    @function
    def _find_data(self, inode: Ptr[Inode], offset: Keep[U64]) -> U64:
        """Return the first offset from `offset` on that lies in a page of the cache."""
        number = scratch(offset)
        shr(number, PageShift.PAGE)
        found = self.cache.next(inode, number)
        with if_(found == NO_PAGE):
            ret(found)
        shl(found, PageShift.PAGE)
        with if_(found < offset):
            mov(found, offset)
        ret(found)

    @function
    def _find_hole(self, inode: Keep[Ptr[Inode]], offset: Keep[U64]) -> U64:
        """Return the first offset from `offset` on, which is in the file, that lies in no page of
        the cache, or the end."""
        number = keep(offset)
        shr(number, PageShift.PAGE)
        with loop():
            break_if(self.cache.next(inode, number) != number)
            inc(number)
        shl(number, PageShift.PAGE)
        with if_(number < offset):
            mov(number, offset)
        with if_(number > inode.size):
            mov(number, inode.size)
        ret(number)

    @function
    def map(self, file: Ptr[File], region: Ptr[Region]) -> OrErrno[I32]:
        """Give `region` the pages of the cache. Returns 0, or -EPERM for memory that would write to
        a file that is sealed against that."""
        lea(rax, file.backing)
        mov(region.backing, rax)
        inode = scratch(file.inode)
        with if_((region.flags & RegionFlags.SHARED) & (inode.seals & NO_WRITES)):
            fail_if(region.rights & Rights.WRITE, Errno.EPERM)
            or_(region.flags, RegionFlags.READ_ONLY)
        ret(0)

    @function(context="thread", sleeps=True)
    def resize(self, inode: Keep[Ptr[Inode]], size: Keep[U64]) -> OrErrno[I32]:
        """Set the size, as `Resize` says. Returns 0, or -EPERM where a seal is against it."""
        number = keep(U64)
        with if_(size < inode.size):
            fail_if(inode.seals & Seal.SHRINK, Errno.EPERM)
        with elif_(size > inode.size):
            fail_if(inode.seals & Seal.GROW, Errno.EPERM)
        mov(inode.size, size)
        # Pages go after the size is set: who adds one looks at that once more under their lock
        lea(number, bare[size + PAGE - 1])
        shr(number, PageShift.PAGE)
        ignore(self.cache.truncate(inode, number))
        self.mappings.unmap(address_of(inode.pages), number)
        # What lies behind the end in its page reads as zeros once the file grows again
        and_(size, PAGE - 1)
        with if_(size != 0):
            dec(number)
            page = keep(self.cache.find(inode, number))
            with if_(page != 0):
                self._clear_end(page, size)
                self.cache.drop(page)
        self.inodes.touch(inode)
        ret(0)

    # Room

    @function(context="thread", sleeps=True)
    def drop_set_ids(self, file: Keep[Ptr[File]]) -> None:
        """Take the bits by which programs run as other users from what `file` is, whose contents
        change."""
        inode = keep(file.inode)
        with if_(inode.mode & SET_IDS), self.mutexes.held(inode.lock):
            self.permissions.drop_set_ids(inode, file.credentials)

    @function(context="thread", sleeps=True)
    def reserve(
        self, inode: Keep[Ptr[Inode]], start: U64, end: Keep[U64], keeps_size: Keep[U32]
    ) -> OrErrno[I32]:
        """Have all pages from the offset `start` to `end`, which is not 0, be there; unless
        `keeps_size`, the file reaches to `end` at least. Returns 0; -ENOSPC, -EFBIG as
        `check_file_size`, or -EPERM if it is sealed against growing."""
        number, result = keep(start), keep(I32)
        shr(number, PageShift.PAGE)
        with self.mutexes.held(inode.lock):
            mov(result, self.own_signals.check_file_size(end, inode.size))
            with if_(result == 0):
                mov(result, i32(self._check_growth(inode, 0, end)))
            with loop():
                break_if(result != 0)
                mov(rax, number)
                shl(rax, PageShift.PAGE)
                break_if(rax >= end)
                failed, page = self.cache.get(inode, number)
                ignore(failed, "without memory there is no room, either")
                with if_(page == 0):
                    mov(result, -Errno.ENOSPC)
                    break_()
                self.cache.drop(page)
                inc(number)
            with if_(result == 0):
                with if_((keeps_size == 0) & (end > inode.size)):
                    mov(inode.size, end)
                self.inodes.touch(inode)
        ret(result)

    @function(context="thread", sleeps=True)
    def punch(self, inode: Keep[Ptr[Inode]], start: Keep[U64], end: Keep[U64]) -> OrErrno[I32]:
        """Make all bytes from the offset `start` to `end` zeros, and whole pages of them holes.
        Returns 0, or -EPERM if it is sealed against writing."""
        result = local(I32)
        with self.mutexes.held(inode.lock):
            mov(result, -Errno.EPERM)
            with if_((inode.seals & NO_WRITES) == 0):
                self._punch(inode, start, end)
                mov(result, 0)
        mov(eax, result)
        ret(eax)

    @function(context="thread", sleeps=True, holds="inode.lock")
    def _punch(self, inode: Keep[Ptr[Inode]], start: Keep[U64], end: Keep[U64]) -> None:
        """Do what `punch` does."""
        number, last = keep(U64), local(U64)
        lea(number, bare[start + PAGE - 1])
        shr(number, PageShift.PAGE)
        mov(rax, end)
        shr(rax, PageShift.PAGE)
        mov(last, rax)
        with if_(number > last):  # within one page
            self._clear(inode, start, end)
        with else_():
            mov(rdx, number)
            shl(rdx, PageShift.PAGE)
            self._clear(inode, start, rdx)
            with while_(number < last):
                ignore(self.cache.remove(inode, number))
                inc(number)
            mov(rsi, last)
            shl(rsi, PageShift.PAGE)
            self._clear(inode, rsi, end)
        # Page tables may lead to what was removed. What is unmapped behind it, page faults find
        # again
        shr(start, PageShift.PAGE)
        self.mappings.unmap(address_of(inode.pages), start)
        self.inodes.touch(inode)

    @function(context="thread", sleeps=True)
    def _clear(self, inode: Keep[Ptr[Inode]], start: Keep[U64], end: Keep[U64]) -> None:
        """Make the bytes from `start` to `end`, which lie in one page, zeros."""
        with if_(start == end):
            ret()
        mov(rsi, start)
        shr(rsi, PageShift.PAGE)
        page = keep(self.cache.find(inode, rsi))
        with if_(page != 0):
            mov(rdi, page)
            direct(rdi)
            mov(rcx, end)
            sub(rcx, start)
            trust(rcx, "both are in one page")
            and_(start, PAGE - 1)
            add(rdi, start)
            xor(eax, eax)
            rep.stosb()
            self.cache.drop(page)

    @inline(changes=(rax, rcx, rdi))
    def _clear_end(self, page: U64, start: U64) -> None:
        """Fill the page at physical `page` with zeros from `start` on."""
        mov(rdi, page)
        direct(rdi)
        add(rdi, start)
        mov(ecx, PAGE)
        sub(rcx, start)
        xor(eax, eax)
        rep.stosb()
