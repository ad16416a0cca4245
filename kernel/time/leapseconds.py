"""Seconds that are inserted into the time of day, or left out."""

from __future__ import annotations

from kernel.clock.units import NSEC_PER_SEC
from kernel.log.level import LogLevel
from kernel.log.log import Log
from kernel.time.adjustment import ClockState, ClockStatus
from kernel.time.calendar import SECONDS_IN_DAY
from kernel.time.wallclock import WallClock
from pykasm import *

MOST_ATOMIC_OFFSET = 100_000
"""Seconds by which International Atomic Time may be ahead (Linux: MAX_TAI_OFFSET)."""

NEVER = (1 << 63) - 1


class LeapSeconds(Subsystem):
    """Makes the time of day repeat the last second of a day, or leave it out, if programs want that
    (adjtimex(2), STA_INS and STA_DEL). The lock of `ClockDiscipline` is held, but for `make`."""

    state = bss(U32)
    """A `ClockState`, but for ERROR."""
    next = data(I64, NEVER)
    """The second of the day when the next one comes."""

    def __init__(self, wall: WallClock, log: Log) -> None:
        self.wall = wall
        self.log = log

    @function
    def forget(self) -> None:
        """Have none, whatever programs wanted."""
        mov(self.state, ClockState.OK)
        mov(rax, NEVER)
        mov(self.next, i64(rax))

    @function
    def are_due(self, status: U32) -> Bool:
        """Return whether one is wanted by `status` (`ClockStatus`), or not yet over."""
        mov(eax, status)
        and_(eax, ClockStatus.INSERT | ClockStatus.DELETE)
        or_(eax, self.state)
        ret(eax != 0)

    @function
    def set_atomic_offset(self, seconds: I64) -> None:
        """Have International Atomic Time be so many seconds ahead, if that can be."""
        with if_((seconds >= 0) & (seconds <= MOST_ATOMIC_OFFSET)):
            page = scratch(self.wall.clock.page)
            mov(eax, NSEC_PER_SEC)
            imul(rax, seconds)
            mov(page.atomic_offset, i64(rax))

    @function
    def atomic_offset(self) -> I64:
        """Return by how many seconds that is ahead."""
        page = scratch(self.wall.clock.page)
        mov(rax, page.atomic_offset)
        cqo()
        mov(ecx, NSEC_PER_SEC)
        idiv(rcx)
        ret(i64(rax))

    @function
    def begin_second(self, status: U32, seconds: I64) -> I64:
        """Go on, where the second of the day begins that is the number `seconds`, as `status`
        (`ClockStatus`) wants. Returns by how many seconds the time of day is to be set: 1, 0 or
        -1."""
        state = scratch(self.state)
        with if_(state == ClockState.OK):
            tail(self._expect, status, seconds)
        with if_(state == ClockState.INSERT):
            tail(self._insert, status, seconds)
        with if_(state == ClockState.DELETE):
            tail(self._delete, status, seconds)
        with if_(state == ClockState.INSERTED):
            mov(rax, NEVER)
            mov(self.next, i64(rax))
            mov(self.state, ClockState.WAIT)
        with elif_((status & (ClockStatus.INSERT | ClockStatus.DELETE)) == 0):
            mov(self.state, ClockState.OK)
        ret(0)

    @function
    def _expect(self, status: U32, seconds: I64) -> I64:
        """Wait for the end of the day, if that is wanted; for its last second, which is left out
        then. Returns 0."""
        left_out = scratch(U64)
        xor(u32(left_out), u32(left_out))
        with if_(status & ClockStatus.INSERT):
            mov(self.state, ClockState.INSERT)
        with elif_(status & ClockStatus.DELETE):
            mov(self.state, ClockState.DELETE)
            inc(left_out)
        with else_():
            ret(0)
        mov(rax, seconds)
        add(rax, left_out)
        xor(edx, edx)
        mov(ecx, SECONDS_IN_DAY)
        div(rcx)
        sub(rcx, rdx)
        add(rcx, seconds)
        mov(self.next, i64(rcx))
        ret(0)

    @function
    def _insert(self, status: U32, seconds: I64) -> I64:
        """Repeat the last second of the day when that has come. Returns -1 then."""
        with if_((status & ClockStatus.INSERT) == 0):
            self.forget()
            ret(0)
        with if_(seconds < self.next):
            ret(0)
        mov(self.state, ClockState.INSERTED)
        ret(-1)

    @function
    def _delete(self, status: U32, seconds: I64) -> I64:
        """Leave the last second of the day out when that has come. Returns 1 then."""
        with if_((status & ClockStatus.DELETE) == 0):
            self.forget()
            ret(0)
        with if_(seconds < self.next):
            ret(0)
        self.forget()
        mov(self.state, ClockState.WAIT)
        ret(1)

    @function(context="deferred")
    def make(self, leap: Keep[I64]) -> None:
        """Set the time of day by `leap` seconds, 1 or -1, and say so."""
        way = scratch(Ptr[U8])
        mov(way, text("inserted"))
        with if_(leap > 0):
            mov(way, text("left out"))
        self.log.write(LogLevel.NOTICE, "clock: a leap second is %s", way)
        imul(leap, leap, NSEC_PER_SEC)
        tail(self.wall.leap, leap)
