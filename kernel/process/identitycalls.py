"""System calls about who a process is."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit, Credentials
from kernel.process.capabilityrules import CapabilityRules
from kernel.process.credentialchanges import CredentialChanges
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.tasklimits import TaskLimits
from kernel.vm.usercopy import UserCopy
from pykasm import *

UNCHANGED = -1
"""A number that no user and no group has: it stays as it is (setresuid(2))."""

RIGHTS = {"user": 1 << CapabilityBit.SETUID, "group": 1 << CapabilityBit.SETGID}
"""With which a process may become whoever it wants."""


class IdentityCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        changes: CredentialChanges,
        rules: CapabilityRules,
        limits: TaskLimits,
        copy: UserCopy,
    ) -> None:
        self.processes = processes
        self.changes = changes
        self.rules = rules
        self.limits = limits
        self.copy = copy

    # Telling

    @inline(changes=rax)
    def _tell(self, name: str) -> None:
        """Return what the task's credentials have as `name`."""
        credentials = scratch(self.processes.current().credentials)
        mov(eax, getattr(credentials, name))
        ret(rax)

    @function(context="thread")
    def getuid(self) -> OrErrno[I64]:
        """Return the real user."""
        self._tell("user")

    @function(context="thread")
    def geteuid(self) -> OrErrno[I64]:
        """Return the effective user."""
        self._tell("effective_user")

    @function(context="thread")
    def getgid(self) -> OrErrno[I64]:
        """Return the real group."""
        self._tell("group")

    @function(context="thread")
    def getegid(self) -> OrErrno[I64]:
        """Return the effective group."""
        self._tell("effective_group")

    @function(context="thread", sleeps=True)
    def getresuid(
        self, real: Keep[User[U8]], effective: Keep[User[U8]], saved: Keep[User[U8]]
    ) -> OrErrno[I64]:
        """Store the real, the effective and the saved user."""
        self._store_all("user", real, effective, saved)
        ret(0)

    @function(context="thread", sleeps=True)
    def getresgid(
        self, real: Keep[User[U8]], effective: Keep[User[U8]], saved: Keep[User[U8]]
    ) -> OrErrno[I64]:
        """Store the real, the effective and the saved group."""
        self._store_all("group", real, effective, saved)
        ret(0)

    @inline(changes=CALLER_SAVED)
    def _store_all(self, kind: str, *targets: User[U8]) -> None:
        """Store all numbers of this kind, or fail."""
        for name, target in zip((kind, f"effective_{kind}", f"saved_{kind}"), targets, strict=True):
            credentials = scratch(self.processes.current().credentials)
            try_(self._store(target, getattr(credentials, name)))

    @function(context="thread", sleeps=True)
    def _store(self, target: User[U8], number: U32) -> OrErrno[I64]:
        """Store `number` at `target`. Returns 0 or an error."""
        stored = local(U32)
        mov(stored, number)
        result, left = self.copy.copy_out(target, address_of(stored), sizeof(U32))
        ignore(left)
        movsxd(rax, result)
        ret(rax)

    # Becoming another one

    @function(context="thread")
    def setuid(self, number: Keep[U32]) -> OrErrno[I64]:
        """Become the user `number`: for ever with the right to that, else as the effective one."""
        ret(self._set_one("user", number))

    @function(context="thread")
    def setgid(self, number: Keep[U32]) -> OrErrno[I64]:
        """Have the group `number`: for ever with the right to that, else as the effective one."""
        ret(self._set_one("group", number))

    @function(context="thread")
    def setreuid(self, real: Keep[U32], effective: Keep[U32]) -> OrErrno[I64]:
        """Set the real and the effective user."""
        ret(self._set_two("user", real, effective))

    @function(context="thread")
    def setregid(self, real: Keep[U32], effective: Keep[U32]) -> OrErrno[I64]:
        """Set the real and the effective group."""
        ret(self._set_two("group", real, effective))

    @function(context="thread")
    def setresuid(self, real: Keep[U32], effective: Keep[U32], saved: Keep[U32]) -> OrErrno[I64]:
        """Set the real, the effective and the saved user."""
        ret(self._set_three("user", real, effective, saved))

    @function(context="thread")
    def setresgid(self, real: Keep[U32], effective: Keep[U32], saved: Keep[U32]) -> OrErrno[I64]:
        """Set the real, the effective and the saved group."""
        ret(self._set_three("group", real, effective, saved))

    @inline
    def _is_any(self, number: U32, credentials: Ptr[Credentials], *names: str) -> Condition:
        """Return the condition that `number` is one of those that `credentials` have so named."""
        first, *others = names
        condition = number == getattr(credentials, first)
        for name in others:
            condition = condition | (number == getattr(credentials, name))
        return condition

    @inline(changes=CALLER_SAVED)
    def _set_one(self, kind: str, number: U32) -> I64:
        """Do what `setuid` and `setgid` do."""
        fail_if(i32(number) == UNCHANGED, Errno.EINVAL)
        new = keep(try_(self.changes.copy(), Errno.ENOMEM))
        errdefer(self.changes.abandon, new)
        with if_(new.effective & RIGHTS[kind]):
            mov(getattr(new, kind), number)
            mov(getattr(new, f"saved_{kind}"), number)
        with else_():
            fail_if(~self._is_any(number, new, kind, f"saved_{kind}"), Errno.EPERM)
        mov(getattr(new, f"effective_{kind}"), number)
        return self._commit(kind, new)

    @inline(changes=CALLER_SAVED)
    def _set_two(self, kind: str, real: U32, effective: U32) -> I64:
        """Do what `setreuid` and `setregid` do: the saved one follows the effective one where that
        may be another than the real one was."""
        effective_name, saved_name = f"effective_{kind}", f"saved_{kind}"
        new = keep(try_(self.changes.copy(), Errno.ENOMEM))
        errdefer(self.changes.abandon, new)
        former = keep(getattr(new, kind))
        with if_((new.effective & RIGHTS[kind]) == 0):
            with if_(i32(real) != UNCHANGED):
                fail_if(~self._is_any(real, new, kind, effective_name), Errno.EPERM)
            with if_(i32(effective) != UNCHANGED):
                known = self._is_any(effective, new, kind, effective_name, saved_name)
                fail_if(~known, Errno.EPERM)
        self._take(getattr(new, kind), real)
        self._take(getattr(new, effective_name), effective)
        with if_(
            (i32(real) != UNCHANGED) | ((i32(effective) != UNCHANGED) & (effective != former))
        ):
            mov(eax, getattr(new, effective_name))
            mov(getattr(new, saved_name), eax)
        return self._commit(kind, new)

    @inline(changes=CALLER_SAVED)
    def _set_three(self, kind: str, real: U32, effective: U32, saved: U32) -> I64:
        """Do what `setresuid` and `setresgid` do."""
        wanted = {kind: real, f"effective_{kind}": effective, f"saved_{kind}": saved}
        new = keep(try_(self.changes.copy(), Errno.ENOMEM))
        errdefer(self.changes.abandon, new)
        with if_((new.effective & RIGHTS[kind]) == 0):
            for number in wanted.values():
                with if_(i32(number) != UNCHANGED):
                    fail_if(~self._is_any(number, new, *wanted), Errno.EPERM)
        for name, number in wanted.items():
            self._take(getattr(new, name), number)
        return self._commit(kind, new)

    @inline
    def _take(self, place: U32, number: U32) -> None:
        """Set `place` to `number`, unless it is to stay."""
        with if_(i32(number) != UNCHANGED):
            mov(place, number)

    @inline(changes=CALLER_SAVED)
    def _commit(self, kind: str, new: Owned[Ptr[Credentials]]) -> I64:
        """Make `new` the task's credentials, whose number for files is the effective one. Return
        0."""
        mov(eax, getattr(new, f"effective_{kind}"))
        mov(getattr(new, f"fs_{kind}"), eax)
        if kind == "user":
            self.rules.follow_users(new, self.processes.current().credentials)
            try_(self.limits.become(scratch(self.processes.current()), new))
        self.changes.commit(new)
        xor(eax, eax)
        return cast(rax, I64)

    # Access to files alone

    @function(context="thread")
    def setfsuid(self, number: Keep[U32]) -> OrErrno[I64]:
        """Have access to files as the user `number`, if that may be. Return who it was before."""
        ret(self._set_for_files("user", number))

    @function(context="thread")
    def setfsgid(self, number: Keep[U32]) -> OrErrno[I64]:
        """Have access to files with the group `number`, if that may be. Return what it was
        before."""
        ret(self._set_for_files("group", number))

    @inline(changes=CALLER_SAVED)
    def _set_for_files(self, kind: str, number: U32) -> I64:
        """Do what `setfsuid` and `setfsgid` do."""
        name = f"fs_{kind}"
        credentials = scratch(self.processes.current().credentials)
        former, known = (
            keep(getattr(credentials, name)),
            (kind, f"effective_{kind}", f"saved_{kind}"),
        )
        with (
            if_(i32(number) != UNCHANGED),
            if_((credentials.effective & RIGHTS[kind]) | self._is_any(number, credentials, *known)),
        ):
            release(credentials)
            new = keep(self.changes.copy())
            with if_(new != 0):
                mov(getattr(new, name), number)
                if kind == "user":
                    self.rules.follow_fs_user(new, self.processes.current().credentials)
                self.changes.commit(new)
        mov(eax, former)
        return cast(rax, I64)
