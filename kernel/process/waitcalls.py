"""System calls that wait for children."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.openflag import OpenFlag
from kernel.process.process import Process
from kernel.process.processes import Processes
from kernel.process.processfiles import ProcessFiles
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.userusages import UserUsages
from kernel.process.waits import SIGNAL_MASK, ChildEvent, ChildWait, WaitKind, WaitOption, Waits
from kernel.signals.signalnumber import Signal
from kernel.vm.usercopy import UserCopy
from pykasm import *

OF_WAIT4 = (
    WaitOption.NOHANG
    | WaitOption.STOPPED
    | WaitOption.CONTINUED
    | WaitOption.NOTHREAD
    | WaitOption.CLONE
    | WaitOption.ALL
)
"""Options that `wait4` takes."""

OF_WAITID = OF_WAIT4 | WaitOption.EXITED | WaitOption.NOWAIT
"""Those of `waitid`, which needs one of EVENTS."""

EVENTS = WaitOption.EXITED | WaitOption.STOPPED | WaitOption.CONTINUED

LOWEST = 1 << 31
"""The least number, which has no opposite."""


class ChildInformation(Struct):
    """What `waitid` tells: the part of `siginfo_t` for SIGCHLD that it sets."""

    signal: U32
    error: U32
    event: U32 = field(ChildEvent)
    child: U32 = field(at=16)
    user: U32
    status: U32


class WaitCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        files: ProcessFiles,
        waits: Waits,
        usages: UserUsages,
        copy: UserCopy,
    ) -> None:
        self.processes = processes
        self.files = files
        self.waits = waits
        self.usages = usages
        self.copy = copy

    @function(context="thread", sleeps=True)
    def wait4(
        self,
        number: I32,
        status: Keep[User[U8]],
        options: Untrusted[U32],
        usage: Keep[User[U8]],
    ) -> OrErrno[I64]:
        """Wait for a child: its number, how it ended or changed at `status`, and what it has used
        at `usage`; each unless it is null."""
        request = local(ChildWait)
        fail_if(options & (0xFFFF_FFFF & ~int(OF_WAIT4)), Errno.EINVAL)
        fail_if(u32(number) == LOWEST, Errno.ESRCH)
        or_(options, WaitOption.EXITED)
        mov(request.options, options)
        self._choose(address_of(request), number)
        try_(self.waits.wait(address_of(request)))
        with if_((request.child != 0) & (status != 0)):
            try_(self._copy_out(status, address_of(request.status), sizeof(U32)))
        with if_((request.child != 0) & (usage != 0)):
            try_(self.usages.give(usage, address_of(request.usage)))
        mov(eax, request.child)
        ret(rax)

    @function(context="thread")
    def _choose(self, request: Keep[Ptr[ChildWait]], number: Keep[I32]) -> None:
        """Set which children are meant by `number`, as `wait4` has it."""
        mov(request.kind, WaitKind.PROCESS)
        with if_(number == -1):
            mov(request.kind, WaitKind.ALL)
        with elif_(number <= 0):
            mov(request.kind, WaitKind.GROUP)
            with if_(number == 0):
                mov(number, i32(self.processes.group_number(self.processes.current_process())))
            with else_():
                neg(number)
        mov(request.number, number)

    @function(context="thread", sleeps=True)
    def _copy_out(self, target: User[U8], source: U64, length: U64) -> OrErrno[I64]:
        """Copy to the program's `target`. Returns 0 or -EFAULT."""
        result, left = self.copy.copy_out(target, source, length)
        ignore(left)
        movsxd(rax, result)
        ret(rax)

    @function(context="thread", sleeps=True)
    def waitid(
        self,
        kind: Untrusted[U32],
        number: Keep[I32],
        target: Keep[User[U8]],
        options: Untrusted[U32],
        usage: Keep[User[U8]],
    ) -> OrErrno[I64]:
        """Wait for a child; what became of it at `target`, what it has used at `usage`; each unless
        it is null."""
        request = local(ChildWait)
        fail_if(options & (0xFFFF_FFFF & ~int(OF_WAITID)), Errno.EINVAL)
        fail_if((options & EVENTS) == 0, Errno.EINVAL)
        fail_if(kind > WaitKind.FILE, Errno.EINVAL)
        mov(request.options, options)
        mov(request.kind, kind)
        with if_(kind == WaitKind.PROCESS):
            fail_if(number <= 0, Errno.EINVAL)
        with elif_(kind != WaitKind.ALL):
            fail_if(number < 0, Errno.EINVAL)
            with if_(kind == WaitKind.FILE):
                ret(self._wait_for_file(address_of(request), u32(number), target, usage))
            with if_(number == 0):
                mov(number, i32(self.processes.group_number(self.processes.current_process())))
        mov(request.number, number)
        try_(self.waits.wait(address_of(request)))
        ret(self._tell(address_of(request), target, usage))

    @function(context="thread", sleeps=True)
    def _wait_for_file(
        self,
        request: Keep[Ptr[ChildWait]],
        number: U32,
        target: Keep[User[U8]],
        usage: Keep[User[U8]],
    ) -> OrErrno[I64]:
        """Wait for the child that the file `number` stands for, as `request` says besides. One that
        is open with NONBLOCK does not let it wait."""
        result, fails, process = local(I64), local(U32), keep(OrNull[Ptr[Process]])
        found, flags = self.files.find(number)
        mov(process, found)
        mov(fails, flags)
        fail_if(process == 0, Errno.EBADF)
        and_(fails, OpenFlag.NONBLOCK)
        with if_((request.options & WaitOption.NOHANG) != 0):
            mov(fails, 0)
        with if_(fails != 0):
            or_(request.options, WaitOption.NOHANG)
        mov(request.process, process)
        mov(result, self.waits.wait(request))
        self.processes.drop(process)
        try_(result)
        fail_if((request.child == 0) & (fails != 0), Errno.EAGAIN)
        tail(self._tell, request, target, usage)

    @function(context="thread", sleeps=True)
    def _tell(
        self, request: Keep[Ptr[ChildWait]], target: Keep[User[U8]], usage: User[U8]
    ) -> OrErrno[I64]:
        """Copy what `request` found to `target`, and what the child has used to `usage`; each
        unless it is null."""
        told = local(ChildInformation)
        with if_((request.child != 0) & (usage != 0)):
            try_(self.usages.give(usage, address_of(request.usage)))
        with if_(target != 0):
            self._describe(address_of(told), request)
            try_(self._copy_out(target, address_of(told), sizeof(ChildInformation)))
        ret(0)

    @function
    def _describe(self, told: Ptr[ChildInformation], request: Ptr[ChildWait]) -> None:
        """Fill `told` in with what `request` found: all 0 for nothing."""
        xor(eax, eax)
        for offset in range(0, sizeof(ChildInformation), sizeof(U32)):
            mov(u32[u64(told) + offset], eax)
        with if_(request.child == 0):
            ret()
        mov(told.signal, Signal.SIGCHLD)
        copy_fields(told, request, "event", "child", "user")
        mov(eax, request.status)
        with if_(request.event == ChildEvent.CONTINUED):
            mov(eax, Signal.SIGCONT)
        with elif_((request.event == ChildEvent.EXITED) | (request.event == ChildEvent.STOPPED)):
            movzx(eax, ah)
        with else_():
            and_(eax, SIGNAL_MASK)
        mov(told.status, eax)
