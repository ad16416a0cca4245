"""Days and seconds as people count them."""

from __future__ import annotations

from pykasm import *

DAYS_BEFORE_1970 = 719_468
"""From the first of March of the year 0 to the first of January 1970."""

DAYS_IN_400_YEARS = 146_097
"""After as many years the calendar repeats."""

DAYS_IN_100_YEARS = 36_524
DAYS_IN_4_YEARS = 1461
DAYS_IN_YEAR = 365

DAYS_IN_5_MONTHS = 153
"""Of any five in a row from March or August on: 31, 30, 31, 30, 31."""

SECONDS_IN_DAY = 86_400


class DateTime(Struct):
    """A second of the Gregorian calendar, by universal time."""

    year: U32
    month: U32
    """From 1 on, as are days."""
    day: U32
    hour: U32
    minute: U32
    second: U32


def _quotient(dividend: object, divisor: int) -> None:
    """Put the quotient into eax and the rest into edx; both numbers have 32 bits. Changes ecx."""
    mov(eax, dividend)
    mov(ecx, divisor)
    xor(edx, edx)
    div(ecx)


class Calendar(Subsystem):
    """Converts between dates from 1970 on and the seconds since it began.

    Years are counted from March, so that a leap day comes last in its year. The functions only
    touch what they are given; they may be called in any context.
    """

    @function
    def seconds(self, date: Keep[Ptr[DateTime]]) -> U64:
        """Seconds from 1970 to `date`, whose fields are in their ranges."""
        days = self.days(date.year, date.month, date.day)
        mov(eax, days)  # and the upper half of rax is 0
        for units, rest in ((24, date.hour), (60, date.minute), (60, date.second)):
            imul(rax, rax, units)
            mov(ecx, rest)
            add(rax, rcx)
        ret(rax)

    @function
    def days(self, year: U32, month: U32, day: U32) -> U32:
        """Days from 1970 to a date."""
        day, total = scratch(day), scratch(U32)  # rdx is changed by divisions
        add(month, 9)
        with if_(month >= 12):
            sub(month, 12)
        with else_():
            dec(year)
        self._days_of_months(month)
        lea(total, bare[rax + u64(day) - 1])
        imul(eax, year, DAYS_IN_YEAR)
        add(total, eax)
        for years, sign in ((4, add), (100, sub), (400, add)):
            _quotient(year, years)
            sign(total, eax)
        sub(total, DAYS_BEFORE_1970)
        ret(total)

    def _days_of_months(self, month: U32) -> None:
        """Put the days from the first of March to the first of `month`, counted from March as 0,
        into eax. Changes ecx and edx."""
        imul(eax, month, DAYS_IN_5_MONTHS)
        add(eax, 2)
        _quotient(eax, 5)

    @function
    def date(self, seconds: U64, date: Ptr[DateTime]) -> None:
        """Fill in `date` from seconds since 1970, fewer than there are in 10,000 years."""
        mov(rax, seconds)
        mov(ecx, SECONDS_IN_DAY)
        xor(edx, edx)
        div(rcx)
        days = scratch(eax)
        for units, place in ((60, date.second), (60, date.minute), (24, date.hour)):
            _quotient(edx, units)
            mov(place, edx)
            mov(edx, eax)
        tail(self.set_day, date, days)

    @function
    def set_day(self, date: Ptr[DateTime], days: U32) -> None:
        """Fill in year, month and day of `date` from days since 1970."""
        day, year, years, month = days, scratch(U32), scratch(U32), scratch(U32)
        add(day, DAYS_BEFORE_1970)
        _quotient(day, DAYS_IN_400_YEARS)
        mov(day, edx)
        imul(year, eax, 400)
        self._years(years, day)
        add(year, years)
        self._take_years_off(day, years)
        imul(eax, day, 5)
        add(eax, 2)
        _quotient(eax, DAYS_IN_5_MONTHS)
        mov(month, eax)
        self._days_of_months(month)
        sub(day, eax)
        inc(day)
        add(month, 3)
        with if_(month > 12):
            sub(month, 12)
            inc(year)
        mov(date.year, year)
        mov(date.month, month)
        mov(date.day, day)

    def _years(self, years: U32, day: U32) -> None:
        """Put how many whole years there are before `day` of 400 years into `years`.

        Days without those that leap years have more make years of 365 days; the last day of each
        longer stretch belongs to the year before.
        """
        mov(years, day)
        for free_range, sign in (
            (DAYS_IN_4_YEARS - 1, sub),
            (DAYS_IN_100_YEARS, add),
            (DAYS_IN_400_YEARS - 1, sub),
        ):
            _quotient(day, free_range)
            sign(years, eax)
        _quotient(years, DAYS_IN_YEAR)
        mov(years, eax)

    def _take_years_off(self, day: U32, years: U32) -> None:
        """From a day of 400 years to one of the year behind `years`."""
        imul(eax, years, DAYS_IN_YEAR)
        sub(day, eax)
        for every, sign in ((4, sub), (100, add)):
            _quotient(years, every)
            sign(day, eax)
