"""Locks of parts of files, as programs ask for them."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.file import File, Whence
from kernel.fs.mode import Access
from kernel.fs.recordlock import LAST_BYTE, RecordKind, RecordLock
from kernel.fs.recordlocks import RecordLocks
from kernel.process.processes import Processes
from kernel.vm.usercopy import UserCopy
from pykasm import *


class LockDescription(Struct, size=32):
    """Linux's `struct flock`."""

    kind: U16
    whence: U16
    _unused: U32
    start: I64
    length: I64
    number: U32


class RecordControl(Subsystem):
    """Does what `fcntl` does with locks. Context: thread."""

    def __init__(self, processes: Processes, locks: RecordLocks, copy: UserCopy) -> None:
        self.processes = processes
        self.locks = locks
        self.copy = copy

    @function(context="thread", sleeps=True)
    def get(self, file: Keep[Ptr[File]], place: Keep[User[U8]], is_own: Keep[U32]) -> OrErrno[I64]:
        """Tell at `place` who has locked what is described there (F_GETLK); `is_own` as for
        `set`."""
        asked, wanted = local(LockDescription), local(RecordLock)
        try_(self._take(file, place, address_of(asked), address_of(wanted), is_own))
        # Who asks for no kind learns what the open file itself has locked
        fail_if((wanted.kind == RecordKind.NONE) & (is_own == 0), Errno.EINVAL)
        with if_(self.locks.find(file.inode, address_of(wanted))):
            self._describe(address_of(asked), address_of(wanted))
        with else_():
            mov(asked.kind, RecordKind.NONE)
        self.copy.copy_out_all(place, address_of(asked), sizeof(LockDescription))
        ret(0)

    @function
    def _describe(self, asked: Ptr[LockDescription], found: Ptr[RecordLock]) -> None:
        """Describe a lock that was found."""
        mov(eax, found.kind)
        mov(asked.kind, ax)
        mov(asked.whence, Whence.SET)
        mov(rax, found.start)
        mov(u64(asked.start), rax)
        mov(rcx, found.end)
        mov(rdx, LAST_BYTE)
        sub(rdx, rcx)
        with if_(rdx != 0):
            sub(rcx, rax)
            lea(rdx, bare[rcx + 1])
        mov(u64(asked.length), rdx)
        mov(eax, found.number)
        mov(asked.number, eax)

    @function(context="thread", sleeps=True)
    def set(
        self, file: Keep[Ptr[File]], place: User[U8], is_own: U32, waits: Keep[U32]
    ) -> OrErrno[I64]:
        """Lock or unlock what is described at `place`, for the process; if `is_own` is 1, for the
        open file itself (F_OFD_SETLK)."""
        asked, wanted = local(LockDescription), local(RecordLock)
        try_(self._take(file, place, address_of(asked), address_of(wanted), is_own))
        for kind, access in ((RecordKind.READ, Access.READ), (RecordKind.WRITE, Access.WRITE)):
            with if_(wanted.kind == kind):
                fail_if((file.access & access) == 0, Errno.EBADF)
        ret(self.locks.set(file.inode, address_of(wanted), waits))

    @function(context="thread", sleeps=True)
    def _take(
        self,
        file: Keep[Ptr[File]],
        place: Fetched[User[U8]],
        asked: Keep[Ptr[LockDescription]],
        wanted: Keep[Ptr[RecordLock]],
        is_own: Keep[U32],
    ) -> OrErrno[I64]:
        """Copy what is described at `place`, and fill in what is `wanted` by it."""
        self.copy.copy_in_all(u64(asked), place, sizeof(LockDescription))
        movzx(eax, asked.kind)
        fail_if(eax > RecordKind.NONE, Errno.EINVAL)
        mov(wanted.kind, eax)
        task = self.processes.current()
        mov(rcx, task.files)
        process = scratch(task.process)
        mov(eax, process.number)
        with if_(is_own != 0):
            fail_if(asked.number != 0, Errno.EINVAL)
            mov(rcx, file)
            mov(eax, -1)
        mov(wanted.owner, rcx)
        mov(wanted.number, eax)
        tail(self._place, file, asked, wanted)

    @function
    def _place(
        self, file: Ptr[File], asked: Ptr[LockDescription], wanted: Ptr[RecordLock]
    ) -> OrErrno[I64]:
        """Fill in where the part begins and ends."""
        file, asked, wanted = scratch(file), scratch(asked), scratch(wanted)
        inode = scratch(file.inode)
        movzx(ecx, asked.whence)
        fail_if(ecx > Whence.END, Errno.EINVAL)
        xor(eax, eax)
        with if_(ecx == Whence.CURRENT):
            mov(rax, file.position)
        with elif_(ecx == Whence.END):
            mov(rax, inode.size)
        add(rax, u64(asked.start))
        fail_if(OF, Errno.EOVERFLOW)
        fail_if(i64(rax) < 0, Errno.EINVAL)
        mov(rcx, u64(asked.length))
        mov(rdx, LAST_BYTE)
        with if_(i64(rcx) > 0):
            lea(rdx, bare[rcx - 1])
            add(rdx, rax)
            fail_if(OF, Errno.EOVERFLOW)
        with elif_(i64(rcx) < 0):
            lea(rdx, bare[rax - 1])
            add(rax, rcx)
            fail_if(i64(rax) < 0, Errno.EINVAL)
        mov(wanted.start, rax)
        mov(wanted.end, rdx)
        ret(0)
