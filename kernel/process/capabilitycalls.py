"""System calls about capabilities."""

from __future__ import annotations

from enum import IntEnum

from kernel.errno import Errno
from kernel.fs.credentials import ALL_CAPABILITIES, CapabilityBit, Credentials
from kernel.process.credentialchanges import CredentialChanges
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.tasksearch import TaskSearch
from kernel.vm.usercopy import UserCopy
from pykasm import *


class CapabilityVersion(IntEnum):
    """How sets are told (include/uapi/linux/capability.h): the first in 32 bits each."""

    FIRST = 0x1998_0330
    SECOND = 0x2007_1026
    THIRD = 0x2008_0522


class CapabilityHeader(Struct):
    """Which way, and of whom."""

    version: U32
    number: I32
    """Of a thread; 0 for the one that runs."""


class CapabilityPart(Struct):
    """32 bits of each set. A second one, with the upper halves, follows."""

    effective: U32
    permitted: U32
    inheritable: U32


class CapabilitySets(Struct):
    """The sets of somebody."""

    effective: U64
    permitted: U64
    inheritable: U64


class CapabilityCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        search: TaskSearch,
        changes: CredentialChanges,
        copy: UserCopy,
    ) -> None:
        self.processes = processes
        self.search = search
        self.changes = changes
        self.copy = copy

    @function(context="thread", sleeps=True)
    def capget(self, header: Keep[User[U8]], target: Keep[User[U8]]) -> OrErrno[I64]:
        """Store the sets of the thread in `header` at `target`."""
        told, parts, sets = (
            local(CapabilityHeader),
            local(CapabilityPart * 2),
            local(CapabilitySets),
        )
        result, size = self._fetch_header(address_of(told), header)
        size = keep(size)
        with if_((u64(target) == 0) & ((result == 0) | (result == -Errno.EINVAL))):
            ret(0)  # it only asks for the version
        with if_(result != 0):
            ret(result)
        fail_if(told.number < 0, Errno.EINVAL)
        try_(self._look(told.number, address_of(sets)))
        for name in ("effective", "permitted", "inheritable"):
            mov(rax, getattr(sets, name))
            mov(getattr(parts[0], name), eax)
            shr(rax, 32)
            mov(getattr(parts[1], name), eax)
        failed, left = self.copy.copy_out(target, address_of(parts), size)
        ignore(left)
        movsxd(rax, failed)
        ret(rax)

    @function(context="thread", sleeps=True)
    def capset(self, header: Keep[Fetched[User[U8]]], source: Keep[User[U8]]) -> OrErrno[I64]:
        """Set the sets of this thread to those at `source`."""
        told, parts, sets = (
            local(CapabilityHeader),
            local(CapabilityPart * 2),
            local(CapabilitySets),
        )
        result, size = self._fetch_header(address_of(told), header)
        size = keep(size)
        with if_(result != 0):
            ret(result)
        mov(eax, told.number)
        task = self.processes.current()
        fail_if((eax != 0) & (eax != task.number), Errno.EPERM)
        release(task)
        for name in ("effective", "permitted", "inheritable"):
            mov(getattr(parts[1], name), 0)
        failed, left = self.copy.copy_in(address_of(parts), source, size)
        ignore(left)
        with if_(failed != 0):
            movsxd(rax, failed)
            ret(rax)
        for name in ("effective", "permitted", "inheritable"):
            mov(ecx, getattr(parts[0], name))
            mov(eax, getattr(parts[1], name))
            and_(eax, ALL_CAPABILITIES >> 32)
            shl(rax, 32)
            or_(rax, rcx)
            mov(getattr(sets, name), rax)
        ret(self._set(address_of(sets)))

    @function(context="thread", sleeps=True)
    def _fetch_header(
        self, told: Keep[Ptr[CapabilityHeader]], header: Keep[Fetched[User[U8]]]
    ) -> tuple[OrErrno[I64], U64]:
        """Copy in what is at `header`. Returns 0 and how many bytes the sets have; or an error, and
        -EINVAL where the version is unknown, with the right one stored."""
        result, left = self.copy.copy_in(u64(told), header, sizeof(CapabilityHeader))
        ignore(left)
        with if_(result != 0):
            movsxd(rax, result)
            ret(rax, 0)
        mov(eax, told.version)
        with switch(eax):
            with case(CapabilityVersion.FIRST):
                ret(0, sizeof(CapabilityPart))
            with case(CapabilityVersion.SECOND):
                ret(0, 2 * sizeof(CapabilityPart))
            with case(CapabilityVersion.THIRD):
                ret(0, 2 * sizeof(CapabilityPart))
        mov(told.version, CapabilityVersion.THIRD)
        refetch(header, "this stores what it should have said")
        stored, left = self.copy.copy_out(header, u64(told), sizeof(U32))
        ignore(left)
        with if_(stored == 0):
            ret(-Errno.EINVAL, 0)
        movsxd(rax, stored)
        ret(rax, 0)

    @function(context="thread")
    def _look(self, number: Keep[U32], sets: Keep[Ptr[CapabilitySets]]) -> OrErrno[I64]:
        """Fill `sets` in with those of the thread `number`. Returns 0 or -ESRCH."""
        process = keep(try_(self.search.find_process(number), Errno.ESRCH))
        result = keep(I64)
        mov(result, -Errno.ESRCH)
        with process.lock.held():
            task = scratch(self.search.task_of(process, number))
            with if_(task != 0):
                credentials = scratch(task.credentials)
                for name in ("effective", "permitted", "inheritable"):
                    mov(rcx, getattr(credentials, name))
                    mov(getattr(sets, name), rcx)
                xor(u32(result), u32(result))
        self.processes.drop(process)
        ret(result)

    # Changing

    @function(context="thread")
    def _set(self, sets: Keep[Ptr[CapabilitySets]]) -> OrErrno[I64]:
        """Set the capabilities of this thread. Returns 0, -EPERM or -ENOMEM."""
        new = keep(try_(self.changes.copy(), Errno.ENOMEM))
        errdefer(self.changes.abandon, new)
        fail_if(~self._may_set(sets, new), Errno.EPERM)
        copy_fields(new, sets, "effective", "permitted", "inheritable")
        mov(rax, new.permitted)
        and_(rax, new.inheritable)
        and_(new.ambient, rax)
        self.changes.commit(new)
        ret(0)

    @function
    def _may_set(self, sets: Ptr[CapabilitySets], old: Ptr[Credentials]) -> Bool:
        """Return whether who has `old` may have `sets` (capabilities(7), "Programmatically
        adjusting capability sets")."""
        mov(rax, old.inheritable)
        or_(rax, old.bounding)
        with if_((old.effective & (1 << CapabilityBit.SETPCAP)) == 0):
            mov(rcx, old.inheritable)
            or_(rcx, old.permitted)
            and_(rax, rcx)
        not_(rax)
        with if_(rax & sets.inheritable):
            ret(False)
        for part, whole in ((sets.permitted, old.permitted), (sets.effective, sets.permitted)):
            mov(rax, whole)
            not_(rax)
            with if_(rax & part):
                ret(False)
        ret(True)
