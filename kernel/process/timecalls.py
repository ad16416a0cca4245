"""System calls that tell the time, and that wait for one."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from kernel.clock.clock import Clock
from kernel.clock.units import NSEC_PER_SEC, Nanoseconds
from kernel.errno import Errno
from kernel.process.processes import Processes
from kernel.process.processorclocks import (
    KIND,
    OF_THREAD,
    OWN_PROCESS,
    OWN_THREAD,
    OWNER_SHIFT,
    ProcessorClockKind,
    ProcessorClocks,
)
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.timespec import TimeSpecs
from kernel.processors.processors import Processors
from kernel.sched.sleep import Sleep
from kernel.sched.thread import INTERRUPTIBLE, Interruption
from kernel.sched.ticks import TICK
from kernel.sched.waiting import Waiting
from kernel.signals.signaltarget import RestartBlock
from kernel.time.wallclock import WallClock
from kernel.vm.usercopy import UserCopy
from pykasm import *


class ClockId(IntEnum):
    """Clocks (include/uapi/linux/time.h; clock_gettime(2))."""

    REALTIME = 0
    MONOTONIC = 1
    PROCESS_CPU = 2
    THREAD_CPU = 3
    MONOTONIC_RAW = 4
    REALTIME_COARSE = 5
    MONOTONIC_COARSE = 6
    BOOT_TIME = 7
    TAI = 11


LAST = 11


class ClockKind(IntEnum):
    """What a clock tells."""

    NONE = 0
    """There is no such clock."""
    BOOT = 1
    """The time since the kernel started."""
    DAY = 2
    """The time of day."""
    PROCESSOR = 3
    """For how long somebody has run: see `ProcessorClocks`."""
    RAW = 4
    """The time since the kernel started, at the rate that is measured."""
    ATOMIC = 5
    """The time of day without leap seconds."""


KINDS: Mapping[int, ClockKind] = {
    **dict.fromkeys((ClockId.REALTIME, ClockId.REALTIME_COARSE), ClockKind.DAY),
    ClockId.TAI: ClockKind.ATOMIC,
    ClockId.MONOTONIC_RAW: ClockKind.RAW,
    ClockId.MONOTONIC: ClockKind.BOOT,
    **dict.fromkeys((ClockId.MONOTONIC_COARSE, ClockId.BOOT_TIME), ClockKind.BOOT),
    **dict.fromkeys((ClockId.PROCESS_CPU, ClockId.THREAD_CPU), ClockKind.PROCESSOR),
}

NOT_TO_WAIT_BY = (
    *(ClockId.THREAD_CPU, ClockId.MONOTONIC_RAW, ClockId.REALTIME_COARSE),
    ClockId.MONOTONIC_COARSE,
)
"""Clocks that nobody can wait by."""

ABSOLUTE = 1
"""The flag of `clock_nanosleep` for a point of time, not a span (TIMER_ABSTIME)."""

MICROSECOND = 1000
"""In nanoseconds."""


class TimeCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        clock: Clock,
        wall: WallClock,
        processor_clocks: ProcessorClocks,
        processors: Processors,
        processes: Processes,
        sleep: Sleep,
        waiting: Waiting,
        specs: TimeSpecs,
        copy: UserCopy,
    ) -> None:
        self.clock = clock
        self.wall = wall
        self.processor_clocks = processor_clocks
        self.processors = processors
        self.processes = processes
        self.sleep = sleep
        self.waiting = waiting
        self.specs = specs
        self.copy = copy
        self.kinds = rodata(
            U8 * (LAST + 1), [KINDS.get(number, ClockKind.NONE) for number in range(LAST + 1)]
        )

    # Telling

    @function(context="thread", sleeps=True)
    def clock_gettime(self, number: Untrusted[U32], target: User[U8]) -> OrErrno[I64]:
        """Store the time of the clock `number`."""
        with if_(self._kind(number) != ClockKind.BOOT):
            tail(self._give_other, number, target)
        mov(rax, u64(self.clock.now()))  # the most frequent ones, with fewer calls
        self.specs.split()
        tail(self.copy.copy_out_pair, target, rax, rdx)

    @function(context="thread", sleeps=True)
    def _give_other(self, number: Untrusted[U32], target: Keep[User[U8]]) -> OrErrno[I64]:
        """Store the time of the clock `number`, which does not tell that since the start."""
        time = self._read(number)
        with if_(time < 0):
            ret(time)
        tail(self.specs.give, target, u64(time), 1)

    @inline(changes=rax)
    def _kind(self, number: Untrusted[U32]) -> U32:
        """Return the `ClockKind` of the clock `number`."""
        xor(eax, eax)
        with if_(number <= LAST):
            mov(al, self.kinds[u64(number)])
        with elif_(i32(number) < 0):
            mov(eax, ClockKind.PROCESSOR)
        return eax

    @function(context="thread")
    def _read(self, number: Untrusted[U32]) -> OrErrno[I64]:
        """Return the nanoseconds that the clock `number` shows, which is none of the time since the
        start; or -EINVAL."""
        kind = keep(self._kind(number))
        with if_(kind == ClockKind.PROCESSOR):
            tail(self.processor_clocks.read, self._processor_clock(number))
        with if_(kind == ClockKind.RAW):
            ret(i64(self.clock.raw()))
        fail_if(kind == ClockKind.NONE, Errno.EINVAL)
        time = keep(self.wall.now())
        with if_(kind == ClockKind.ATOMIC):
            add(time, self.wall.atomic_offset())
        ret(i64(time))

    @inline
    def _processor_clock(self, number: U32) -> U32:
        """Turn the `number` of a clock of processor time into what `ProcessorClocks` knows it by,
        in a scratch register."""
        clock = scratch(number)
        with if_(clock == ClockId.PROCESS_CPU):
            mov(clock, OWN_PROCESS)
        with elif_(clock == ClockId.THREAD_CPU):
            mov(clock, OWN_THREAD)
        return clock

    @function(context="thread", sleeps=True)
    def clock_getres(self, number: Untrusted[U32], target: User[U8]) -> OrErrno[I64]:
        """Store the resolution of the clock `number`."""
        kind = scratch(self._kind(number))
        fail_if(kind == ClockKind.NONE, Errno.EINVAL)
        target, resolution = keep(target), keep(U64)
        mov(resolution, 1)
        with if_(kind == ClockKind.PROCESSOR):
            clock = keep(self._processor_clock(number))
            shown = self.processor_clocks.read(clock)
            with if_(shown < 0):
                ret(shown)
            and_(clock, KIND)
            with if_(clock != ProcessorClockKind.SCHEDULED):
                mov(resolution, TICK)
        with if_(target == 0):
            ret(0)
        tail(self.specs.give, target, resolution, 1)

    @function(context="thread", sleeps=True)
    def gettimeofday(self, target: Keep[User[U8]], zone: Keep[User[U8]]) -> OrErrno[I64]:
        """Store the time of day in seconds and microseconds, and which time zone the kernel has,
        which is none."""
        nothing = local(U64)
        with if_(target != 0):
            try_(self.specs.give(target, u64(self.wall.now()), MICROSECOND))
        with if_(zone != 0):
            mov(nothing, 0)
            result, left = self.copy.copy_out(zone, address_of(nothing), sizeof(U64))
            ignore(left)
            movsxd(rax, result)
            ret(rax)
        ret(0)

    @function(context="thread", sleeps=True)
    def time(self, target: Keep[User[U8]]) -> OrErrno[I64]:
        """Return the time of day in seconds, and store it where that is wanted."""
        seconds = local(U64)
        mov(rax, self.wall.now())
        xor(edx, edx)
        mov(ecx, NSEC_PER_SEC)
        div(rcx)
        mov(seconds, rax)
        with if_(target != 0):
            self.copy.copy_out_all(target, address_of(seconds), sizeof(U64))
        mov(rax, seconds)
        ret(rax)

    # Waiting

    @function(context="thread", sleeps=True)
    def nanosleep(self, span: Fetched[User[U8]], remaining: User[U8]) -> OrErrno[I64]:
        """Wait for a span of time; if a signal ends that, store what remains."""
        tail(self.clock_nanosleep, ClockId.MONOTONIC, 0, span, remaining)

    @function(context="thread", sleeps=True)
    def clock_nanosleep(
        self,
        number: Keep[Untrusted[U32]],
        flags: Keep[U32],
        span: Fetched[User[U8]],
        remaining: Keep[User[U8]],
    ) -> OrErrno[I64]:
        """Wait for a span of time by the clock `number`, or until it shows a time; if a signal ends
        the wait for a span, store what remains."""
        time = local(Nanoseconds)
        fail_if(self._kind(number) == ClockKind.NONE, Errno.EINVAL)
        for one in NOT_TO_WAIT_BY:
            fail_if(number == one, Errno.EOPNOTSUPP)
        try_(self.specs.take(span, address_of(time)))
        with if_(self._kind(number) == ClockKind.PROCESSOR):
            ret(self._wait_by_processor(number, flags, time, remaining))
        with if_(flags & ABSOLUTE):
            with if_((number == ClockId.REALTIME) | (number == ClockId.TAI)):
                tail(self._wait_for_day, number, time)
            tail(self._wait_until, time)
        deadline = self.clock.after(time)
        tail(self._wait_for, deadline, remaining)

    @function(context="thread", sleeps=True)
    def _wait_for_day(self, number: Keep[U32], time: Keep[Nanoseconds]) -> OrErrno[I64]:
        """Wait until it is `time` by the clock `number`, the time of day or TAI, which may be set
        meanwhile. Returns 0 or -ERESTARTNOHAND."""
        day = keep(Nanoseconds)
        with loop():
            mov(day, time)
            with if_(number == ClockId.TAI):
                self.wall.to_day(day)
            with if_(self.wall.now() >= day):
                ret(0)
            deadline = self.wall.since_boot(day)
            result = self.sleep.sleep_until(deadline, INTERRUPTIBLE | Interruption.DAY)
            thread = keep(self.processes.current().thread)
            with if_(result != 0):
                fail_if(thread.pending & INTERRUPTIBLE, Errno.ERESTARTNOHAND)
                self.waiting.clear(thread, Interruption.DAY)
            release(thread)

    @function(context="thread", sleeps=True)
    def _wait_until(self, deadline: Nanoseconds) -> OrErrno[I64]:
        """Wait until `deadline`. Returns 0 or -ERESTARTNOHAND."""
        result = self.sleep.sleep_until(deadline, INTERRUPTIBLE)
        fail_if(result != 0, Errno.ERESTARTNOHAND)
        ret(0)

    @function(context="thread", sleeps=True)
    def _wait_for(self, deadline: Keep[Nanoseconds], remaining: Keep[User[U8]]) -> OrErrno[I64]:
        """Wait until `deadline`. Returns 0, or -ERESTART_RESTARTBLOCK with what remains stored at
        `remaining`, or -EFAULT if it can't be."""
        result = self.sleep.sleep_until(deadline, INTERRUPTIBLE)
        with if_(result == 0):
            ret(0)
        task = scratch(self.processes.current())
        block = scratch(address_of(task.restart))
        mov(block.function, address_of(self.go_on))
        mov(block.arguments[0], deadline)
        mov(block.arguments[1], remaining)
        with if_(remaining != 0):
            mov(rax, u64(self.clock.now()))
            with if_(rax > deadline):
                mov(rax, deadline)
            sub(deadline, rax)
            try_(self.specs.give(remaining, u64(deadline), 1))
        ret(-Errno.ERESTART_RESTARTBLOCK)

    @function
    def go_on(self, block: Ptr[RestartBlock]) -> OrErrno[I64]:
        """Go on with a wait for a span of time."""
        remaining = cast(scratch(block.arguments[1]), User[U8])
        tail(self._wait_for, block.arguments[0], remaining)

    # By processor time

    @function(context="thread", sleeps=True)
    def _wait_by_processor(
        self, number: U32, flags: Keep[U32], time: Keep[Nanoseconds], remaining: Keep[User[U8]]
    ) -> OrErrno[I64]:
        """Wait for a span of `time` by the clock `number` of processor time, or until it shows that
        time, as `clock_nanosleep` does."""
        clock = keep(self._processor_clock(number))
        mov(eax, clock)
        sar(eax, OWNER_SHIFT)
        task = self.processes.current()
        not_(eax)
        with if_((clock & OF_THREAD) & ((eax == 0) | (eax == task.number))):
            ret(-Errno.EINVAL)  # it would not go on meanwhile
        release(task)
        shown = self.processor_clocks.read(clock)
        with if_(shown < 0):
            ret(shown)
        with if_((flags & ABSOLUTE) == 0):
            add(time, u64(shown))
            tail(self._wait_for_processor, clock, time, remaining)
        result = self._look_until(clock, time)
        with if_(result == -Errno.EINTR):
            ret(-Errno.ERESTARTNOHAND)
        ret(result)

    @function(context="thread", sleeps=True)
    def _look_until(self, clock: Keep[U32], time: Keep[Nanoseconds]) -> OrErrno[I64]:
        """Wait until `clock` shows `time`: look when that is possible at the earliest, then again.
        Returns 0, -EINTR, or -ESRCH where there is nobody any more whose clock it is."""
        with loop():
            shown = self.processor_clocks.read(clock)
            fail_if(shown < 0, Errno.ESRCH)
            with if_(u64(shown) >= time):
                ret(0)
            deadline = self.processor_clocks.times.next_look(time, cast(shown, Nanoseconds))
            result = self.sleep.sleep_until(deadline, INTERRUPTIBLE)
            with if_(result != 0):
                movsxd(rax, result)
                ret(rax)

    @function(context="thread", sleeps=True)
    def _wait_for_processor(
        self, clock: Keep[U32], time: Keep[Nanoseconds], remaining: Keep[User[U8]]
    ) -> OrErrno[I64]:
        """Wait until `clock` shows `time`. Returns as `_wait_for` does."""
        result = self._look_until(clock, time)
        with if_(result != -Errno.EINTR):
            ret(result)
        task = scratch(self.processes.current())
        block = scratch(address_of(task.restart))
        mov(block.function, address_of(self._go_on_by_processor))
        mov(block.arguments[0], time)
        mov(block.arguments[1], remaining)
        mov(eax, clock)
        mov(block.arguments[2], rax)
        release(task, block)
        with if_(remaining != 0):
            shown = self.processor_clocks.read(clock)
            with if_(u64(shown) > time):
                mov(shown, time)
            sub(time, shown)
            try_(self.specs.give(remaining, u64(time), 1))
        ret(-Errno.ERESTART_RESTARTBLOCK)

    @function
    def _go_on_by_processor(self, block: Ptr[RestartBlock]) -> OrErrno[I64]:
        """Go on with a wait for a span of processor time."""
        remaining = cast(scratch(block.arguments[1]), User[U8])
        tail(self._wait_for_processor, u32(block.arguments[2]), block.arguments[0], remaining)
