"""Commands that show the time."""

from kernel.clock.clock import Clock
from kernel.clock.timers import Timers
from kernel.clock.units import FSEC_PER_SEC, NSEC_PER_SEC
from kernel.console.console import Console
from kernel.cpu.features import AdvancedPower, Features
from kernel.monitor.command import Commands, command
from kernel.text.strings import Words
from kernel.time.calendar import SECONDS_IN_DAY, Calendar, DateTime
from kernel.time.calibration import Calibration
from kernel.time.wallclock import WallClock
from pykasm import *

MILLION = 1_000_000


@inline(changes=("dividend", rax, rcx, rdx))
def _divide(dividend: object, divisor: int) -> None:
    """Divide; leave the quotient in rax and the remainder in rdx."""
    mov(rax, dividend)
    mov(rcx, divisor)
    xor(edx, edx)
    div(rcx)


class TimeCommands(Commands):
    """`time`."""

    def __init__(
        self,
        console: Console,
        features: Features,
        clock: Clock,
        calibration: Calibration,
        wall: WallClock,
        calendar: Calendar,
        timers: Timers,
    ) -> None:
        self.console = console
        self.features = features
        self.clock = clock
        self.calibration = calibration
        self.wall = wall
        self.calendar = calendar
        self.timers = timers
        self.commands = [command("time", "", "the time, and how well it is known", self.time)]

    @function
    def time(self, words: Ptr[Words]) -> Bool:
        """Print the uptime, the time of day, and the clocks that they are measured by."""
        self._show_uptime()
        self._show_wall()
        self._show_clock()
        self._show_references()
        self.console.print("timers      %u armed on this processor\n", self.timers.queue.count)
        ret(True)

    @function
    def _show_uptime(self) -> None:
        """Print the time since the start."""
        date, seconds, rest = local(DateTime), keep(U64), keep(U64)
        now = self.clock.now()
        _divide(now, NSEC_PER_SEC)
        mov(seconds, rax)
        mov(rest, rdx)
        self.calendar.from_seconds(seconds, address_of(date))
        _divide(rest, MILLION)
        mov(rest, rax)
        _divide(seconds, SECONDS_IN_DAY)
        self.console.print(
            "up          %u days %02u:%02u:%02u.%03u\n",
            rax,
            date.hour,
            date.minute,
            date.second,
            rest,
        )

    @function
    def _show_wall(self) -> None:
        """Print the time of day."""
        date = local(DateTime)
        now = self.wall.now()
        with if_(now == 0):
            self.console.print("time of day unknown: the real-time clock does not answer\n")
            ret()
        _divide(now, NSEC_PER_SEC)
        self.calendar.from_seconds(rax, address_of(date))
        self.console.print("time of day %04u-%02u-%02u", date.year, date.month, date.day)
        self.console.print(" %02u:%02u:%02u UTC\n", date.hour, date.minute, date.second)

    @function
    def _show_clock(self) -> None:
        """Print the clock's source and its error."""
        frequency = self.clock.frequency()
        _divide(frequency, MILLION)
        self.console.print("clock       time-stamp counter at %u.%06u MHz", rax, rdx)
        with if_(self.features.power & AdvancedPower.INVARIANT_TSC):
            self.console.print(", invariant")
        reference = scratch(self.calibration.reference)
        with if_(reference == 0):
            self.console.print("; nothing to measure it by\n")
            ret()
        self.console.print(
            "\nerror       at most %u ppb, by %s\n", self.calibration.error, reference.name
        )
        with if_(self.calibration.unstable_count != 0):
            self.console.print(
                "unsteady    in %u measurements, by at most %u ppb\n",
                self.calibration.unstable_count,
                self.calibration.deviation,
            )

    @function
    def _show_references(self) -> None:
        """Print the counters that the clock can be measured by."""
        for candidate in self.calibration.candidates:
            reference = candidate.reference
            with if_(reference.period != 0):
                mov(rax, FSEC_PER_SEC)
                xor(edx, edx)
                div(reference.period)
                _divide(rax, MILLION)
                self.console.print("reference   %s at %u.%06u MHz\n", reference.name, rax, rdx)
