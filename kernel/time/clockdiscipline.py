"""Keeping the time of day right."""

from __future__ import annotations

from kernel.clock.clock import SECOND_BITS, WHOLE_SECOND, Clock
from kernel.clock.timer import Timer
from kernel.clock.timers import Timers
from kernel.clock.units import NSEC_PER_SEC, Nanoseconds
from kernel.interrupts.work import Work
from kernel.irq.deferred import Deferred
from kernel.locks.spinlock import SpinLock
from kernel.time.adjustment import Adjustment, AdjustmentMode, ClockState, ClockStatus
from kernel.time.leapseconds import LeapSeconds
from kernel.time.wallclock import WallClock
from pykasm import *

MICROSECOND = 1000
"""In nanoseconds."""

ERROR_LIMIT = 16_000_000
"""Microseconds by which the clock may be wrong, for who does not know (Linux: NTP_PHASE_LIMIT)."""

TICK_LENGTH = 10_000
"""Microseconds between the ticks that programs count, if nobody has adjusted that."""

TICKS_A_SECOND = 100
"""So many of them (Linux: USER_HZ)."""

SLOWEST_TICK, FASTEST_TICK = TICK_LENGTH * 9 // 10, TICK_LENGTH * 11 // 10

MOST_PARTS = 500
"""Millionths by which a rate is adjusted at most, microseconds by which adjtime(3) moves the time
in a second, and microseconds by which a clock that nobody watches gets worse in that (RFC 5905:
PHI has the clock at 15; Linux: MAXFREQ, MAX_TICKADJ)."""

MOST_FREQUENCY = MOST_PARTS * MICROSECOND << SECOND_BITS
"""The same for `ClockDiscipline.frequency`."""

MOST_OFFSET = NSEC_PER_SEC // 2
"""Nanoseconds of the largest offset (Linux: MAXPHASE)."""

PART_BITS = 16
"""Fraction bits of millionths in `Adjustment.frequency`."""

PART = MICROSECOND << SECOND_BITS - PART_BITS
"""What such a part is in `ClockDiscipline.frequency` (Linux: PPM_SCALE)."""

TOLERANCE = MOST_PARTS << PART_BITS
PRECISION = 1

DEFAULT_CONSTANT, MOST_CONSTANT = 2, 10
"""Of the loop's time constant, a power of two (Linux: MAXTC)."""

CONSTANT_OF_MICROSECONDS = 4
"""What is added to it where offsets are in microseconds, as the older loop (RFC 1589) has it."""

PHASE_SHIFT = 2
"""How much slower than the time constant the loop is, a power of two (Linux: SHIFT_PLL)."""

FREQUENCY_SHIFT = 2
"""The same for long intervals (Linux: SHIFT_FLL)."""

SHORT_INTERVAL, LONG_INTERVAL = 256, 2048
"""Seconds between two offsets: up to the one the rate is never, beyond the other it is always
adjusted in the way for long intervals (Linux: MINSEC, MAXSEC)."""

MOST_EXCESS = 16 * NSEC_PER_SEC
"""Nanoseconds of a second that came late which are made up for."""


MOST_SLEW = WHOLE_SECOND // 10
"""By how much a second is made longer or shorter at most to make up for that."""


class ClockDiscipline(Subsystem):
    """What adjtimex(2) is about: the rate of the clock, offsets that it makes up for little by
    little, and leap seconds, by the model of RFC 1589 as Linux has it (kernel/time/ntp.c).

    Offsets are made up for by changes of the rate, for a second each. A timer goes off when a
    second of the day begins, as long as there is something to do.
    """

    frequency = bss(I64)
    """By how much the clock is faster, in nanoseconds a second, in units of 2**-SECOND_BITS."""
    tick = data(I64, TICK_LENGTH)
    """Microseconds that the clock goes on in a hundredth of a second."""
    offset = bss(I64)
    """What is still to be made up for, in units of 2**-SECOND_BITS ns."""
    once = bss(I64)
    """The same for adjtime(3), in microseconds."""
    slew = bss(I64)
    """How much of it is made up for in this second, in units of 2**-SECOND_BITS ns."""
    status = data(U32, ClockStatus.UNSYNCHRONISED)
    constant = data(I64, DEFAULT_CONSTANT)
    most_error = data(I64, ERROR_LIMIT)
    likely_error = data(I64, ERROR_LIMIT)
    last_offset = bss(I64)
    """The second of the day when an offset was told last."""
    running = bss(U32)
    """1 while the timer is armed, or about to be."""
    last_second = bss(Nanoseconds)
    """When the last second began, by the raw time."""

    def __init__(
        self,
        clock: Clock,
        wall: WallClock,
        leaps: LeapSeconds,
        timers: Timers,
        deferred: Deferred,
    ) -> None:
        self.clock = clock
        self.wall = wall
        self.leaps = leaps
        self.timers = timers
        self.deferred = deferred
        self.lock = bss(SpinLock)
        self.timer = data(Timer, Timer(handler=self._expire))
        self.work = data(Work, Work(handler=self._begin_second))

    # What programs ask for

    @function(context="thread")
    def adjust(self, adjustment: Keep[Ptr[Adjustment]]) -> U32:
        """Do what `adjustment`, which is valid, asks for, and fill it in with how the clock is
        adjusted then. Returns a `ClockState`."""
        seconds, state = keep(self._second_of_day()), keep(U32)
        with self.lock.held():
            with if_(adjustment.modes & AdjustmentMode.ONCE):
                self._adjust_once(adjustment)
            with else_():
                self._adjust(adjustment, seconds)
                mov(adjustment.offset, self._told_offset())
            self._describe(adjustment)
            self._go_on()
            mov(state, self.leaps.state)
            with if_(self.status & (ClockStatus.UNSYNCHRONISED | ClockStatus.CLOCK_ERROR)):
                mov(state, ClockState.ERROR)
        ret(state)

    @function(context="thread")
    def clear(self) -> None:
        """Forget what was to be made up for: the time of day was set."""
        with self.lock.held():
            mov(self.once, 0)
            mov(self.offset, 0)
            mov(self.slew, 0)
            mov(self.most_error, ERROR_LIMIT)
            mov(self.likely_error, ERROR_LIMIT)
            or_(self.status, ClockStatus.UNSYNCHRONISED)
            self.leaps.forget()
            self._apply()

    @function
    def _second_of_day(self) -> I64:
        """Return the seconds since 1970."""
        mov(rax, self.wall.now())
        xor(edx, edx)
        mov(ecx, NSEC_PER_SEC)
        div(rcx)
        ret(i64(rax))

    @function(holds="lock")
    def _adjust_once(self, adjustment: Ptr[Adjustment]) -> None:
        """Make up for the offset of `adjustment`, unless it only asks, and set that to what was
        left of the last one."""
        left = scratch(self.once)
        with if_((adjustment.modes & AdjustmentMode.NANOSECONDS) == 0):
            mov(rax, adjustment.offset)
            mov(self.once, i64(rax))
        mov(adjustment.offset, left)

    @function(holds="lock")
    def _adjust(self, adjustment: Keep[Ptr[Adjustment]], seconds: Keep[I64]) -> None:
        """Set all that `adjustment` has modes for. It is `seconds` of the day."""
        with if_(adjustment.modes & AdjustmentMode.STATUS):
            self._set_status(adjustment, seconds)
        with if_(adjustment.modes & AdjustmentMode.NANOSECONDS):
            or_(self.status, ClockStatus.NANOSECONDS)
        with if_(adjustment.modes & AdjustmentMode.MICROSECONDS):
            and_(self.status, ~int(ClockStatus.NANOSECONDS) & 0xFFFF_FFFF)
        with if_(adjustment.modes & AdjustmentMode.FREQUENCY):
            mov(rax, PART)
            imul(rax, adjustment.frequency)
            self._clamp(MOST_FREQUENCY, -MOST_FREQUENCY)
            mov(self.frequency, i64(rax))
        for mode, name in (
            (AdjustmentMode.MOST_ERROR, "most_error"),
            (AdjustmentMode.LIKELY_ERROR, "likely_error"),
        ):
            with if_(adjustment.modes & mode):
                mov(rax, getattr(adjustment, name))
                self._clamp(ERROR_LIMIT, 0)
                mov(getattr(self, name), i64(rax))
        with if_(adjustment.modes & AdjustmentMode.CONSTANT):
            self._set_constant(adjustment)
        with if_(adjustment.modes & AdjustmentMode.ATOMIC_TIME):
            self.leaps.set_atomic_offset(adjustment.constant)
        with if_(adjustment.modes & AdjustmentMode.OFFSET):
            self._set_offset(adjustment.offset, seconds)
        with if_(adjustment.modes & AdjustmentMode.TICK):
            mov(rax, adjustment.tick)
            mov(self.tick, i64(rax))
        tail(self._apply)

    @inline(changes=(rax, rcx))
    def _clamp(self, largest: int, smallest: int) -> None:
        """Bring rax into these bounds."""
        mov(rcx, largest)
        with if_(i64(rax) > i64(rcx)):
            mov(rax, rcx)
        mov(rcx, smallest)
        with if_(i64(rax) < i64(rcx)):
            mov(rax, rcx)

    @function(holds="lock")
    def _set_status(self, adjustment: Ptr[Adjustment], seconds: Keep[I64]) -> None:
        """Set what programs can of the status. Who begins to tell offsets begins now; who ceases
        to has the clock forget leap seconds."""
        wanted = keep(adjustment.status)
        mov(eax, self.status)
        xor(eax, wanted)
        with if_(eax & ClockStatus.PHASE_LOCKED):
            mov(self.last_offset, seconds)
            with if_((wanted & ClockStatus.PHASE_LOCKED) == 0):
                mov(self.status, ClockStatus.UNSYNCHRONISED)
                self.leaps.forget()
        mov(eax, self.status)
        and_(eax, ClockStatus.READ_ONLY)
        and_(wanted, ~int(ClockStatus.READ_ONLY) & 0xFFFF_FFFF)
        or_(eax, wanted)
        mov(self.status, eax)

    @function(holds="lock")
    def _set_constant(self, adjustment: Ptr[Adjustment]) -> None:
        """Set the time constant."""
        mov(rax, adjustment.constant)
        self._clamp(MOST_CONSTANT, 0)
        with if_((self.status & ClockStatus.NANOSECONDS) == 0):
            add(rax, CONSTANT_OF_MICROSECONDS)
            self._clamp(MOST_CONSTANT, 0)
        mov(self.constant, i64(rax))

    # Offsets

    @function(holds="lock")
    def _set_offset(self, offset: I64, seconds: Keep[I64]) -> None:
        """Make up for `offset`, in the unit of the status, and change the rate by it, if programs
        want the clock to follow them."""
        with if_((self.status & ClockStatus.PHASE_LOCKED) == 0):
            ret()
        mov(rax, offset)
        with if_((self.status & ClockStatus.NANOSECONDS) == 0):
            self._clamp(NSEC_PER_SEC // MICROSECOND, -(NSEC_PER_SEC // MICROSECOND))
            imul(rax, rax, MICROSECOND)
        self._clamp(MOST_OFFSET, -MOST_OFFSET)
        offset = keep(i64(rax))
        interval = keep(I64)
        mov(interval, seconds)
        sub(interval, self.last_offset)
        mov(self.last_offset, seconds)
        release(seconds)
        with if_(self.status & ClockStatus.FREQUENCY_HELD):
            xor(interval, interval)
        self._follow_long(offset, interval)
        self._follow_short(offset, interval)
        shl(offset, SECOND_BITS)
        mov(self.offset, offset)

    @function(holds="lock")
    def _follow_long(self, offset: I64, interval: I64) -> None:
        """Change the rate by an `offset` that came up in a long `interval` of seconds: by a part of
        what it would have had to be."""
        offset, interval = scratch(offset), scratch(interval)
        and_(self.status, ~int(ClockStatus.FREQUENCY_MODE) & 0xFFFF_FFFF)
        with if_(interval < SHORT_INTERVAL):
            ret()
        with if_((interval <= LONG_INTERVAL) & ((self.status & ClockStatus.FREQUENCY_LOCKED) == 0)):
            ret()
        or_(self.status, ClockStatus.FREQUENCY_MODE)
        mov(rax, offset)
        shl(rax, SECOND_BITS - FREQUENCY_SHIFT)
        cqo()
        idiv(interval)
        add(self.frequency, i64(rax))

    @function(holds="lock")
    def _follow_short(self, offset: I64, interval: I64) -> None:
        """Change the rate by what `offset` has come to in an `interval` of seconds, but of no more
        of these than the loop is slow, so that it stays stable."""
        interval = scratch(interval)
        mov(rcx, self.constant)
        add(ecx, PHASE_SHIFT + 1)
        mov(eax, 1)
        shl(rax, cl)
        with if_(interval > i64(rax)):
            mov(interval, rax)
        imul(interval, offset)
        inc(ecx)  # twice what the loop is slow by, less than the fraction bits
        add(ecx, ecx)
        neg(ecx)
        add(ecx, SECOND_BITS)
        shl(interval, cl)
        mov(rax, self.frequency)
        add(rax, interval)
        self._clamp(MOST_FREQUENCY, -MOST_FREQUENCY)
        mov(self.frequency, i64(rax))

    @function(holds="lock")
    def _told_offset(self) -> I64:
        """Return what is still to be made up for, in the unit of the status."""
        mov(rax, self.offset)
        mov(rdx, rax)
        sar(rdx, 63)
        shr(rdx, 64 - SECOND_BITS)
        add(rax, rdx)
        sar(rax, SECOND_BITS)
        with if_((self.status & ClockStatus.NANOSECONDS) == 0):
            cqo()
            mov(ecx, MICROSECOND)
            idiv(rcx)
        ret(i64(rax))

    @function(holds="lock")
    def _describe(self, adjustment: Keep[Ptr[Adjustment]]) -> None:
        """Fill in `adjustment`, but for the offset and the time, with how the clock is adjusted."""
        mov(rax, self.frequency)
        cqo()
        mov(ecx, PART)
        idiv(rcx)
        mov(adjustment.frequency, i64(rax))
        for name in ("most_error", "likely_error", "constant", "tick"):
            mov(rax, getattr(self, name))
            mov(getattr(adjustment, name), i64(rax))
        mov(eax, self.status)
        mov(adjustment.status, eax)
        mov(adjustment.precision, PRECISION)
        mov(adjustment.tolerance, TOLERANCE)
        for name in ("frequency_of_pulses", "jitter", "shift", "stability"):
            mov(getattr(adjustment, name), 0)
        for number in range(4):
            mov(adjustment.counts[number], 0)
        mov(adjustment.tai, i32(self.leaps.atomic_offset()))

    # Seconds

    @function(holds="lock")
    def _apply(self) -> None:
        """Have the clock go at the rate that it is to have in this second."""
        mov(rax, self.tick)
        imul(rax, rax, TICKS_A_SECOND * MICROSECOND)
        shl(rax, SECOND_BITS)
        add(rax, self.frequency)
        add(rax, self.slew)
        tail(self.clock.set_second, rax)

    @function(holds="lock")
    def _go_on(self) -> None:
        """Have the next second of the day begin here, if there is something to do then that is not
        waited for already."""
        with if_(self.running != 0):
            ret()
        with if_(self._is_at_rest()):
            ret()
        mov(self.running, 1)
        mov(self.last_second, self.clock.raw())
        tail(self._schedule)

    @function(holds="lock")
    def _is_at_rest(self) -> Bool:
        """Return whether nothing changes when the next second begins."""
        with if_((self.slew != 0) | (self.once != 0)):
            ret(False)
        with if_(self.most_error < ERROR_LIMIT):
            ret(False)
        with if_((self.status & ClockStatus.UNSYNCHRONISED) == 0):
            ret(False)
        with if_(self.leaps.are_due(self.status)):
            ret(False)
        part = self._part_of_offset()
        ret(part == 0)

    @function(holds="lock")
    def _schedule(self) -> None:
        """Arm the timer for the beginning of the next second of the day."""
        mov(rax, self.wall.now())
        xor(edx, edx)
        mov(ecx, NSEC_PER_SEC)
        div(rcx)
        sub(rcx, rdx)
        tail(self.timers.arm, address_of(self.timer), self.clock.after(rcx))

    @function(context="interrupt")
    def _expire(self, timer: Ptr[Timer]) -> None:
        """Leave the rest for later, as a leap second concerns all processes."""
        tail(self.deferred.add, address_of(self.work))

    @function(context="deferred")
    def _begin_second(self, work: Ptr[Work]) -> None:
        """Do what is to be done when a second of the day begins."""
        seconds, leap, now = keep(self._second_of_day()), keep(I64), keep(self.clock.raw())
        with self.lock.held():
            mov(leap, self.leaps.begin_second(self.status, seconds))
            self._grow_error()
            self._choose_slew(now)
            self._apply()
            with if_(self._is_at_rest()):
                mov(self.running, 0)
            with else_():
                self._schedule()
        with if_(leap != 0):
            self.leaps.make(leap)

    @function(holds="lock")
    def _grow_error(self) -> None:
        """Have the clock be wrong by more than in the last second, as nobody knows better."""
        add(self.most_error, MOST_PARTS)
        with if_(self.most_error > ERROR_LIMIT):
            mov(self.most_error, ERROR_LIMIT)
            or_(self.status, ClockStatus.UNSYNCHRONISED)

    @function(holds="lock")
    def _part_of_offset(self) -> I64:
        """Return how much of the offset is made up for in a second."""
        mov(rcx, self.constant)
        add(ecx, PHASE_SHIFT)
        mov(rax, self.offset)
        with if_(i64(rax) < 0):
            neg(rax)
            shr(rax, cl)
            neg(rax)
        with else_():
            shr(rax, cl)
        ret(i64(rax))

    @function(holds="lock")
    def _choose_slew(self, now: Keep[Nanoseconds]) -> None:
        """Choose how much is made up for in the second that begins `now`, by the raw time, with
        what was too much in the last one, which took longer."""
        slew = keep(self._excess(now))
        part = scratch(self._part_of_offset())
        sub(self.offset, part)
        add(slew, part)
        mov(rax, self.once)
        self._clamp(MOST_PARTS, -MOST_PARTS)
        sub(self.once, i64(rax))
        imul(rax, rax, MICROSECOND)
        shl(rax, SECOND_BITS)
        add(slew, rax)
        mov(self.slew, slew)

    @function(holds="lock")
    def _excess(self, now: Nanoseconds) -> I64:
        """Return what is to be taken back of the last second's slew, as `now` the next one begins,
        by the raw time: nothing if that is less than a nanosecond."""
        mov(rax, now)
        xchg(rax, self.last_second)
        sub(rax, self.last_second)
        add(rax, NSEC_PER_SEC)  # so much less than nothing is how much it was longer
        self._clamp(NSEC_PER_SEC, -MOST_EXCESS)
        imul(self.slew)
        mov(ecx, NSEC_PER_SEC)
        idiv(rcx)
        self._clamp(MOST_SLEW, -MOST_SLEW)
        mov(rcx, rax)
        sar(rcx, SECOND_BITS)
        inc(rcx)
        with if_(rcx <= 1):
            xor(eax, eax)
        ret(i64(rax))
