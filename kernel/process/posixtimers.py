"""Timers that programs make."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.units import Nanoseconds
from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.errno import Errno
from kernel.mm.slabs import SlabCache, Slabs
from kernel.process.intervaltimers import IntervalSetting
from kernel.process.process import Process, ProcessState
from kernel.process.processes import Processes
from kernel.process.processtimers import ProcessTimers
from kernel.process.processtimes import ProcessTimes
from kernel.process.task import Task
from kernel.sched.runtimes import RunTimes
from kernel.signals.signalgroup import SignalGroup
from kernel.signals.signalqueues import SignalQueues
from kernel.signals.signaltarget import SignalTarget
from kernel.signals.signaltimer import DayBase, SignalTimer, TimeBase
from kernel.signals.signaltimers import SignalTimers
from kernel.structures.tree import Trees
from kernel.time.wallclock import WallClock
from pykasm import *

NUMBERS = (1 << 31) - 1
"""The largest number of a timer; a power of two less one."""


class TimerRequest(Struct):
    """What a timer is to have to do with threads of its process, by their numbers."""

    target: U32
    """Which gets the signal; 0 for any."""
    measured: U32
    """By whose processor time it goes; 0 for none."""
    has_value: U32
    """1 if the program gives a value with the signal; else that is the number of the timer."""


class PosixTimers(LeakChecks):
    """Makes, sets and deletes them (timer_create(2)). They are found by numbers, in
    `SignalGroup.timers`. Context: thread, one of the process that has them."""

    count = bss(U64)

    def __init__(
        self,
        clock: Clock,
        wall: WallClock,
        processes: Processes,
        times: ProcessTimes,
        processor_timers: ProcessTimers,
        timers: SignalTimers,
        queues: SignalQueues,
        trees: Trees,
        slabs: Slabs,
    ) -> None:
        self.clock = clock
        self.wall = wall
        self.processes = processes
        self.times = times
        self.processor_timers = processor_timers
        self.timers = timers
        self.queues = queues
        self.trees = trees
        self.records = SlabCache(slabs, "timer", SignalTimer)
        self.leak_checks = [leak_check("timers", self.used_count)]

    @function
    def used_count(self) -> U64:
        """Return how many there are."""
        ret(self.count)

    # Making

    @function(context="thread")
    def allocate(self, group: Keep[Ptr[SignalGroup]]) -> OrNull[Owned[Ptr[SignalTimer]]]:
        """Return a timer that `group` does not know yet, all 0; null if memory is out, or if the
        group has as many signals as it may."""
        allowed = keep(U32)
        xor(allowed, allowed)
        with group.lock.held():
            # A timer's signal is counted when the timer is made, so that it can be sent whenever it
            # expires
            mov(allowed, self.queues.count_one(group))
        fail_if(allowed == 0)
        timer = scratch(self.records.allocate_zeroed())
        with if_(timer == 0):
            self._give_back(group)
            ret(0)
        lock.inc(self.count)
        ret(timer)

    @function
    def _give_back(self, group: Keep[Ptr[SignalGroup]]) -> None:
        """Count one signal less."""
        with group.lock.held():
            self.queues.give_back(group)

    @function(context="thread")
    def discard(self, group: Ptr[SignalGroup], timer: Keep[Owned[Ptr[SignalTimer]]]) -> None:
        """Free `timer`, which `group` does not know any more."""
        self._give_back(group)
        lock.dec(self.count)
        other = scratch(timer.other)
        with if_(other != 0):
            process = container_of(other, Process, "signals")
            take_over(process, "the timer had it")
            self.processes.drop(process)
        self.records.free(timer)

    @function(context="thread")
    def add(
        self,
        group: Keep[Ptr[SignalGroup]],
        timer: Keep[Ptr[SignalTimer]],
        request: Keep[Ptr[TimerRequest]],
    ) -> OrErrno[I64]:
        """Set `timer` up as `request` has it, and let it be found: the group has it then. Returns
        its number; or -EINVAL, if it should have to do with a thread that is none of the group."""
        result = keep(I64)
        with group.lock.held():
            # Under the lock by which threads leave: one that is found here takes its timers along
            # later
            mov(result, self._find_threads(group, timer, request))
            with if_(result == 0):
                mov(result, i64(self._choose_number(group)))
                mov(timer.node.key, result)
                mov(timer.signal.info.details.timer.timer, u32(result))
                with if_(request.has_value == 0):
                    # A program that says nothing gets the number as the value (timer_create(2))
                    mov(timer.signal.info.details.timer.value, u64(result))
                # Last: from here on other threads of the process may set or delete it
                self.trees.insert(address_of(group.timers), address_of(timer.node))
        ret(result)

    @function(holds="group.lock")
    def _choose_number(self, group: Keep[Ptr[SignalGroup]]) -> U64:
        """Return the next number that no timer of `group` has."""
        number = keep(U32)
        with loop():
            mov(number, group.next_timer)
            mov(eax, number)
            inc(eax)
            # Numbers stay positive as an `int`
            and_(eax, NUMBERS)
            mov(group.next_timer, eax)
            # After all numbers were given once, old timers may still have theirs
            break_if(self.find(group, number) == 0)
        ret(u64(number))

    @function(holds="group.lock")
    def _find_threads(
        self,
        group: Keep[Ptr[SignalGroup]],
        timer: Keep[Ptr[SignalTimer]],
        request: Keep[Ptr[TimerRequest]],
    ) -> OrErrno[I64]:
        """Have `timer` lead to the threads of `request`. Returns 0 or -EINVAL."""
        with if_(request.target != 0):
            mov(timer.target, try_(self._member(group, request.target), Errno.EINVAL))
            mov(timer.is_for_thread, 1)
        with if_(request.measured != 0):
            mov(timer.measured, try_(self._member(group, request.measured), Errno.EINVAL))
        ret(0)

    @function(holds="group.lock")
    def _member(self, group: Ptr[SignalGroup], number: U32) -> OrNull[Ptr[SignalTarget]]:
        """Return the member of `group` that is the thread `number`, or null."""
        with group.members.each(SignalTarget, "member", place=scratch) as target:
            task = cast(target, Ptr[Task])
            mov(eax, task.number)
            with if_(eax == number):
                ret(target)
        ret(0)

    @function(holds="group.lock")
    def find(self, group: Ptr[SignalGroup], number: Keep[U32]) -> OrNull[Ptr[SignalTimer]]:
        """Return the timer of `group` with this number, or null."""
        mov(eax, number)
        node = scratch(self.trees.at_least(address_of(group.timers), rax))
        with if_(node != 0), if_(u32(node.key) == number):
            ret(container_of(node, SignalTimer, "node"))
        ret(0)

    # Setting

    @function(context="thread")
    def get(
        self, process: Keep[Ptr[Process]], number: Keep[U32], setting: Keep[Ptr[IntervalSetting]]
    ) -> OrErrno[I64]:
        """Fill in `setting` with how the timer `number` of `process` is set. Returns 0 or
        -EINVAL."""
        times, group, result = local(RunTimes), keep(address_of(process.signals)), keep(I64)
        self._read_times(process, number, address_of(times))
        mov(result, -Errno.EINVAL)
        with group.lock.held():
            timer = scratch(self.find(group, number))
            with if_(timer != 0):
                self._describe(timer, address_of(times), setting)
                xor(u32(result), u32(result))
        ret(result)

    @function(context="thread")
    def set(
        self,
        process: Ptr[Process],
        number: Keep[U32],
        is_absolute: Keep[U32],
        setting: Keep[Ptr[IntervalSetting]],
    ) -> OrErrno[I64]:
        """Set the timer `number` of `process` to `setting`, which tells a point of time if
        `is_absolute` is not 0, and fill that in with how it was set. Returns 0 or -EINVAL; -ESRCH
        if the thread has ended by whose processor time it goes."""
        times, former, result = local(RunTimes), local(IntervalSetting), local(I64)
        by_day = local(Nanoseconds)
        group = keep(address_of(process.signals))
        self._read_times(process, number, address_of(times))
        # Out here as well: whether it is needed is known only once the timer is found
        mov(by_day, self.wall.since_boot(setting.left))
        mov(result, -Errno.EINVAL)
        with group.lock.held():
            timer = keep(self.find(group, number))
            with if_(timer != 0):
                # Unless its time does not go on, so that it would never expire
                mov(result, -Errno.ESRCH)
            with if_(timer != 0), if_(~self._is_stopped_for_good(timer)):
                mov(result, 0)
                # Before it is set anew, which forgets how it was
                self._describe(timer, address_of(times), address_of(former))
                with if_((timer.day != DayBase.NONE) & (is_absolute != 0)), if_(setting.left != 0):
                    mov(setting.left, self._by_clock(timer, by_day))
                deadline = self._deadline(timer, address_of(times), is_absolute, setting.left)
                self.timers.set(group, timer, deadline, setting.interval)
                copy_fields(setting, former, "interval", "left")
        ret(result)

    @function(context="thread")
    def _read_times(
        self, process: Keep[Ptr[Process]], number: U32, times: Keep[Ptr[RunTimes]]
    ) -> None:
        """Fill in `times` with for how long the process has run by whose processor time the timer
        `number` of `process` goes; with its own if that is no other. Context: without the lock of
        signals, as this takes that of the process."""
        other = keep(self._other_of(address_of(process.signals), number))
        with if_(other == 0):
            tail(self.times.read, process, times)
        self.times.read(other, times)
        self.processes.drop(other)

    @function(context="thread")
    def _other_of(self, group: Keep[Ptr[SignalGroup]], number: U32) -> Owned[OrNull[Ptr[Process]]]:
        """Return a reference to the other process by whose processor time the timer `number` of
        `group` goes; null if it goes by nothing of another one."""
        other = keep(Ptr[Process])
        xor(u32(other), u32(other))
        with group.lock.held():
            timer = scratch(self.find(group, number))
            with if_(timer != 0), if_(timer.other != 0):
                measured = scratch(timer.other)
                mov(other, container_of(measured, Process, "signals"))
                # The timer may be deleted as soon as the lock is let go
                other.references.gain()
        ret(other)

    @function
    def _by_clock(self, timer: Ptr[SignalTimer], by_day: Nanoseconds) -> Nanoseconds:
        """Return when it is the point of time that `timer` is set to, which as one of the time of
        day is `by_day`; at least 1."""
        kind, time = scratch(timer.day), keep(by_day)
        with if_(kind == DayBase.ATOMIC):
            sub(time, self.wall.atomic_offset())
            # 0 would stop the timer, but a time that is past makes it expire at once
            with if_(i64(time) <= 0):
                mov(time, 1)
        ret(time)

    @function(holds="SignalGroup.lock")
    def _is_stopped_for_good(self, timer: Ptr[SignalTimer]) -> Bool:
        """Return whether the thread or the other process has ended by whose processor time `timer`
        goes, and nobody can look at that any more."""
        with if_((timer.base == TimeBase.THREAD) & (timer.measured == 0)):
            ret(True)
        other = scratch(timer.other)
        fail_if(other == 0)
        process = container_of(other, Process, "signals")
        ret(process.state == ProcessState.REAPED)

    @function(context="interrupts off", holds="SignalGroup.lock")
    def _describe(
        self,
        timer: Keep[Ptr[SignalTimer]],
        times: Ptr[RunTimes],
        setting: Keep[Ptr[IntervalSetting]],
    ) -> None:
        """Fill in `setting` with how `timer` is set, where its process has run for `times`."""
        now = self._now(timer, times)
        mov(setting.left, self.timers.left(timer, now))
        mov(rax, timer.interval)
        mov(setting.interval, rax)

    @function(context="interrupts off", holds="SignalGroup.lock")
    def _now(self, timer: Ptr[SignalTimer], times: Ptr[RunTimes]) -> Nanoseconds:
        """Return the time that `timer` goes by."""
        with if_(timer.base >= TimeBase.OTHER):
            tail(self.processor_timers.time_of, timer, times)
        tail(self.clock.now)

    @function(context="interrupts off", holds="SignalGroup.lock")
    def _deadline(
        self,
        timer: Keep[Ptr[SignalTimer]],
        times: Ptr[RunTimes],
        is_absolute: Keep[U32],
        time: Keep[Nanoseconds],
    ) -> Nanoseconds:
        """Return when `timer` expires that is set to `time`, in the time that it goes by; 0 for
        never."""
        with if_(time == 0):
            ret(0)
        with if_(is_absolute != 0):
            with if_(timer.day != DayBase.NONE):
                # A point of time moves when the time of day is set, a span does not
                # (timer_settime(2))
                mov(timer.base, TimeBase.DAY)
            ret(time)
        with if_(timer.day != DayBase.NONE):
            mov(timer.base, TimeBase.BOOT)
        add(time, self._now(timer, times))
        ret(time)

    # Telling

    @function(context="thread")
    def overruns(self, group: Keep[Ptr[SignalGroup]], number: Keep[U32]) -> OrErrno[I64]:
        """Return how often the timer `number` of `group` had expired since its signal was sent
        when that was taken last, or -EINVAL."""
        result = keep(I64)
        mov(result, -Errno.EINVAL)
        with group.lock.held():
            timer = scratch(self.find(group, number))
            with if_(timer != 0):
                mov(result, i64(timer.last_overrun))
        ret(result)

    # Deleting

    @function(context="thread")
    def delete(self, group: Keep[Ptr[SignalGroup]], number: Keep[U32]) -> OrErrno[I64]:
        """Delete the timer `number` of `group`, with what it has sent. Returns 0 or -EINVAL."""
        timer = keep(Ptr[SignalTimer])
        with group.lock.held():
            mov(timer, self.find(group, number))
            with if_(timer != 0):
                # Who takes it out frees it: of two that delete it at once, the other finds nothing
                self.trees.remove(address_of(group.timers), address_of(timer.node))
        fail_if(timer == 0, Errno.EINVAL)
        self._end(group, timer)
        ret(0)

    @function(context="thread")
    def _end(self, group: Keep[Ptr[SignalGroup]], timer: Keep[Ptr[SignalTimer]]) -> None:
        """Stop `timer`, which nobody finds any more, and free it."""
        # Without the lock, which its handler takes: it may be running, and is waited for
        self.timers.end(timer)
        take_over(timer, "the group had it")
        self.discard(group, timer)

    @function(context="thread")
    def delete_all(self, group: Keep[Ptr[SignalGroup]]) -> None:
        """Delete all timers of `group`, of whose threads only the one that runs is left."""
        timer = keep(Ptr[SignalTimer])
        with loop():
            # One a round, as each is freed without the lock
            xor(u32(timer), u32(timer))
            with group.lock.held():
                node = scratch(group.timers.first)
                with if_(node != 0):
                    mov(timer, container_of(node, SignalTimer, "node"))
                    self.trees.remove(address_of(group.timers), address_of(timer.node))
            break_if(timer == 0)
            self._end(group, timer)
