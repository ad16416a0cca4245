"""Terminals and the jobs in front of them."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit
from kernel.process.process import Process
from kernel.process.processes import Processes
from kernel.process.processgroups import ProcessGroups
from kernel.process.session import ControllingTerminal, ProcessGroup
from kernel.process.task import Task
from kernel.sched.scheduler import Scheduler
from kernel.signals.signalactions import Disposition
from kernel.signals.signalactionstore import SignalActionStore
from kernel.signals.signalinfo import SignalInfo
from kernel.signals.signalnumber import Signal, SignalCode
from kernel.signals.signals import Signals
from kernel.signals.signalset import bit_of
from pykasm import *


class JobControl(Subsystem):
    """Which session a terminal controls, and which of its groups is in the foreground (POSIX.1,
    11.1). Context: thread."""

    console = bss(OrNull[Ptr[ControllingTerminal]])
    """That of the console, once there is one."""

    def __init__(
        self,
        scheduler: Scheduler,
        processes: Processes,
        groups: ProcessGroups,
        signals: Signals,
        actions: SignalActionStore,
    ) -> None:
        self.scheduler = scheduler
        self.processes = processes
        self.groups = groups
        self.signals = signals
        self.actions = actions

    # Signals

    @function(context="thread")
    def send(self, terminal: Keep[Ptr[ControllingTerminal]], number: Keep[U32]) -> None:
        """Send a signal to the foreground of `terminal`."""
        with self.processes.lock.held():
            group = self.groups.find(terminal.foreground)
            with if_(group != 0):
                self._send(group, number)

    @function(holds="Processes.lock")
    def _send(self, group: Ptr[ProcessGroup], number: Keep[U32]) -> None:
        """Send a signal of the kernel's to all members of `group`."""
        members = keep(group)
        with members.members.each(Process, "group_link") as process:
            self._send_one(process, number)

    @function(holds="Processes.lock")
    def _send_one(self, process: Keep[Ptr[Process]], number: U32) -> None:
        """Send a signal of the kernel's to `process`."""
        info, number = local(SignalInfo), scratch(number)
        info.clear()
        mov(info.number, number)
        mov(info.code, SignalCode.SI_KERNEL)
        sent = self.signals.send(address_of(process.signals), address_of(info))
        ignore(sent, "those of the kernel need no room")

    # Whose it is

    @function(context="thread")
    def acquire(self, terminal: Keep[Ptr[ControllingTerminal]], steal: Keep[U32]) -> OrErrno[I64]:
        """Make `terminal` that of the session that the process leads. Returns 0; or -EPERM if it
        leads none, or that has another one, or `terminal` has another session: with `steal` 1, a
        process that may takes it from that; -EIO if it was hung up for good."""
        process, result = keep(self.processes.current_process()), keep(I64)
        task = scratch(self.processes.current())
        credentials = scratch(task.credentials)
        with if_((credentials.effective & (1 << CapabilityBit.SYS_ADMIN)) == 0):
            xor(steal, steal)
        release(task, credentials)
        mov(result, -Errno.EPERM)
        with self.processes.lock.held():
            group = scratch(process.group)
            session = scratch(group.session)
            mov(eax, session.number)
            with if_(session.terminal == terminal):
                xor(u32(result), u32(result))
            with elif_(terminal.is_gone != 0):
                mov(result, -Errno.EIO)
            with elif_(
                (eax == process.number)
                & (session.terminal == 0)
                & ((terminal.session == 0) | (steal == 1))
            ):
                self._give(terminal, process)
                xor(u32(result), u32(result))
        ret(result)

    @function(holds="Processes.lock")
    def _give(self, terminal: Ptr[ControllingTerminal], process: Ptr[Process]) -> None:
        """Make `terminal` that of the session of `process`, which has none, and no other's."""
        former, group = scratch(terminal.session), scratch(process.group)
        session = scratch(group.session)
        with if_(former != 0):
            mov(former.terminal, 0)
        mov(session.terminal, terminal)
        mov(terminal.session, session)
        mov(eax, u32(group.node.key))
        mov(terminal.foreground, eax)

    @function(context="thread")
    def adopt(self, process: Keep[Ptr[Process]], terminal: Keep[Ptr[ControllingTerminal]]) -> None:
        """Make `terminal`, if nobody has it, that of the session of `process`."""
        with self.processes.lock.held():
            group = scratch(process.group)
            session = scratch(group.session)
            with if_((terminal.session == 0) & (session.terminal == 0)):
                self._give(terminal, process)

    @function(context="thread")
    def offer(self, terminal: Keep[Ptr[ControllingTerminal]]) -> None:
        """Make `terminal`, which is being opened, that of the session of the process, if neither
        has another one and the process leads the session (POSIX.1, 11.1.3)."""
        task = scratch(OrNull[Ptr[Task]])
        thread = scratch(self.scheduler.current)
        mov(task, cast(thread.user, Ptr[Task]))
        with if_(task == 0):
            ret()  # the kernel itself
        process = keep(task.process)
        with self.processes.lock.held():
            group = scratch(process.group)
            session = scratch(group.session)
            mov(eax, session.number)
            with if_(
                (eax == process.number)
                & (session.terminal == 0)
                & (terminal.session == 0)
                & (terminal.is_gone == 0)
            ):
                self._give(terminal, process)

    @function(context="thread")
    def gain_current(self) -> Owned[OrNull[Ptr[ControllingTerminal]]]:
        """Return a reference to the terminal of the session that the process is in, or null."""
        process, terminal = scratch(self.processes.current_process()), scratch(U64)
        with self.processes.lock.held():
            group = scratch(process.group)
            session = scratch(group.session)
            found = scratch(session.terminal)
            with if_(found != 0):
                found.references.gain()
            mov(terminal, u64(found))
        ret(cast(terminal, Ptr[ControllingTerminal]))

    @function(context="thread")
    def current(self) -> OrNull[Ptr[ControllingTerminal]]:
        """Return the terminal of the session that the process is in, or null."""
        process, terminal = scratch(self.processes.current_process()), scratch(U64)
        with self.processes.lock.held():
            group = scratch(process.group)
            session = scratch(group.session)
            mov(terminal, u64(session.terminal))
        ret(cast(terminal, Ptr[ControllingTerminal]))

    @function(context="thread")
    def leave(self, process: Keep[Ptr[Process]]) -> None:
        """Take the terminal from the session of `process`, which ends, if it leads that; tell the
        foreground, or what was that when the terminal was hung up."""
        foreground = keep(U32)
        with self.processes.lock.held():
            group = scratch(process.group)
            session = scratch(group.session)
            mov(eax, session.number)
            with if_(eax == process.number):
                mov(foreground, session.left)
                terminal = scratch(session.terminal)
                with if_(terminal != 0):
                    mov(session.terminal, 0)
                    mov(terminal.session, 0)
                    # Before it is forgotten: these are told that nobody controls them any more
                    mov(foreground, terminal.foreground)
                    mov(terminal.foreground, 0)
                job = keep(self.groups.find(foreground))
                with if_(job != 0):
                    self._send(job, Signal.SIGHUP)
                    # A stopped one could not end by the first signal before the second lets it go
                    # on
                    self._send(job, Signal.SIGCONT)

    @function(context="thread")
    def hang_up(self, terminal: Keep[Ptr[ControllingTerminal]], is_gone: U32) -> None:
        """Take `terminal` from its session, and tell who leads that; with `is_gone`, for good. The
        foreground is told when the leader has ended."""
        with self.processes.lock.held():
            or_(terminal.is_gone, is_gone)
            session = keep(terminal.session)
            with if_(session != 0):
                mov(session.terminal, 0)
                mov(terminal.session, 0)
                mov(eax, terminal.foreground)
                # `leave` tells these, once the leader, which is told now, has ended
                mov(session.left, eax)
                mov(terminal.foreground, 0)
                self._send_leader(session.number)

    @function(holds="Processes.lock")
    def _send_leader(self, number: Keep[U32]) -> None:
        """Send SIGHUP and SIGCONT to the leader of the session `number`, if it has not ended."""
        group = self.groups.find(number)
        with if_(group == 0):
            ret()
        members = keep(group)
        with (
            members.members.each(Process, "group_link") as process,
            if_(process.number == number),
        ):
            for signal in (Signal.SIGHUP, Signal.SIGCONT):
                self._send_one(process, signal)

    @function(context="thread")
    def give_up(self, terminal: Keep[Ptr[ControllingTerminal]]) -> OrErrno[I64]:
        """Give up `terminal` for the session that the process leads, and tell the foreground.
        Returns 0; -ENOTTY if it is not that of the session, or the process does not lead that and
        so has no terminal of its own to give up."""
        process = keep(self.processes.current_process())
        fail_if(self.current() != terminal, Errno.ENOTTY)
        self.leave(process)
        fail_if(self.current() == terminal, Errno.ENOTTY)
        ret(0)

    # The foreground

    @function(context="thread")
    def foreground(self, terminal: Ptr[ControllingTerminal]) -> OrErrno[I64]:
        """Return the number of the foreground group, 0 if there is none."""
        terminal, result = scratch(terminal), scratch(I64)
        with self.processes.lock.held():
            mov(u32(result), terminal.foreground)
        ret(result)

    @function(context="thread")
    def session(self, terminal: Ptr[ControllingTerminal]) -> OrErrno[I64]:
        """Return the number of the session; -ENOTTY if there is none."""
        terminal, result = scratch(terminal), scratch(I64)
        with self.processes.lock.held():
            session = scratch(terminal.session)
            mov(result, -Errno.ENOTTY)
            with if_(session != 0):
                mov(u32(result), session.number)
        ret(result)

    @function(context="thread")
    def set_foreground(
        self, terminal: Keep[Ptr[ControllingTerminal]], number: Keep[U32]
    ) -> OrErrno[I64]:
        """Make the group `number` the foreground. Returns 0; -ENOTTY if `terminal` does not control
        the session of the process, -ESRCH if there is no such group, -EPERM if it is of another
        session, or -EINVAL."""
        process, result = keep(self.processes.current_process()), keep(I64)
        fail_if(self.current() != terminal, Errno.ENOTTY)
        fail_if(i32(number) < 0, Errno.EINVAL)
        with self.processes.lock.held():
            group = scratch(self.groups.find(number))
            mov(result, -Errno.ESRCH)
            with if_(group != 0):
                own = scratch(process.group)
                mov(rax, own.session)
                mov(result, -Errno.EPERM)
                with if_(rax == group.session):
                    mov(terminal.foreground, number)
                    xor(u32(result), u32(result))
        ret(result)

    @function(context="thread")
    def check(self, terminal: Keep[Ptr[ControllingTerminal]], number: Keep[U32]) -> OrErrno[I64]:
        """Decide whether the process may use its `terminal`: if it is not in the foreground, its
        group is sent the signal `number`, SIGTTIN or SIGTTOU. Returns 0, -ERESTARTSYS behind that;
        or -EIO for reading where the signal would do nothing, or where nobody would let the group
        go on."""
        result, task = keep(I64), keep(OrNull[Ptr[Task]])
        thread = scratch(self.scheduler.current)
        mov(task, cast(thread.user, Ptr[Task]))
        with if_(task == 0):
            ret(0)  # the kernel itself
        process = keep(task.process)
        with self.processes.lock.held():
            mov(result, self._check(terminal, process))
        with if_(result == 0):
            ret(0)
        with if_(self._is_of_no_use(task, number)):
            fail_if(number == Signal.SIGTTIN, Errno.EIO)
            ret(0)
        fail_if(result == -Errno.EIO, Errno.EIO)
        with self.processes.lock.held():
            self._send(process.group, number)
        ret(result)

    @function(holds="Processes.lock")
    def _check(self, terminal: Ptr[ControllingTerminal], process: Ptr[Process]) -> OrErrno[I64]:
        """Return 0 for who is in the foreground, or has another terminal; -ERESTARTSYS, or -EIO in
        an orphaned group."""
        group = scratch(process.group)
        session = scratch(group.session)
        mov(eax, u32(group.node.key))
        with if_((session.terminal != terminal) | (eax == terminal.foreground)):
            ret(0)
        with if_(self._is_orphaned(group)):
            ret(-Errno.EIO)
        ret(-Errno.ERESTARTSYS)

    @function(holds="Processes.lock")
    def _is_orphaned(self, group: Ptr[ProcessGroup]) -> Bool:
        """Return whether no member of `group` has a parent in another group of the session, who
        could let it go on (POSIX.1, 3.264)."""
        group = scratch(group)
        with group.members.each(Process, "group_link") as process:
            parent = scratch(process.parent)
            with if_(parent != 0):
                other = scratch(parent.group)
                mov(rax, group.session)
                with if_((other != group) & (rax == other.session)):
                    ret(False)
        ret(True)

    @function
    def _is_of_no_use(self, task: Keep[Ptr[Task]], number: Keep[U32]) -> Bool:
        """Return whether `task` ignores or blocks the signal `number`."""
        with if_(task.mask & bit_of(number)):
            ret(True)
        group = scratch(task.group)
        ret(self.actions.handler_of(group.actions, number) == Disposition.IGNORE)
