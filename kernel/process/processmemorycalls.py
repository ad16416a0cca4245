"""System calls for the memory of other processes."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE
from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit
from kernel.fs.iovector import IoSegment
from kernel.fs.iovectors import IoVectors
from kernel.mm.heap import Heap
from kernel.mm.pages import Pages
from kernel.paging.addresses import Area, direct
from kernel.process.advicecalls import AdviceCalls
from kernel.process.inspection import Inspection
from kernel.process.pidfdcalls import PidfdCalls
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.vectorcalls import MOST, UserSegments, VectorCalls
from kernel.vm.addressspace import AddressSpace
from kernel.vm.addressspaces import AddressSpaces
from kernel.vm.memoryadvice import Advice
from pykasm import *


class MemoryTransfer(Struct):
    """What is copied between this process and another."""

    near: UserSegments
    """In the memory of this one."""
    far: UserSegments
    number: U32
    """Of the other one's thread."""
    writes: U32
    """1 if the bytes go there."""
    page: Ptr[U8]
    """Where they are in between."""


class ProcessMemoryCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        inspection: Inspection,
        pidfds: PidfdCalls,
        lists: VectorCalls,
        vectors: IoVectors,
        advice: AdviceCalls,
        spaces: AddressSpaces,
        heap: Heap,
        pages: Pages,
    ) -> None:
        self.processes = processes
        self.inspection = inspection
        self.pidfds = pidfds
        self.lists = lists
        self.vectors = vectors
        self.advice = advice
        self.spaces = spaces
        self.heap = heap
        self.pages = pages

    @function(context="thread", sleeps=True)
    def process_vm_readv(
        self,
        number: U32,
        list: Fetched[User[U8]],
        count: U64,
        far_list: Fetched[User[U8]],
        far_count: U64,
        flags: U64,
    ) -> OrErrno[I64]:
        """Read from the memory of the process that has the thread `number`."""
        transfer = local(MemoryTransfer)
        fail_if(flags != 0, Errno.EINVAL)
        mov(transfer.number, number)
        mov(transfer.writes, 0)
        ret(self._begin(address_of(transfer), list, count, far_list, far_count))

    @function(context="thread", sleeps=True)
    def process_vm_writev(
        self,
        number: U32,
        list: Fetched[User[U8]],
        count: U64,
        far_list: Fetched[User[U8]],
        far_count: U64,
        flags: U64,
    ) -> OrErrno[I64]:
        """Write to the memory of the process that has the thread `number`."""
        transfer = local(MemoryTransfer)
        fail_if(flags != 0, Errno.EINVAL)
        mov(transfer.number, number)
        mov(transfer.writes, 1)
        ret(self._begin(address_of(transfer), list, count, far_list, far_count))

    @function(context="thread", sleeps=True)
    def _begin(
        self,
        transfer: Keep[Ptr[MemoryTransfer]],
        list: Fetched[User[U8]],
        count: U64,
        far_list: Keep[Fetched[User[U8]]],
        far_count: Keep[U64],
    ) -> OrErrno[I64]:
        """Copy what `transfer` says, with these lists of segments. Returns how many bytes were
        copied, or an error."""
        result = keep(I64)
        fail_if((count > MOST) | (far_count > MOST), Errno.EINVAL)
        near = address_of(transfer.near)
        try_(self.lists.take(near, list, u32(count)))
        xor(u32(result), u32(result))
        with if_(transfer.near.vector.left != 0):
            mov(result, self._go_on(transfer, far_list, u32(far_count)))
        self.heap.free(transfer.near.allocated)
        ret(result)

    @function(context="thread", sleeps=True)
    def _go_on(
        self, transfer: Keep[Ptr[MemoryTransfer]], far_list: Fetched[User[U8]], far_count: U32
    ) -> OrErrno[I64]:
        """Go on with the second list."""
        result, far = keep(I64), address_of(transfer.far)
        try_(self.lists.take(far, far_list, far_count))
        xor(u32(result), u32(result))
        with if_(transfer.far.vector.left != 0):
            mov(result, self._find_and_copy(transfer))
        self.heap.free(transfer.far.allocated)
        ret(result)

    @function(context="thread", sleeps=True)
    def _find_and_copy(self, transfer: Keep[Ptr[MemoryTransfer]]) -> OrErrno[I64]:
        """Copy to or from the memory that the other thread has. Returns how many bytes, -ESRCH,
        -EPERM, -ENOMEM or -EFAULT."""
        result = keep(I64)
        failed, found = self.inspection.space_of(transfer.number)
        with if_(found == 0):
            ret(failed)
        ignore(failed, "there is a space")
        space, page = keep(found), keep(self.pages.allocate_page())
        mov(result, -Errno.ENOMEM)
        with if_(page != 0):
            direct(page)
            mov(transfer.page, cast(page, Ptr[U8]))
            mov(result, self._copy_all(transfer, space))
            base = scratch(U64)
            mov(base, Area.DIRECT_MAP)
            sub(page, base)
            self.pages.free_page(page)
        self.spaces.drop(space)
        ret(result)

    @function(context="thread", sleeps=True)
    def _copy_all(
        self, transfer: Keep[Ptr[MemoryTransfer]], space: Keep[Ptr[AddressSpace]]
    ) -> OrErrno[I64]:
        """Copy piece by piece. Returns how many bytes, -EFAULT for none."""
        copied, moved = keep(U64), keep(U64)
        xor(u32(copied), u32(copied))
        with loop():
            with if_(transfer.writes == 0):
                mov(moved, self._read_piece(transfer, space))
            with else_():
                mov(moved, self._write_piece(transfer, space))
            add(copied, moved)
            break_if(moved != PAGE)
        fail_if(copied == 0, Errno.EFAULT)
        ret(i64(copied))

    @function(context="thread", sleeps=True)
    def _read_piece(self, transfer: Keep[Ptr[MemoryTransfer]], space: Ptr[AddressSpace]) -> U64:
        """Copy a page's bytes, or as many as there are, from `space`. Returns how many."""
        before, length = keep(Ptr[AddressSpace]), keep(U64)
        mov(length, PAGE)
        with if_(transfer.near.vector.left < length):
            mov(length, transfer.near.vector.left)
        mov(before, self._visit(space))
        far = address_of(transfer.far.vector)
        mov(length, self.vectors.copy_from(far, u64(transfer.page), length))
        self.spaces.go_back(before)
        near = address_of(transfer.near.vector)
        tail(self.vectors.copy_to, near, u64(transfer.page), length)

    @function(context="thread", sleeps=True)
    def _write_piece(
        self, transfer: Keep[Ptr[MemoryTransfer]], space: Keep[Ptr[AddressSpace]]
    ) -> U64:
        """Do what `_read_piece` does the other way round."""
        before, length = keep(Ptr[AddressSpace]), keep(U64)
        mov(length, PAGE)
        with if_(transfer.far.vector.left < length):
            mov(length, transfer.far.vector.left)
        near = address_of(transfer.near.vector)
        mov(length, self.vectors.copy_from(near, u64(transfer.page), length))
        mov(before, self._visit(space))
        far = address_of(transfer.far.vector)
        mov(length, self.vectors.copy_to(far, u64(transfer.page), length))
        self.spaces.go_back(before)
        ret(length)

    @function(context="thread")
    def _visit(self, space: Ptr[AddressSpace]) -> Ptr[AddressSpace]:
        """See `space` instead of this task's own, which is returned for `go_back`."""
        own = self.spaces.exchange(space)
        asserts(own != 0)  # a task has one
        ret(own)

    # Advice

    @function(context="thread", sleeps=True)
    def process_madvise(
        self, number: Keep[U32], list: Fetched[User[U8]], count: U64, advice: Keep[U32], flags: U32
    ) -> OrErrno[I64]:
        """Take advice for memory of the process that the file `number` stands for. Returns for how
        many bytes."""
        segments, result = local(UserSegments), keep(I64)
        fail_if(flags != 0, Errno.EINVAL)
        fail_if(count > MOST, Errno.EINVAL)
        try_(self.lists.take(address_of(segments), list, u32(count)))
        mov(result, self._find_and_advise(address_of(segments), number, advice))
        self.heap.free(segments.allocated)
        ret(result)

    @function(context="thread", sleeps=True)
    def _find_and_advise(
        self, segments: Keep[Ptr[UserSegments]], number: U32, advice: Keep[U32]
    ) -> OrErrno[I64]:
        """Take advice for `segments` of that memory, which takes CAP_SYS_NICE."""
        thread, result = keep(try_(self.pidfds.first_thread(number))), keep(I64)
        fail_if(
            (advice != Advice.COLD) & (advice != Advice.PAGE_OUT) & (advice != Advice.WILL_NEED),
            Errno.EINVAL,
        )
        failed, space = self.inspection.space_of(u32(thread))
        with if_(space == 0):
            ret(failed)
        ignore(failed, "there is a space")
        found = keep(space)
        mov(result, -Errno.EPERM)
        task = self.processes.current()
        credentials = scratch(task.credentials)
        with if_(credentials.effective & (1 << CapabilityBit.SYS_NICE)):
            mov(result, self._advise_all(segments, found, advice))
        self.spaces.drop(found)
        ret(result)

    @function(context="thread", sleeps=True)
    def _advise_all(
        self, segments: Ptr[UserSegments], space: Keep[Ptr[AddressSpace]], advice: Keep[U32]
    ) -> OrErrno[I64]:
        """Take advice for all `segments`, up to the first for which that can't be. Returns for how
        many bytes; the error if it is the very first."""
        segment, left = keep(segments.vector.rest), local(U64)
        mov(rax, segments.vector.rest_count)
        mov(left, rax)
        done, result = keep(U64), scratch(I32)
        xor(u32(done), u32(done))
        with while_(left != 0):
            mov(rsi, segment.address)
            mov(rdx, segment.length)
            mov(result, self.advice.advise(space, rsi, rdx, advice))
            with if_(result != 0):
                with if_(done == 0):
                    movsxd(rax, result)
                    ret(rax)
                break_()
            add(done, segment.length)
            add(segment, sizeof(IoSegment))
            dec(left)
        ret(i64(done))
