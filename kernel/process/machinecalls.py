"""System calls about the machine."""

from __future__ import annotations

from enum import IntEnum

from kernel.cpu.percpu import PerCpu
from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit
from kernel.power.power import Power
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.vm.usercopy import UserCopy
from pykasm import *

MAGIC1 = 0xFEE1_DEAD
MAGIC2 = (0x2812_1969, 0x0512_1996, 0x1604_1998, 0x2011_2000)
"""What has to be said for `reboot` (include/uapi/linux/reboot.h)."""

PORTS = 1 << 16
"""How many I/O ports there are (AMD64 APM vol. 1, 3.8)."""

MOST_LEVEL = 3
"""The greatest I/O privilege level (AMD64 APM vol. 2, 3.1.6)."""


class RebootCommand(IntEnum):
    """What becomes of the machine (include/uapi/linux/reboot.h: LINUX_REBOOT_CMD_RESTART...)."""

    CAD_OFF = 0
    """Control-Alt-Delete does nothing by itself: it never does here."""
    RESTART = 0x0123_4567
    POWER_OFF = 0x4321_FEDC


class MachineCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        per_cpu: PerCpu,
        power: Power,
        copy: UserCopy,
    ) -> None:
        self.processes = processes
        self.per_cpu = per_cpu
        self.power = power
        self.copy = copy

    @inline
    def _has(self, bit: CapabilityBit) -> Condition:
        """Return whether the task has this capability."""
        credentials = scratch(self.processes.current().credentials)
        release(credentials)
        return (credentials.effective & (1 << bit)) != 0

    @function(context="thread", sleeps=True)
    def getcpu(self, processor: Keep[User[U8]], node: Keep[User[U8]]) -> OrErrno[I64]:
        """Store the number of the processor that runs the thread, and of the node of memory that it
        is near, of which there is one; each unless its place is null."""
        with if_(u64(processor) != 0):
            mov(eax, self.per_cpu.number)
            try_(self.copy.copy_out_word(processor, eax))
        with if_(u64(node) != 0):
            try_(self.copy.copy_out_word(node, 0))
        ret(0)

    # Ports

    @function(context="thread")
    def iopl(self, level: U32) -> OrErrno[I64]:
        """Grant the program I/O ports: -EPERM, as a Linux answers that is locked down."""
        fail_if(level > MOST_LEVEL, Errno.EINVAL)
        fail_if(level != 0, Errno.EPERM)
        ret(0)

    @function(context="thread")
    def ioperm(self, first: U64, count: U64, allowed: U32) -> OrErrno[I64]:
        """Grant the program `count` I/O ports from `first` on, if it is `allowed`: -EPERM, as a
        Linux answers that is locked down."""
        mov(rax, first)
        add(rax, count)
        fail_if(CF | (rax <= first) | (rax > PORTS), Errno.EINVAL)
        fail_if(allowed != 0, Errno.EPERM)
        ret(0)

    # Switching off

    @function(context="thread", sleeps=True)
    def reboot(self, first: U32, second: U32, what: U32) -> OrErrno[I64]:
        """Do with the machine what a `RebootCommand` says."""
        fail_if(~self._has(CapabilityBit.SYS_BOOT), Errno.EPERM)
        mov(eax, MAGIC1)
        fail_if(first != eax, Errno.EINVAL)
        fail_if(
            (second != MAGIC2[0])
            & (second != MAGIC2[1])
            & (second != MAGIC2[2])
            & (second != MAGIC2[3]),
            Errno.EINVAL,
        )
        with switch(what):
            with case(RebootCommand.CAD_OFF):
                ret(0)
            with case(RebootCommand.RESTART):
                tail(self.power.reboot)
            with case(RebootCommand.POWER_OFF):
                tail(self.power.power_off)
        ret(-Errno.EINVAL)
