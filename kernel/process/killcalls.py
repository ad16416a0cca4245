"""System calls that send signals to others."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit
from kernel.process.process import Process, ProcessState
from kernel.process.processes import Processes
from kernel.process.processfiles import ProcessFiles
from kernel.process.processgroups import ProcessGroups
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.task import Task
from kernel.process.tasksearch import TaskSearch
from kernel.signals.ownsignals import OwnSignals
from kernel.signals.signalgroup import SignalGroup
from kernel.signals.signalinfo import SignalInfo
from kernel.signals.signalnumber import SIGNALS, Signal, SignalCode
from kernel.signals.signals import Signals
from kernel.signals.signaltarget import SignalTarget
from kernel.vm.usercopy import UserCopy
from pykasm import *

FIRST_PROCESS = 1
"""The number of the process that `kill` with -1 leaves out, beside the one that calls it."""


class KillCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2). Signal 0 only
    asks whether one could be sent."""

    def __init__(
        self,
        processes: Processes,
        groups: ProcessGroups,
        search: TaskSearch,
        files: ProcessFiles,
        signals: Signals,
        own_signals: OwnSignals,
        copy: UserCopy,
    ) -> None:
        self.processes = processes
        self.groups = groups
        self.search = search
        self.files = files
        self.signals = signals
        self.own_signals = own_signals
        self.copy = copy

    # To processes

    @function(context="thread", sleeps=True)
    def kill(self, number: Keep[I32], signal: U32) -> OrErrno[I64]:
        """Send `signal` to the process `number`; to the group of this one for 0, to all others that
        can be sent one for -1, and to the group -number for less."""
        info = local(SignalInfo)
        self._describe(address_of(info), signal, SignalCode.SI_USER)
        with if_(number > 0):
            ret(self._send_to_process(u32(number), address_of(info)))
        with if_(number == -1):
            ret(self._send_to_all(address_of(info)))
        with if_(number == 0):
            process = self.processes.current_process()
            mov(number, i32(self.processes.group_number(process)))
        with else_():
            neg(number)
        ret(self._send_to_group(u32(number), address_of(info)))

    @function(context="thread")
    def _describe(self, info: Ptr[SignalInfo], number: U32, code: I32) -> None:
        """Fill in `info` with a signal that the program that runs sends."""
        info, number, code = scratch(info), scratch(number), scratch(code)
        info.clear()
        mov(info.number, number)
        mov(info.code, code)
        release(number, code)
        task = self.processes.current()
        process, credentials = scratch(task.process), scratch(task.credentials)
        mov(eax, process.number)
        mov(info.details.sender.process, eax)
        mov(eax, credentials.user)
        mov(info.details.sender.user, eax)

    @function(context="thread")
    def _send_to_process(self, number: U32, info: Keep[Ptr[SignalInfo]]) -> OrErrno[I64]:
        """Send the signal of `info` to the process that has a thread `number`. Returns 0, -ESRCH,
        or what `_send` does."""
        own = self.processes.current_process()
        with if_(number == own.number):
            # A single thread that does not block it takes it on its way out, without any queue
            with if_(own.signals.count == 1), if_(self.own_signals.hand_over(info)):
                ret(0)
            # Again, as the register was not kept across the call
            own = self.processes.current_process()
            # A process may always send to itself, and can't end meanwhile: no lock, no check
            tail(self._send_to_self, address_of(own.signals), info)
        release(own)
        process, result = keep(try_(self.search.process_of(number), Errno.ESRCH)), keep(I64)
        # The credentials of the target are looked at under it
        with self.processes.lock.held():
            mov(result, self._send(process, info))
        self.processes.drop(process)
        ret(result)

    @function(context="thread")
    def _send_to_self(
        self, group: Keep[Ptr[SignalGroup]], info: Keep[Ptr[SignalInfo]]
    ) -> OrErrno[I64]:
        """Send the signal of `info` to the process that runs, whose `group` it is: nobody has to be
        asked for that. Returns what `_send` does."""
        fail_if(info.number > SIGNALS, Errno.EINVAL)
        with if_(info.number == 0):
            ret(0)
        result = self.signals.send(group, info)
        movsxd(rax, result)
        ret(rax)

    @function(context="thread")
    def _send_to_group(self, number: Keep[U32], info: Keep[Ptr[SignalInfo]]) -> OrErrno[I64]:
        """Send the signal of `info` to the members of the group `number`. Returns 0 if some of them
        were sent it, -ESRCH if there are none, or an error."""
        result = keep(I64)
        with self.processes.lock.held():
            mov(result, -Errno.ESRCH)
            group = keep(self.groups.find(number))
            with if_(group != 0), group.members.each(Process, "group_link") as process:
                self._add_result(result, self._send(process, info))
        ret(result)

    @function(context="thread")
    def _send_to_all(self, info: Keep[Ptr[SignalInfo]]) -> OrErrno[I64]:
        """Send the signal of `info` to all processes but the first one and this one. Returns as
        `_send_to_group` does."""
        result, own = keep(I64), keep(self.processes.current_process())
        with self.processes.lock.held():
            # As long as there is nobody but these two
            mov(result, -Errno.ESRCH)
            with (
                self.processes.each() as process,
                if_((process != own) & (process.number != FIRST_PROCESS)),
            ):
                self._add_result(result, self._send(process, info))
        ret(result)

    @inline(changes="result")
    def _add_result(self, result: I64, sent: I64) -> None:
        """Make `result`, of several processes, one of one more that was `sent` a signal: 0 once
        that went well."""
        # One success counts more than any errors (kill(2))
        with if_(sent == 0):
            xor(result, result)
        with elif_(result != 0):
            mov(result, sent)

    @function(holds="Processes.lock")
    def _send(self, process: Keep[Ptr[Process]], info: Keep[Ptr[SignalInfo]]) -> OrErrno[I64]:
        """Send the signal of `info` to `process`. Returns 0, -EINVAL, -EPERM or -EAGAIN."""
        try_(self._check(process, info.number))
        with if_(info.number == 0):
            ret(0)
        result = self.signals.send(address_of(process.signals), info)
        movsxd(rax, result)
        ret(rax)

    # To threads

    @function(context="thread", sleeps=True)
    def tkill(self, number: I32, signal: U32) -> OrErrno[I64]:
        """Send `signal` to the thread `number`."""
        info = local(SignalInfo)
        # Threads have no groups: only numbers of threads are meant here
        fail_if(number <= 0, Errno.EINVAL)
        number = keep(number)
        self._describe(address_of(info), signal, SignalCode.SI_TKILL)
        task = self.processes.current()
        with if_(u32(number) == task.number), if_(self.own_signals.hand_over(address_of(info))):
            ret(0)
        process = try_(self.search.process_of(u32(number)), Errno.ESRCH)
        ret(self._send_to_thread(process, u32(number), address_of(info)))

    @function(context="thread", sleeps=True)
    def tgkill(self, process_number: Keep[I32], number: Keep[I32], signal: U32) -> OrErrno[I64]:
        """Send `signal` to the thread `number` of the process `process_number`."""
        info = local(SignalInfo)
        fail_if((process_number <= 0) | (number <= 0), Errno.EINVAL)
        self._describe(address_of(info), signal, SignalCode.SI_TKILL)
        task = self.processes.current()
        process = scratch(task.process)
        own = (u32(process_number) == process.number) & (u32(number) == task.number)
        # What raise(3) does
        with if_(own), if_(self.own_signals.hand_over(address_of(info))):
            ret(0)
        process = try_(self.processes.find(u32(process_number)), Errno.ESRCH)
        ret(self._send_to_thread(process, u32(number), address_of(info)))

    @function(context="thread")
    def _send_to_thread(
        self, process: Keep[Owned[Ptr[Process]]], number: Keep[U32], info: Keep[Ptr[SignalInfo]]
    ) -> OrErrno[I64]:
        """Send the signal of `info` to the thread `number` of `process`, to which the reference is
        dropped. Returns what `_send` does, or -ESRCH."""
        result = keep(I64)
        with self.processes.lock.held():
            mov(result, self._look_up(process, number, info))
        self.processes.drop(process)
        ret(result)

    @function(context="interrupts off", holds="Processes.lock")
    def _look_up(
        self, process: Keep[Ptr[Process]], number: Keep[U32], info: Keep[Ptr[SignalInfo]]
    ) -> OrErrno[I64]:
        """Send the signal of `info` to the thread `number` of `process`."""
        result = keep(I64)
        with process.lock.held_interrupts_off():
            mov(result, -Errno.ESRCH)
            task = keep(self.search.find(process, number))
            with if_(task != 0):
                mov(result, self._check(process, info.number))
                # Signal 0 asks, and nothing is sent
                with if_((result == 0) & (info.number != 0)):
                    sent = self.signals.send_to_thread(task, info)
                    movsxd(result, sent)
        ret(result)

    # With values

    @function(context="thread", sleeps=True)
    def rt_sigqueueinfo(
        self, number: Keep[I32], signal: Keep[U32], source: User[U8]
    ) -> OrErrno[I64]:
        """Send `signal` to the process `number`, with what is at `source`."""
        info = local(SignalInfo)
        try_(self._fetch(address_of(info), source, signal))
        try_(self._check_code(info.code, number))
        ret(self._send_to_process(u32(number), address_of(info)))

    @function(context="thread", sleeps=True)
    def rt_tgsigqueueinfo(
        self, process_number: Keep[I32], number: Keep[I32], signal: Keep[U32], source: User[U8]
    ) -> OrErrno[I64]:
        """Send `signal` to the thread `number` of the process `process_number`, with what is at
        `source`."""
        info = local(SignalInfo)
        fail_if((process_number <= 0) | (number <= 0), Errno.EINVAL)
        try_(self._fetch(address_of(info), source, signal))
        try_(self._check_code(info.code, process_number))
        process = try_(self.processes.find(u32(process_number)), Errno.ESRCH)
        ret(self._send_to_thread(process, u32(number), address_of(info)))

    @function(context="thread", sleeps=True)
    def _fetch(
        self, info: Keep[Ptr[SignalInfo]], source: Fetched[User[U8]], signal: Keep[U32]
    ) -> OrErrno[I64]:
        """Fill in `info` with what the program has at `source` for a `signal`. Returns 0 or
        -EFAULT."""
        result, left = self.copy.copy_in(u64(info), source, sizeof(SignalInfo))
        ignore(left)
        # The argument counts, whatever the program has written there
        mov(info.number, signal)
        movsxd(rax, result)
        ret(rax)

    @function(context="thread")
    def _check_code(self, code: I32, number: I32) -> OrErrno[I64]:
        """Return 0 if the process that runs may say that a signal to the process `number` has this
        `code`, else -EPERM: only to itself what comes of the kernel or of `tkill`."""
        process = self.processes.current_process()
        with if_((code >= 0) | (code == SignalCode.SI_TKILL)):
            mov(eax, process.number)
            fail_if(u32(number) != eax, Errno.EPERM)
        ret(0)

    # To processes that are open

    @function(context="thread", sleeps=True)
    def pidfd_send_signal(
        self, number: U32, signal: Keep[U32], source: Keep[User[U8]], flags: U32
    ) -> OrErrno[I64]:
        """Send `signal` to the process that the file `number` stands for, with what is at `source`
        unless that is null."""
        info, result = local(SignalInfo), keep(I64)
        fail_if(flags != 0, Errno.EINVAL)
        found, ignored = self.files.find(number)
        ignore(ignored)
        fail_if(found == 0, Errno.EBADF)
        process = keep(found)
        mov(result, self._fill_in(address_of(info), process, signal, source))
        with if_(result == 0), self.processes.lock.held():
            mov(result, -Errno.ESRCH)
            with if_(process.state != ProcessState.REAPED):
                mov(result, self._send(process, address_of(info)))
        self.processes.drop(process)
        ret(result)

    @function(context="thread", sleeps=True)
    def _fill_in(
        self,
        info: Keep[Ptr[SignalInfo]],
        process: Keep[Ptr[Process]],
        signal: Keep[U32],
        source: Fetched[User[U8]],
    ) -> OrErrno[I64]:
        """Fill in `info` with a `signal` for `process`, and what is at `source` unless that is
        null. Returns 0, -EFAULT, -EINVAL for another signal there, or -EPERM."""
        with if_(source == 0):
            self._describe(info, signal, SignalCode.SI_USER)
            ret(0)
        self.copy.copy_in_all(u64(info), source, sizeof(SignalInfo))
        fail_if(info.number != signal, Errno.EINVAL)
        tail(self._check_code, info.code, i32(process.number))

    # Rights

    @function(holds="Processes.lock")
    def _check(self, process: Keep[Ptr[Process]], number: Keep[U32]) -> OrErrno[I64]:
        """Return 0 if the task that runs may send the signal `number` to `process`; -EINVAL if
        there is none, -EPERM if not: it has CAP_KILL, or is that user, or lets its own session go
        on."""
        fail_if(number > SIGNALS, Errno.EINVAL)
        task = scratch(self.processes.current())
        own = scratch(task.credentials)
        with if_(own.effective & (1 << CapabilityBit.KILL)):
            ret(0)
        release(task, own)
        with if_((number == Signal.SIGCONT) & self._is_in_session(process)):
            ret(0)
        user, saved = self._users_of(process)
        task = scratch(self.processes.current())
        own = scratch(task.credentials)
        for one in (own.user, own.effective_user):
            with if_((user == one) | (saved == one)):
                ret(0)
        ret(-Errno.EPERM)

    @inline(changes=rax)
    def _is_in_session(self, process: Ptr[Process]) -> Condition:
        """Return the condition that `process` is in the session of the one that runs."""
        current = self.processes.current_process()
        group, own_group = scratch(process.group), scratch(current.group)
        mov(rax, group.session)
        release(current, group, own_group)
        return rax == own_group.session

    @function(context="interrupts off")
    def _users_of(self, process: Ptr[Process]) -> tuple[U32, U32]:
        """Return the real and the saved user of `process`."""
        group, user, saved = scratch(address_of(process.signals)), scratch(U32), scratch(U32)
        mov(user, process.user)
        mov(saved, user)
        with group.lock.held_interrupts_off(), if_(group.count != 0):
            # Its credentials stay as long as the thread is a member
            first = container_of(scratch(group.members.next), SignalTarget, "member")
            task = cast(first, Ptr[Task])
            credentials = scratch(task.credentials)
            mov(user, credentials.user)
            mov(saved, credentials.saved_user)
        ret(user, saved)
