"""Who a program is when it begins."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.exec.loadrequest import ExecutionRisk, LoadRequest
from kernel.fs.credentials import Credentials, SecureBit
from kernel.fs.credentialstore import CredentialStore
from kernel.fs.mode import GROUP_EXECUTE, ModeBit
from kernel.fs.mount import MountFlag
from kernel.process.identitycalls import RIGHTS
from kernel.process.task import Task
from pykasm import *


class ExecutionCredentials(Subsystem):
    """Finds the credentials of programs that are about to run: those of who runs them, changed by
    set-user-ID bits and by what is special about user 0 (execve(2); capabilities(7),
    "Transformation of capabilities during execve()"). Context: thread."""

    def __init__(self, store: CredentialStore) -> None:
        self.store = store

    @function(context="thread")
    def risks(self, task: Ptr[Task]) -> U32:
        """Return why a program that `task` runs may gain nothing: an `ExecutionRisk`."""
        risks, sharing, process = scratch(U32), scratch(U32), scratch(task.process)
        xor(risks, risks)
        xor(sharing, sharing)
        with if_(task.no_new_privileges != 0):
            mov(risks, ExecutionRisk.NO_NEW_PRIVILEGES)
        with process.lock.held(), process.tasks.each(Task, "sibling", place=scratch) as other:
            mov(rax, other.context)
            with if_(rax == task.context):
                inc(sharing)
        context = scratch(task.context)
        with if_(context.references.count != sharing):
            or_(risks, ExecutionRisk.SHARED_DIRECTORIES)
        ret(risks)

    @function
    def derive(self, request: Keep[Ptr[LoadRequest]]) -> OrErrno[I32]:
        """Find the credentials of the program in the file of `request`. Returns 0 or -ENOMEM."""
        subject = scratch(request.subject)
        new = keep(try_(self.store.copy(subject.credentials), Errno.ENOMEM))
        self._take_owners(request, new)
        self._gain(request, new)
        mov(request.credentials, new)
        ret(0)

    @function
    def drop(self, request: Ptr[LoadRequest]) -> None:
        """Drop the credentials of `request`, if it has some."""
        credentials = scratch(OrNull[Ptr[Credentials]])
        xor(u32(credentials), u32(credentials))
        xchg(request.credentials, credentials)
        with if_(credentials != 0):
            tail(self.store.drop, credentials)

    @function
    def _take_owners(self, request: Ptr[LoadRequest], new: Ptr[Credentials]) -> None:
        """Make user and group of the file of `request` the effective ones of `new`, if it wants
        that. A set-group-ID bit without the right to execute has another meaning."""
        with if_(request.risks & ExecutionRisk.NO_NEW_PRIVILEGES):
            ret()
        file = scratch(request.file)
        mount = scratch(file.path.mount)
        asserts(mount != 0)
        with if_(mount.flags & MountFlag.NO_SET_USER):
            ret()
        inode = scratch(file.inode)
        mode = scratch(inode.mode)
        with if_((mode & ModeBit.SET_USER) != 0):
            mov(eax, inode.user)
            mov(new.effective_user, eax)
        and_(mode, ModeBit.SET_GROUP | GROUP_EXECUTE)
        with if_(mode == ModeBit.SET_GROUP | GROUP_EXECUTE):
            mov(eax, inode.group)
            mov(new.effective_group, eax)

    @function
    def _gain(self, request: Keep[Ptr[LoadRequest]], new: Keep[Ptr[Credentials]]) -> None:
        """Adapt the capabilities of `new` to its effective user, and note whether the program has
        to be careful."""
        subject = scratch(request.subject)
        old, is_other, is_root = keep(subject.credentials), keep(U32), keep(U32)
        xor(is_other, is_other)
        mov(eax, new.effective_user)
        mov(ecx, new.effective_group)
        with if_((eax != old.user) | (ecx != old.group)):
            inc(is_other)
        xor(is_root, is_root)
        xor(eax, eax)
        with if_((new.secure_bits & SecureBit.NOROOT) == 0):
            with if_(new.effective_user == 0):
                inc(is_root)
            with if_((is_root != 0) | (new.user == 0)):
                mov(rax, new.bounding)
                or_(rax, new.inheritable)
        mov(new.permitted, rax)
        self._limit(request, new, is_other)
        for name in ("user", "group"):
            mov(eax, getattr(new, f"effective_{name}"))
            mov(getattr(new, f"saved_{name}"), eax)
            mov(getattr(new, f"fs_{name}"), eax)
        self._make_effective(new, is_other, is_root)
        mov(request.is_secure, self._is_secure(new, is_other, is_root))

    @function
    def _limit(self, request: Ptr[LoadRequest], new: Ptr[Credentials], is_other: U32) -> None:
        """Take from `new` again what the program must not gain, if there is a risk."""
        subject = scratch(request.subject)
        old = scratch(subject.credentials)
        mov(rax, old.permitted)
        not_(rax)
        with if_((request.risks == 0) | ((is_other == 0) & ((rax & new.permitted) == 0))):
            ret()
        with if_(
            ((old.effective & RIGHTS["user"]) == 0)
            | (request.risks & ExecutionRisk.NO_NEW_PRIVILEGES)
        ):
            for name in ("user", "group"):
                mov(ecx, getattr(new, name))
                mov(getattr(new, f"effective_{name}"), ecx)
        not_(rax)
        and_(new.permitted, rax)

    @function
    def _make_effective(self, new: Ptr[Credentials], is_other: U32, is_root: U32) -> None:
        """Set what `new` has at once: all that is permitted for root, else what is ambient."""
        with if_(is_other != 0):
            mov(new.ambient, 0)
        mov(rax, new.ambient)
        or_(new.permitted, rax)
        with if_(is_root != 0):
            mov(rax, new.permitted)
        mov(new.effective, rax)
        and_(new.secure_bits, ~int(SecureBit.KEEP_CAPS))

    @function
    def _is_secure(self, new: Ptr[Credentials], is_other: U32, is_root: U32) -> Bool:
        """Return whether the program can do more than who runs it, and is told so by AT_SECURE."""
        with if_(is_other != 0):
            ret(True)
        with if_(new.user == 0):
            ret(False)
        mov(rax, new.ambient)
        not_(rax)
        ret((is_root != 0) | (rax & new.permitted))
