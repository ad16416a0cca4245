"""How many threads users may have."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit, Credentials
from kernel.process.limits import INFINITY, Resource
from kernel.process.task import Task
from kernel.signals.signalstates import SignalStates
from kernel.users.useraccounts import UserAccounts
from pykasm import *

UNLIMITED = 1 << CapabilityBit.SYS_RESOURCE | 1 << CapabilityBit.SYS_ADMIN
"""Who has one of these may make as many as there is room for (getrlimit(2), RLIMIT_NPROC)."""


class TaskLimits(Subsystem):
    """Counts the threads of each real user, and holds RLIMIT_NPROC. Context: thread."""

    def __init__(self, accounts: UserAccounts, signals: SignalStates) -> None:
        self.accounts = accounts
        self.signals = signals

    @function
    def _limit(self, task: Ptr[Task]) -> U64:
        """Return how many threads the user of `task` may have if it makes one."""
        credentials, process = scratch(task.credentials), scratch(task.process)
        mov(rax, INFINITY)
        with if_((credentials.user == 0) | (credentials.effective & UNLIMITED)):
            ret(rax)
        mov(rax, process.limits[Resource.NPROC].soft)
        ret(rax)

    @function
    def enter(self, task: Keep[Ptr[Task]], maker: Ptr[Task]) -> OrErrno[I64]:
        """Count `task`, which is new. Returns 0; -EAGAIN if its user has as many as the `maker` may
        make, or without memory."""
        limit = keep(self._limit(maker))
        credentials = scratch(task.credentials)
        account = keep(try_(self.accounts.hold(credentials.user), Errno.EAGAIN))
        errdefer(self.accounts.drop, account)
        fail_if(~self.accounts.take(address_of(account.tasks), 1, limit), Errno.EAGAIN)
        mov(task.account, account)
        ret(0)

    @function
    def leave(self, task: Ptr[Task]) -> None:
        """Count `task` no more, if it is counted."""
        account = scratch(task.account)
        mov(task.account, 0)
        with if_(account != 0):
            lock.dec(account.tasks)
            self.accounts.drop(account)

    @function
    def become(self, task: Keep[Ptr[Task]], new: Keep[Ptr[Credentials]]) -> OrErrno[I64]:
        """Count `task` for the real user of `new`, which it is about to have. Where there are more
        than there may be already, it is one too many, and runs no other program. Returns 0, or
        -EAGAIN without memory."""
        former = scratch(task.credentials)
        mov(eax, new.user)
        with if_(eax == former.user):
            ret(0)
        account = keep(try_(self.accounts.hold(eax), Errno.EAGAIN))
        lock.inc(account.tasks)
        process = scratch(task.process)
        self.signals.become(address_of(process.signals), account)
        process, former_account = scratch(task.process), scratch(task.account)
        mov(task.account, account)
        xor(eax, eax)
        mov(rcx, account.tasks)
        dec(rcx)  # the others
        with if_((rcx > process.limits[Resource.NPROC].soft) & (new.user != 0)):
            inc(eax)
        mov(task.is_one_too_many, eax)
        with if_(former_account != 0):
            lock.dec(former_account.tasks)
            self.accounts.drop(former_account)
        ret(0)

    @function
    def check_program(self, task: Ptr[Task]) -> OrErrno[I64]:
        """Return 0 if `task` may run another program; -EAGAIN if it became a user that has too many
        threads, and still has (execve(2))."""
        task = scratch(task)
        with if_(task.is_one_too_many != 0):
            account, process = scratch(task.account), scratch(task.process)
            asserts(account != 0)  # it is counted from its beginning
            mov(rax, account.tasks)
            fail_if(rax > process.limits[Resource.NPROC].soft, Errno.EAGAIN)
            mov(task.is_one_too_many, 0)
        ret(0)
