"""System calls for timers that are open files."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from kernel.clock.clock import Clock
from kernel.clock.units import Nanoseconds
from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit
from kernel.fs.file import File
from kernel.fs.files import Files
from kernel.fs.openflag import OpenFlag
from kernel.fs.timerfiles import FileTimer, FileTimerSetting, TimerFiles
from kernel.process.filecalls import FileCalls
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.timespec import TimeSpec, TimeSpecs
from kernel.time.wallclock import WallClock
from kernel.vm.usercopy import UserCopy
from pykasm import *


class TimerFileClock(IntEnum):
    """Clocks that such timers go by (timerfd_create(2))."""

    REALTIME = 0
    MONOTONIC = 1
    BOOT_TIME = 7
    REALTIME_ALARM = 8
    BOOT_TIME_ALARM = 9


class TimerFileFlag(IntFlag):
    """How they are set (include/uapi/linux/timerfd.h)."""

    ABSOLUTE = 1
    CANCEL_ON_SET = 2


OF_TIMERS = OpenFlag.CLOSE_ON_EXEC | OpenFlag.NONBLOCK
OF_SETTING = TimerFileFlag.ABSOLUTE | TimerFileFlag.CANCEL_ON_SET


class TimerFileCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        clock: Clock,
        wall: WallClock,
        processes: Processes,
        numbers: FileCalls,
        files: Files,
        timers: TimerFiles,
        specs: TimeSpecs,
        copy: UserCopy,
    ) -> None:
        self.clock = clock
        self.wall = wall
        self.processes = processes
        self.numbers = numbers
        self.files = files
        self.timers = timers
        self.specs = specs
        self.copy = copy

    @function(context="thread", sleeps=True)
    def timerfd_create(self, clock: U32, flags: Keep[U32]) -> OrErrno[I64]:
        """Make a timer that does not run yet, and return the number of its file."""
        is_of_day, needs_right = keep(U32), keep(U32)
        fail_if(flags & ~int(OF_TIMERS), Errno.EINVAL)
        xor(is_of_day, is_of_day)
        xor(needs_right, needs_right)
        with switch(clock):
            with case(TimerFileClock.REALTIME):
                inc(is_of_day)
            with case(TimerFileClock.REALTIME_ALARM):
                inc(is_of_day)
                inc(needs_right)
            with case(TimerFileClock.BOOT_TIME_ALARM):
                inc(needs_right)
            with case(TimerFileClock.MONOTONIC, TimerFileClock.BOOT_TIME):
                pass
            with default():
                fail(Errno.EINVAL)
        fail_if((needs_right != 0) & (lambda: ~self._has_right()), Errno.EPERM)
        task = self.processes.current()
        file = try_(
            self.timers.create(is_of_day, needs_right, flags, task.credentials), Errno.ENOMEM
        )
        tail(self.numbers.add, file, 0, flags)

    @function
    def _has_right(self) -> Bool:
        """Return whether the thread that runs may have the machine woken."""
        task = self.processes.current()
        own = scratch(task.credentials)
        mov(rax, own.effective)
        bt(rax, CapabilityBit.WAKE_ALARM)
        ret(CF)

    @function(context="thread", sleeps=True)
    def timerfd_settime(
        self, number: Keep[U32], flags: Keep[U32], new: Keep[Fetched[User[U8]]], old: Keep[User[U8]]
    ) -> OrErrno[I64]:
        """Set the timer of the file `number` as `new` has it; store how it was set in `old`, unless
        that is null."""
        setting, before = local(FileTimerSetting), local(FileTimerSetting)
        try_(self.specs.take(new, address_of(setting.interval)))
        add(u64(new), sizeof(TimeSpec))
        try_(self.specs.take(new, address_of(setting.deadline)))
        release(new)
        fail_if(flags & ~int(OF_SETTING), Errno.EINVAL)
        result, file = keep(I64), keep(try_(self.numbers.get(number), Errno.EBADF))
        mov(result, self._set(file, flags, address_of(setting), address_of(before)))
        self.files.drop(file)
        with if_((result != 0) & (result != -Errno.ECANCELED)):
            ret(result)
        with if_(u64(old) != 0):
            try_(self._give(old, address_of(before)))
        ret(result)

    @function(context="thread")
    def _set(
        self,
        file: Keep[Ptr[File]],
        flags: Keep[U32],
        setting: Keep[Ptr[FileTimerSetting]],
        old: Keep[Ptr[FileTimerSetting]],
    ) -> OrErrno[I64]:
        """Set the timer of `file`; the deadline in `setting` is as the program has given it."""
        fail_if(file.flags & OpenFlag.PATH, Errno.EBADF)
        fail_if(~self.timers.is_one(file), Errno.EINVAL)
        timer = keep(cast(file.private, Ptr[FileTimer]))
        with if_(timer.needs_right != 0):
            fail_if(~self._has_right(), Errno.EPERM)
        mov(setting.follows_day, 0)
        mov(setting.cancels, 0)
        with if_((flags & TimerFileFlag.ABSOLUTE) & (timer.is_of_day != 0)):
            mov(setting.follows_day, 1)
            with if_(flags & TimerFileFlag.CANCEL_ON_SET):
                mov(setting.cancels, 1)
        with if_(setting.deadline != 0):
            mov(setting.deadline, self._deadline(setting, flags))
        tail(self.timers.set, timer, setting, old)

    @function(context="thread")
    def _deadline(self, setting: Ptr[FileTimerSetting], flags: U32) -> Nanoseconds:
        """Return when the time of `setting`, which is not 0, has come, by `Clock`."""
        with if_(setting.follows_day != 0):
            tail(self.wall.since_boot, setting.deadline)
        with if_(flags & TimerFileFlag.ABSOLUTE):
            ret(setting.deadline)
        tail(self.clock.after, setting.deadline)

    @function(context="thread", sleeps=True)
    def timerfd_gettime(self, number: U32, target: Keep[User[U8]]) -> OrErrno[I64]:
        """Store how the timer of the file `number` is set."""
        setting, result = local(FileTimerSetting), keep(I64)
        file = keep(try_(self.numbers.get(number), Errno.EBADF))
        mov(result, -Errno.EINVAL)
        with if_(file.flags & OpenFlag.PATH):
            mov(result, -Errno.EBADF)
        with elif_(lambda: self.timers.is_one(file)):
            timer = scratch(cast(file.private, Ptr[FileTimer]))
            self.timers.get(timer, address_of(setting))
            xor(u32(result), u32(result))
        self.files.drop(file)
        with if_(result != 0):
            ret(result)
        ret(self._give(target, address_of(setting)))

    @function(context="thread", sleeps=True)
    def _give(self, target: Keep[User[U8]], setting: Keep[Ptr[FileTimerSetting]]) -> OrErrno[I64]:
        """Store `setting` as a `struct itimerspec` at `target`. Returns 0 or -EFAULT."""
        try_(self.specs.give(target, u64(setting.interval), 1))
        add(u64(target), sizeof(TimeSpec))
        ret(self.specs.give(target, u64(setting.deadline), 1))
