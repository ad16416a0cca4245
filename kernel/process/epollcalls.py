"""System calls that wait for sets of files."""

from __future__ import annotations

from enum import IntEnum

from kernel.clock.units import Nanoseconds
from kernel.errno import Errno
from kernel.fs.epoll import OF_EXCLUSIVE, Epoll, EpollEvent, EpollFlag
from kernel.fs.epolls import Epolls
from kernel.fs.file import File
from kernel.fs.files import Files
from kernel.fs.openflag import OpenFlag
from kernel.process.filecalls import FileCalls
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.usertimes import UserTimes
from kernel.process.waitmasks import WaitMasks
from kernel.sched.waiting import FOREVER
from kernel.vm.usercopy import UserCopy
from pykasm import *

MOST_EVENTS = ((1 << 31) - 1) // sizeof(EpollEvent)
"""That can be asked for at once (Linux: EP_MAX_EVENTS)."""


class EpollChange(IntEnum):
    """What `epoll_ctl` does (include/uapi/linux/eventpoll.h)."""

    ADD = 1
    REMOVE = 2
    CHANGE = 3


class EpollCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        numbers: FileCalls,
        files: Files,
        epolls: Epolls,
        times: UserTimes,
        masks: WaitMasks,
        copy: UserCopy,
    ) -> None:
        self.processes = processes
        self.numbers = numbers
        self.files = files
        self.epolls = epolls
        self.times = times
        self.masks = masks
        self.copy = copy

    @function(context="thread", sleeps=True)
    def epoll_create(self, size: I32) -> OrErrno[I64]:
        """Make an empty set, and return its number. How large it becomes need not be told."""
        fail_if(size <= 0, Errno.EINVAL)
        tail(self.epoll_create1, 0)

    @function(context="thread", sleeps=True)
    def epoll_create1(self, flags: Keep[U32]) -> OrErrno[I64]:
        """Do what `epoll_create` does by flags."""
        fail_if(flags & ~int(OpenFlag.CLOSE_ON_EXEC), Errno.EINVAL)
        task = self.processes.current()
        file = try_(self.epolls.create(flags, task.credentials), Errno.ENOMEM)
        tail(self.numbers.add, file, 0, flags)

    # What is watched

    @function(context="thread", sleeps=True)
    def epoll_ctl(
        self, number: Keep[U32], change: Keep[U32], watched: Keep[U32], place: Fetched[User[U8]]
    ) -> OrErrno[I64]:
        """Watch the file `watched` as the event at `place` says, otherwise than before, or no
        longer."""
        event, result = local(EpollEvent), local(I64)
        with if_(change != EpollChange.REMOVE):
            self.copy.copy_in_all(address_of(event), place, sizeof(EpollEvent))
        file = keep(try_(self._get(number), Errno.EBADF))
        errdefer(self.files.drop, file)
        other = keep(try_(self._get(watched), Errno.EBADF))
        mov(result, self._check(file, other))
        with if_(result == 0):
            mov(result, self._change(file, other, watched, change, address_of(event)))
        self.files.drop(other)
        self.files.drop(file)
        ret(result)

    @function(context="thread")
    def _get(self, number: U32) -> Owned[OrNull[Ptr[File]]]:
        """Return a reference to the file `number`, or null; also if it was opened for its place
        alone."""
        file = try_(self.numbers.get(number))
        with if_((file.flags & OpenFlag.PATH) == 0):
            ret(file)
        self.files.drop(file)
        ret(0)

    @function(context="thread")
    def _check(self, file: Keep[Ptr[File]], watched: Keep[Ptr[File]]) -> OrErrno[I64]:
        """Return 0 if `file` is a set, and `watched` may be in one; -EPERM or -EINVAL."""
        fail_if(~self.epolls.can_watch(watched), Errno.EPERM)
        fail_if(file == watched, Errno.EINVAL)
        fail_if(~self.epolls.is_set(file), Errno.EINVAL)
        ret(0)

    @function(context="thread", sleeps=True)
    def _change(
        self,
        file: Ptr[File],
        watched: Ptr[File],
        number: U32,
        change: U32,
        event: Ptr[EpollEvent],
    ) -> OrErrno[I64]:
        """Do what an `EpollChange` says with the set of `file`."""
        epoll = scratch(cast(file.private, Ptr[Epoll]))
        with switch(change):
            with case(EpollChange.ADD):
                with if_(event.events & EpollFlag.EXCLUSIVE):
                    fail_if(event.events & (~int(OF_EXCLUSIVE) & 0xFFFF_FFFF), Errno.EINVAL)
                    fail_if(self.epolls.is_set(watched), Errno.EINVAL)
                tail(self.epolls.add, epoll, watched, number, event)
            with case(EpollChange.CHANGE):
                fail_if(event.events & EpollFlag.EXCLUSIVE, Errno.EINVAL)
                tail(self.epolls.change, epoll, watched, number, event)
            with case(EpollChange.REMOVE):
                tail(self.epolls.remove, epoll, watched, number)
        ret(-Errno.EINVAL)

    # Waiting

    @function(context="thread", sleeps=True)
    def epoll_wait(
        self, number: Keep[U32], place: Keep[User[U8]], most: Keep[I32], timeout: I32
    ) -> OrErrno[I64]:
        """Store up to `most` events at `place`, once there are some; wait at most `timeout`
        milliseconds, for ever if that is negative."""
        deadline = local(Nanoseconds)
        self.times.after_milliseconds(timeout, address_of(deadline))
        tail(self._wait, number, place, most, deadline)

    @function(context="thread", sleeps=True)
    def epoll_pwait(
        self,
        number: Keep[U32],
        place: Keep[User[U8]],
        most: Keep[I32],
        timeout: I32,
        mask: Keep[User[U8]],
        size: Keep[U64],
    ) -> OrErrno[I64]:
        """Do what `epoll_wait` does with another set of signals blocked meanwhile."""
        deadline = local(Nanoseconds)
        self.times.after_milliseconds(timeout, address_of(deadline))
        try_(self.masks.block(mask, size))
        tail(self._wait, number, place, most, deadline)

    @function(context="thread", sleeps=True)
    def epoll_pwait2(
        self,
        number: Keep[U32],
        place: Keep[User[U8]],
        most: Keep[I32],
        timeout: User[U8],
        mask: Keep[User[U8]],
        size: Keep[U64],
    ) -> OrErrno[I64]:
        """Do what `epoll_wait` does for at most the time at `timeout`."""
        deadline, timeout = local(Nanoseconds), scratch(timeout)
        mov(rax, FOREVER)
        mov(deadline, cast(rax, Nanoseconds))
        with if_(u64(timeout) != 0):
            try_(self.times.deadline(timeout, address_of(deadline)))
        try_(self.masks.block(mask, size))
        tail(self._wait, number, place, most, deadline)

    @function(context="thread", sleeps=True)
    def _wait(
        self, number: U32, place: Keep[User[U8]], most: Keep[I32], deadline: Keep[Nanoseconds]
    ) -> OrErrno[I64]:
        """Wait until `deadline`."""
        result = local(I64)
        fail_if((most <= 0) | (u32(most) > MOST_EVENTS), Errno.EINVAL)
        with self.numbers.borrowed(number) as file:
            mov(result, -Errno.EINVAL)
            with if_(self.epolls.is_set(file)):
                epoll = scratch(cast(file.private, Ptr[Epoll]))
                mov(result, self.epolls.wait(epoll, place, u32(most), deadline))
            with elif_(file.flags & OpenFlag.PATH):
                mov(result, -Errno.EBADF)
        ret(result)
