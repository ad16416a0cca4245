"""Times that programs give for waits."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.units import NSEC_PER_SEC, Nanoseconds
from kernel.errno import Errno
from kernel.process.personalitycalls import STICKY_TIMEOUTS
from kernel.process.processes import Processes
from kernel.process.timespec import LATEST, TimeSpecs
from kernel.sched.waiting import FOREVER
from kernel.vm.usercopy import UserCopy
from pykasm import *

MICROSECOND = 1000
"""In nanoseconds."""

MILLISECOND = 1_000_000


class TimeVal(Struct):
    """Linux's `struct timeval`."""

    seconds: Untrusted[I64]
    microseconds: Untrusted[I64]


class UserTimes(Subsystem):
    """Turns times into deadlines, and back. Context: thread."""

    def __init__(
        self, processes: Processes, clock: Clock, specs: TimeSpecs, copy: UserCopy
    ) -> None:
        self.processes = processes
        self.clock = clock
        self.specs = specs
        self.copy = copy

    @function(context="thread", sleeps=True)
    def deadline(self, place: Fetched[User[U8]], deadline: Keep[Ptr[Nanoseconds]]) -> OrErrno[I64]:
        """Fill in `deadline`, when the `struct timespec` at `place` has passed from now on; 0 if it
        is none. Returns 0, -EFAULT or -EINVAL."""
        try_(self.specs.take(place, deadline))
        self._begin(deadline)
        ret(0)

    @function(context="thread", sleeps=True)
    def deadline_by_microseconds(
        self, place: Fetched[User[U8]], deadline: Keep[Ptr[Nanoseconds]]
    ) -> OrErrno[I64]:
        """Do what `deadline` does for a `struct timeval`, which may have more than a second's
        microseconds."""
        value = local(TimeVal)
        self.copy.copy_in_all(address_of(value), place, sizeof(TimeVal))
        fail_if((value.seconds < 0) | (value.microseconds < 0), Errno.EINVAL)
        mov(at(deadline), self._span(address_of(value)))
        self._begin(deadline)
        ret(0)

    @function(context="thread", sleeps=True)
    def take_microseconds(
        self, place: Fetched[User[U8]], target: Keep[Ptr[Nanoseconds]]
    ) -> OrErrno[I64]:
        """Set what is at `target` to the span of the `struct timeval` at `place`. Returns 0,
        -EFAULT, or -EINVAL for what is none."""
        value = local(TimeVal)
        self.copy.copy_in_all(address_of(value), place, sizeof(TimeVal))
        fail_if(value.seconds < 0, Errno.EINVAL)
        fail_if(u64(value.microseconds) >= NSEC_PER_SEC // MICROSECOND, Errno.EINVAL)
        mov(at(target), self._span(address_of(value)))
        ret(0)

    @function
    def _span(self, value: Ptr[TimeVal]) -> Nanoseconds:
        """Return the nanoseconds of a `value` that is not negative, or as many as there can be."""
        mov(rsi, u64(value.microseconds))
        mov(rax, u64(value.seconds))
        mov(ecx, NSEC_PER_SEC // MICROSECOND)
        mul(rcx)
        add(rax, rsi)
        adc(rdx, 0)
        mov(rsi, LATEST)
        with if_(rdx != 0):
            ret(cast(rsi, Nanoseconds))
        mov(ecx, MICROSECOND)
        mul(rcx)
        with if_((rdx != 0) | (rax > rsi)):
            mov(rax, rsi)
        ret(cast(rax, Nanoseconds))

    @function(context="thread")
    def after_milliseconds(self, number: I32, deadline: Keep[Ptr[Nanoseconds]]) -> None:
        """Fill in `deadline`, when so many milliseconds have passed; never, for a negative
        number."""
        mov(rax, FOREVER)
        mov(at(deadline), cast(rax, Nanoseconds))
        with if_(number >= 0):
            mov(eax, u32(number))
            imul(rax, rax, MILLISECOND)
            mov(at(deadline), cast(rax, Nanoseconds))
            self._begin(deadline)

    @function(context="thread")
    def _begin(self, deadline: Keep[Ptr[Nanoseconds]]) -> None:
        """Turn a span into the time when it has passed; none stays 0."""
        with if_(at(deadline) != 0):
            mov(at(deadline), self.clock.after(at(deadline)))

    @function(context="thread", sleeps=True)
    def store_left(
        self, place: Keep[User[U8]], deadline: Keep[Nanoseconds], unit: Keep[U64]
    ) -> None:
        """Store how much is left until `deadline`, in seconds and in `unit`s of so many
        nanoseconds, if the program has room at `place`, unless its personality forbids that."""
        task = scratch(self.processes.current())
        with if_(task.personality & STICKY_TIMEOUTS):
            ret()
        release(task)
        now = self.clock.now()
        mov(rsi, deadline)
        sub(rsi, now)
        with if_(CF):
            xor(esi, esi)
        stored = self.specs.give(place, rsi, unit)
        ignore(stored, "what was waited for is more important")
