"""How processes wait for their children."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from kernel.errno import Errno
from kernel.process.process import Process, ProcessState
from kernel.process.processes import Processes
from kernel.process.resourceusage import ResourceUsage
from kernel.process.usages import Usages
from kernel.sched.thread import INTERRUPTIBLE
from kernel.sched.waiting import FOREVER
from kernel.signals.signalnumber import Signal
from kernel.sync.pollqueues import PollQueues
from pykasm import *


class WaitOption(IntFlag):
    """What is waited for, and how (include/uapi/linux/wait.h)."""

    NOHANG = 0x1
    STOPPED = 0x2
    EXITED = 0x4
    CONTINUED = 0x8
    NOWAIT = 0x0100_0000
    """The child can be waited for again."""
    NOTHREAD = 0x2000_0000
    ALL = 0x4000_0000
    """Also children that send no SIGCHLD when they end."""
    CLONE = 0x8000_0000
    """Only those."""


class WaitKind(IntEnum):
    """Which children are waited for (include/uapi/linux/wait.h: P_ALL and so on)."""

    ALL = 0
    PROCESS = 1
    GROUP = 2
    FILE = 3
    """The one that a file stands for (P_PIDFD)."""


class ChildEvent(IntEnum):
    """What has become of a child (include/uapi/asm-generic/siginfo.h: CLD_EXITED and so on)."""

    NOTHING = 0
    EXITED = 1
    KILLED = 2
    DUMPED = 3
    STOPPED = 5
    CONTINUED = 6


STOPPED_STATUS = 0x7F
"""The low byte of the status of a stopped process, above which the signal is (wait(2))."""
CONTINUED_STATUS = 0xFFFF
"""The status of one that goes on."""


STATUS_SHIFT = 8
"""Where in a status the number is that a process exited with."""
SIGNAL_MASK = 0x7F
"""The bits of a status that are the signal which ended a process."""
DUMPED = 0x80
"""The bit that says that it left its memory in a file."""


class ChildWait(Struct):
    """A wait for children, and what it found."""

    kind: U32 = field(WaitKind)
    number: U32
    """Of the process or the group."""
    process: OrNull[Ptr[Process]]
    """The one that is meant, if a file says it; somebody has a reference."""
    options: U32 = field(WaitOption)
    is_child_there: U32
    """1 if there is one that may come to what is waited for."""
    child: U32
    """The number of the child that has; 0 for none."""
    status: U32
    """What `wait4` gives of it."""
    event: U32 = field(ChildEvent)
    user: U32
    usage: ResourceUsage
    """What it has used, and its children."""


class Waits(Subsystem):
    """Finds out what has become of children, and frees those that have ended. Context: thread."""

    def __init__(self, processes: Processes, usages: Usages, queues: PollQueues) -> None:
        self.processes = processes
        self.usages = usages
        self.queues = queues

    @function(context="thread", sleeps=True)
    def wait(self, request: Keep[Ptr[ChildWait]]) -> OrErrno[I64]:
        """Wait for what `request` tells, and fill in what was found. Returns 0, -ECHILD or
        -ERESTARTSYS."""
        process, noted = keep(self.processes.current_process()), keep(U64)
        with loop():
            mov(noted, self.queues.note(process.child_events))
            # Before the look, so that what happens to a child after it ends the wait at once
            self._look(process, request)
            with if_(request.child != 0):
                ret(0)
            fail_if(request.is_child_there == 0, Errno.ECHILD)
            with if_((request.options & WaitOption.NOHANG) != 0):
                ret(0)
            waited = self.queues.wait(
                address_of(process.child_events), noted, FOREVER, INTERRUPTIBLE
            )
            with if_(waited != 0):
                ret(-Errno.ERESTARTSYS)

    @function(context="thread")
    def _look(self, process: Keep[Ptr[Process]], request: Keep[Ptr[ChildWait]]) -> None:
        """Fill `request` in with what there is of the children of `process`."""
        mov(request.child, 0)
        mov(request.is_child_there, 0)
        with self.processes.lock.held():
            with if_(request.kind == WaitKind.PROCESS):
                # By its number at once: a shell with many children waits for one after the other
                one = scratch(self.processes.look_up(request.number))
                with if_(one != 0), if_(one.parent == process):
                    ignore(self._look_at(one, request), "the request tells")
            with else_(), process.children.each_removable(Process, "sibling") as child:
                break_if(self._look_at(child, request))

    @function(holds="Processes.lock")
    def _look_at(self, child: Keep[Ptr[Process]], request: Keep[Ptr[ChildWait]]) -> Bool:
        """Fill `request` in with what there is of `child`. Returns whether it is what is waited
        for."""
        fail_if(~self._is_meant(child, request))
        mov(request.is_child_there, 1)
        tail(self._take, child, request)

    @function(holds="Processes.lock")
    def _is_meant(self, child: Ptr[Process], request: Ptr[ChildWait]) -> Bool:
        """Return whether `request` is about `child`."""
        mov(eax, request.number)
        with if_(request.kind == WaitKind.PROCESS), if_(eax != child.number):
            ret(False)
        with if_(request.kind == WaitKind.FILE), if_(child != request.process):
            ret(False)
        with if_(request.kind == WaitKind.GROUP):
            group = scratch(child.group)
            with if_(eax != u32(group.node.key)):
                ret(False)
            release(group)
        with if_((request.options & WaitOption.ALL) != 0):
            ret(True)
        mov(eax, request.options)
        with if_(child.exit_signal != Signal.SIGCHLD):
            # Children that tell of their end by another signal than SIGCHLD are waited for with
            # CLONE, the others without it
            xor(eax, WaitOption.CLONE)
        ret((eax & WaitOption.CLONE) == 0)

    @function(holds="Processes.lock")
    def _take(self, child: Keep[Ptr[Process]], request: Keep[Ptr[ChildWait]]) -> Bool:
        """Fill `request` in with what has become of `child`, and forget it unless it can be waited
        for again. Returns whether there is anything."""
        options = scratch(request.options)
        # First, as a child that has ended is stopped no more, whatever was noted of that
        with if_((options & WaitOption.EXITED) != 0), if_(child.state == ProcessState.ZOMBIE):
            self._fill_in_end(child, request)
            self._fill_in_usage(child, request)
            with if_((request.options & WaitOption.NOWAIT) == 0):
                self._count_usage(child, request)
                self.processes.unlist(child)
                # The list of children had this reference
                take_over(child, "nobody waits for it any more")
                self.processes.drop(child)
            ret(True)
        with if_((options & WaitOption.STOPPED) != 0), if_(child.stop_signal != 0):
            mov(eax, child.stop_signal)
            # The signal stands where an exit code does, and tells apart by the low byte (wait(2),
            # WSTOPSIG)
            shl(eax, 8)
            or_(eax, STOPPED_STATUS)
            self._fill_in(child, request, ChildEvent.STOPPED)
            self._fill_in_usage(child, request)
            self._forget(request, child.stop_signal)
            ret(True)
        with if_((options & WaitOption.CONTINUED) != 0), if_(child.continued != 0):
            mov(eax, CONTINUED_STATUS)
            self._fill_in(child, request, ChildEvent.CONTINUED)
            self._fill_in_usage(child, request)
            self._forget(request, child.continued)
            ret(True)
        ret(False)

    @inline
    def _forget(self, request: Ptr[ChildWait], report: U32) -> None:
        """Zero `report`, unless it can be waited for again."""
        with if_((request.options & WaitOption.NOWAIT) == 0):
            mov(report, 0)

    @inline(changes=(rax, rcx))
    def _fill_in(self, child: Ptr[Process], request: Ptr[ChildWait], event: ChildEvent) -> None:
        """Fill `request` in with an `event` of `child`, whose status is in eax."""
        mov(request.status, eax)
        mov(request.event, event)
        mov(eax, child.number)
        mov(request.child, eax)
        mov(eax, child.user)
        mov(request.user, eax)

    @function(holds="Processes.lock")
    def _fill_in_usage(self, child: Keep[Ptr[Process]], request: Keep[Ptr[ChildWait]]) -> None:
        """Fill `request` in with what `child` and its children have used."""
        usage = keep(address_of(request.usage))
        self.usages.of_process(child, usage)
        more = scratch(address_of(child.of_children))
        usage.add(more)

    @function(holds="Processes.lock")
    def _count_usage(self, child: Ptr[Process], request: Ptr[ChildWait]) -> None:
        """Count what `child` has used, which is in `request`, for its parent, which has waited for
        its end."""
        parent = scratch(child.parent)
        asserts(parent != 0)  # it waits
        total, usage = scratch(address_of(parent.of_children)), scratch(address_of(request.usage))
        total.add(usage)

    @function(holds="Processes.lock")
    def _fill_in_end(self, child: Ptr[Process], request: Ptr[ChildWait]) -> None:
        """Fill `request` in with the end of `child`."""
        mov(eax, child.exit_status)
        mov(edx, eax)
        self._fill_in(child, request, ChildEvent.EXITED)
        with if_(edx & SIGNAL_MASK):
            mov(request.event, ChildEvent.KILLED)
            with if_(edx & DUMPED):
                mov(request.event, ChildEvent.DUMPED)
