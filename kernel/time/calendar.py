"""Conversion between calendar time and seconds since 1970."""

from __future__ import annotations

from pykasm import *

DAYS_BEFORE_1970 = 719_468
"""Days from 1 March of the year 0 to 1 January 1970."""

DAYS_IN_400_YEARS = 146_097
"""The calendar repeats after 400 years."""

DAYS_IN_100_YEARS = 36_524
DAYS_IN_4_YEARS = 1461
DAYS_IN_YEAR = 365

DAYS_IN_5_MONTHS = 153
"""Days of the five months from March on, and from August on: 31, 30, 31, 30, 31."""

SECONDS_IN_DAY = 86_400


class DateTime(Struct):
    """A second of the Gregorian calendar, in universal time."""

    year: U32
    month: U32
    """1 to 12."""
    day: U32
    """1 to 31."""
    hour: U32
    minute: U32
    second: U32


@inline(changes=("dividend", rax, rcx, rdx))
def _divide(dividend: object, divisor: int) -> None:
    """Divide 32-bit numbers: quotient in eax, remainder in edx."""
    mov(eax, dividend)
    mov(ecx, divisor)
    xor(edx, edx)
    div(ecx)


class Calendar(Subsystem):
    """Convert between calendar time, from 1970 on, and seconds since 1 January 1970.

    Years are counted from March, so that a leap day is the last day of its year. Context: any; no
    state is kept.
    """

    @function
    def to_seconds(self, date: Keep[Ptr[DateTime]]) -> U64:
        """Return the seconds from 1970 to `date`, whose fields are in their ranges."""
        days = self._days(date.year, date.month, date.day)
        mov(eax, days)  # and the upper half of rax is 0
        for units, rest in ((24, date.hour), (60, date.minute), (60, date.second)):
            imul(rax, rax, units)
            mov(ecx, rest)
            add(rax, rcx)
        ret(rax)

    @function
    def _days(self, year: U32, month: U32, day: U32) -> U32:
        """Return the days from 1970 to a date."""
        day, total = scratch(day), scratch(U32)  # rdx is changed by divisions
        add(month, 9)
        with if_(month >= 12):
            sub(month, 12)
        with else_():
            dec(year)
        before = self._days_of_months(month)
        lea(total, bare[u64(before) + u64(day) - 1])
        imul(eax, year, DAYS_IN_YEAR)
        add(total, eax)
        for years, sign in ((4, add), (100, sub), (400, add)):
            _divide(year, years)
            sign(total, eax)
        sub(total, DAYS_BEFORE_1970)
        ret(total)

    @inline(changes=(rax, rcx, rdx))
    def _days_of_months(self, month: U32) -> U32:
        """Return the days from 1 March to the first of `month`, with March as 0."""
        imul(eax, month, DAYS_IN_5_MONTHS)
        add(eax, 2)
        _divide(eax, 5)
        return eax

    @function
    def from_seconds(self, seconds: U64, date: Ptr[DateTime]) -> None:
        """Fill in `date` from `seconds` since 1970, fewer than 10,000 years."""
        mov(rax, seconds)
        mov(ecx, SECONDS_IN_DAY)
        xor(edx, edx)
        div(rcx)
        days = scratch(eax)
        for units, part in ((60, date.second), (60, date.minute), (24, date.hour)):
            _divide(edx, units)
            mov(part, edx)
            mov(edx, eax)
        tail(self._set_date, date, days)

    @function
    def _set_date(self, date: Ptr[DateTime], days: U32) -> None:
        """Fill in the year, month and day of `date` from `days` since 1970."""
        day, year, years, month = days, scratch(U32), scratch(U32), scratch(U32)
        add(day, DAYS_BEFORE_1970)
        _divide(day, DAYS_IN_400_YEARS)
        mov(day, edx)
        imul(year, eax, 400)
        self._years_before(years, day)
        add(year, years)
        self._subtract_years(day, years)
        imul(eax, day, 5)
        add(eax, 2)
        _divide(eax, DAYS_IN_5_MONTHS)
        mov(month, eax)
        sub(day, self._days_of_months(month))
        inc(day)
        add(month, 3)
        with if_(month > 12):
            sub(month, 12)
            inc(year)
        mov(date.year, year)
        mov(date.month, month)
        mov(date.day, day)

    @inline(changes=("years", rax, rcx, rdx))
    def _years_before(self, years: U32, day: U32) -> None:
        """Set `years` to the number of whole years before `day` of a period of 400 years.

        Without the leap days up to it, `day` divides by 365. Periods of 4 and of 400 years end with
        a leap day and are counted from that day on, to keep it in the year that it ends: hence
        their divisors are one less than their days (H. Hinnant, chrono-Compatible Low-Level Date
        Algorithms, civil_from_days).
        """
        mov(years, day)
        for period, sign in (
            (DAYS_IN_4_YEARS - 1, sub),
            (DAYS_IN_100_YEARS, add),
            (DAYS_IN_400_YEARS - 1, sub),
        ):
            _divide(day, period)
            sign(years, eax)
        _divide(years, DAYS_IN_YEAR)
        mov(years, eax)

    @inline(changes=("day", rax, rcx, rdx))
    def _subtract_years(self, day: U32, years: U32) -> None:
        """Subtract the days of `years` whole years from `day` of a period of 400 years."""
        imul(eax, years, DAYS_IN_YEAR)
        sub(day, eax)
        for every, sign in ((4, sub), (100, add)):
            _divide(years, every)
            sign(day, eax)
