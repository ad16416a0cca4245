"""Code of the kernel's that programs run by themselves."""

from __future__ import annotations

from enum import IntEnum

from kernel.clock.clockpage import ClockPage
from kernel.clock.tsc import read_tsc
from kernel.clock.units import NSEC_PER_SEC
from kernel.cpu.pagetable import PAGE
from kernel.cpu.segments import Selector
from kernel.exec.vdsoimage import VdsoImage, vdso_image
from kernel.process.timecalls import KINDS, ClockId, ClockKind
from kernel.process.timespec import TimeSpec
from kernel.process.usertimes import TimeVal
from pykasm import *

MICROSECOND = 1000
"""In nanoseconds."""

MOST_CLOCKS = 32
"""How many numbers of clocks a register has bits for."""


def _clocks(kind: ClockKind) -> int:
    """A bit for the number of each clock of that kind."""
    return sum(1 << number for number, one in KINDS.items() if one is kind)


BOOT_CLOCKS, DAY_CLOCKS = _clocks(ClockKind.BOOT), _clocks(ClockKind.DAY)
OTHER_CLOCKS = _clocks(ClockKind.RAW) | _clocks(ClockKind.ATOMIC)


class SystemCall(IntEnum):
    """The numbers of the system calls that do the same (syscall_64.tbl)."""

    GETTIMEOFDAY = 96
    TIME = 201
    CLOCK_GETTIME = 228
    CLOCK_GETRES = 229


class TimeZone(Struct):
    """What nobody uses any more: `struct timezone` (include/uapi/linux/time.h)."""

    minutes_west: U32
    dst_time: U32


class Vdso(Subsystem):
    """What Linux calls the vDSO (vdso(7)): functions for what asking the kernel would take longer
    than the answer.

    They run in programs, by the System V convention, with nothing of the kernel's but the page
    below, the clock's; what can't be told by that is asked of the kernel. The image is at an
    address of the program's own, so no address in its code may be absolute.
    """

    def __init__(self) -> None:
        self.image = rodata(
            VdsoImage,
            vdso_image(
                {
                    "clock_gettime": self.clock_gettime,
                    "clock_getres": self.clock_getres,
                    "gettimeofday": self.gettimeofday,
                    "time": self.time,
                    "getcpu": self.getcpu,
                }
            ),
            align=PAGE,
        )

    @inline(changes="page")
    def _find_clock(self, page: Ptr[ClockPage]) -> None:
        """Set the register `page` to the address of the clock's page."""
        lea(u64(page), self.image)
        sub(u64(page), PAGE)

    @inline(changes=(rax, rcx, rdx))
    def _read(self, page: Ptr[ClockPage], offset: U64) -> None:
        """Set rax to the seconds, and rdx to the nanoseconds behind them, of what the clock shows
        plus `offset`."""
        with page.unchanged():
            read_tsc()
            page.convert()
        add(rax, offset)
        self._split()

    @inline(changes=(rax, rcx, rdx))
    def _split(self) -> None:
        """Turn the nanoseconds in rax into seconds there, and in rdx those behind them."""
        mov(ecx, NSEC_PER_SEC)
        xor(edx, edx)
        div(rcx)

    @inline(changes=(rax, rcx, r11))
    def _ask(self, number: SystemCall) -> None:
        """Have the kernel answer instead: its call takes what the function was given, which still
        is where it was."""
        mov(eax, number)
        syscall()
        ret(rax)

    @function(exported=True)
    def clock_gettime(self, number: U32, target: Ptr[TimeSpec]) -> I64:
        """Store the time of the clock `number`. Returns 0 or an error."""
        page, offset = scratch(Ptr[ClockPage]), scratch(U64)
        self._find_clock(page)
        with if_((page.unsynchronised != 0) | (number >= MOST_CLOCKS)):
            self._ask(SystemCall.CLOCK_GETTIME)
        mov(offset, page.boot_time)
        mov(eax, DAY_CLOCKS)
        bt(eax, number)
        with if_(~CF):
            xor(u32(offset), u32(offset))
            mov(eax, BOOT_CLOCKS)
            bt(eax, number)
            with if_(~CF):
                tail(self._give_other, number, target)
        with elif_(offset == 0):
            self._ask(SystemCall.CLOCK_GETTIME)
        self._read(page, offset)
        mov(target.seconds, rax)
        mov(target.nanoseconds, rdx)
        ret(0)

    @function
    def _give_other(self, number: U32, target: Ptr[TimeSpec]) -> I64:
        """Do what `clock_gettime` does for less frequent clocks."""
        page = scratch(Ptr[ClockPage])
        with if_(number != ClockId.MONOTONIC_RAW):
            self._ask(SystemCall.CLOCK_GETTIME)
        self._find_clock(page)
        with page.unchanged():
            read_tsc()
            page.convert_raw()
        self._split()
        mov(target.seconds, rax)
        mov(target.nanoseconds, rdx)
        ret(0)

    @function(exported=True)
    def clock_getres(self, number: U32, target: OrNull[Ptr[TimeSpec]]) -> I64:
        """Store the resolution of the clock `number`. Returns 0 or an error."""
        mov(eax, BOOT_CLOCKS | DAY_CLOCKS | OTHER_CLOCKS)
        bt(eax, number)
        with if_(~CF | (number >= MOST_CLOCKS)):
            self._ask(SystemCall.CLOCK_GETRES)
        with if_(target != 0):
            mov(target.seconds, 0)
            mov(target.nanoseconds, 1)
        ret(0)

    @function(exported=True)
    def gettimeofday(self, target: OrNull[Ptr[TimeVal]], zone: OrNull[Ptr[TimeZone]]) -> I64:
        """Store the time of day, and which time zone the kernel has, which is none. Returns 0 or an
        error."""
        page, offset = scratch(Ptr[ClockPage]), scratch(U64)
        self._find_clock(page)
        mov(offset, page.boot_time)
        with if_((page.unsynchronised != 0) | (offset == 0)):
            self._ask(SystemCall.GETTIMEOFDAY)
        with if_(target != 0):
            self._read(page, offset)
            mov(target.seconds, rax)
            mov(rax, rdx)
            xor(edx, edx)
            mov(ecx, MICROSECOND)
            div(rcx)
            mov(target.microseconds, rax)
        with if_(zone != 0):
            mov(zone.minutes_west, 0)
            mov(zone.dst_time, 0)
        ret(0)

    @function(exported=True)
    def time(self, target: OrNull[Ptr[U64]]) -> I64:
        """Return the time of day in seconds, and store it where that is wanted."""
        page, offset = scratch(Ptr[ClockPage]), scratch(U64)
        self._find_clock(page)
        mov(offset, page.boot_time)
        with if_((page.unsynchronised != 0) | (offset == 0)):
            self._ask(SystemCall.TIME)
        self._read(page, offset)
        with if_(target != 0):
            mov(at(target), rax)
        ret(rax)

    @function(exported=True)
    def getcpu(self, processor: OrNull[Ptr[U32]], node: OrNull[Ptr[U32]]) -> I64:
        """Store the number of the processor that runs the thread, and of the node of memory that it
        is near, of which there is one; each where that is wanted. Returns 0."""
        mov(eax, Selector.PROCESSOR)
        lsl(eax, eax)  # what the kernel has put where a segment's limit belongs
        with if_(processor != 0):
            mov(at(processor), eax)
        with if_(node != 0):
            mov(at(node), 0)
        ret(0)
