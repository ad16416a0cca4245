"""The system call that reads the kernel's log."""

from __future__ import annotations

from enum import IntEnum

from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit
from kernel.log.log import RING_SIZE, Log
from kernel.process.logreader import LogReader
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.vm.usercopy import UserCopy
from pykasm import *

SILENT, LOUD = 1, 8
"""The least and the greatest level that the console may have."""


class LogAction(IntEnum):
    """What the call does (syslog(2); include/linux/syslog.h: SYSLOG_ACTION_CLOSE and so on)."""

    CLOSE = 0
    OPEN = 1
    READ = 2
    READ_ALL = 3
    READ_CLEAR = 4
    CLEAR = 5
    CONSOLE_OFF = 6
    CONSOLE_ON = 7
    CONSOLE_LEVEL = 8
    SIZE_UNREAD = 9
    SIZE_BUFFER = 10


class LogCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    saved_limit = bss(U32)
    """What the console had before CONSOLE_OFF; 0 while it is on."""

    def __init__(
        self,
        processes: Processes,
        log: Log,
        reader: LogReader,
        copy: UserCopy,
    ) -> None:
        self.processes = processes
        self.log = log
        self.reader = reader
        self.copy = copy

    @function(context="thread", sleeps=True)
    def syslog(self, action: Keep[I32], target: Keep[User[U8]], length: Keep[I32]) -> OrErrno[I64]:
        """Read messages, tell how many there are, or set what the console shows of them."""
        with if_((action != LogAction.READ_ALL) & (action != LogAction.SIZE_BUFFER)):
            own = scratch(self.processes.current().credentials)
            mov(rax, own.effective)
            mov(rcx, 1 << CapabilityBit.SYSLOG | 1 << CapabilityBit.SYS_ADMIN)
            and_(rax, rcx)
            fail_if(rax == 0, Errno.EPERM)
            release(own)
        with switch(action):
            with case(LogAction.CLOSE, LogAction.OPEN):
                ret(0)
            with case(LogAction.READ):
                tail(self._read, target, length)
            with case(LogAction.READ_ALL):
                tail(self._read_all, target, length, 0)
            with case(LogAction.READ_CLEAR):
                tail(self._read_all, target, length, 1)
            with case(LogAction.CLEAR):
                self.reader.clear()
                ret(0)
            with case(LogAction.CONSOLE_OFF):
                tail(self._silence)
            with case(LogAction.CONSOLE_ON):
                tail(self._restore)
            with case(LogAction.CONSOLE_LEVEL):
                fail_if((length < SILENT) | (length > LOUD), Errno.EINVAL)
                mov(self.saved_limit, 0)
                mov(self.log.console_limit, u32(length))
                ret(0)
            with case(LogAction.SIZE_UNREAD):
                tail(self.reader.count_unread)
            with case(LogAction.SIZE_BUFFER):
                ret(RING_SIZE)
        ret(-Errno.EINVAL)

    @function
    def _silence(self) -> OrErrno[I64]:
        """Show nothing on the console but the worst."""
        with if_(self.saved_limit == 0):
            mov(eax, self.log.console_limit)
            mov(self.saved_limit, eax)
        mov(self.log.console_limit, SILENT)
        ret(0)

    @function
    def _restore(self) -> OrErrno[I64]:
        """Show on the console what it showed before that."""
        with if_(self.saved_limit != 0):
            mov(eax, self.saved_limit)
            mov(self.log.console_limit, eax)
            mov(self.saved_limit, 0)
        ret(0)

    @function
    def _check(self, target: User[U8], length: I32) -> OrErrno[I64]:
        """Return 0 if there is something to copy to, -EINVAL if not."""
        fail_if((u64(target) == 0) | (length < 0), Errno.EINVAL)
        ret(0)

    @function(context="thread", sleeps=True)
    def _read(self, target: Keep[User[U8]], length: Keep[I32]) -> OrErrno[I64]:
        """Take up to `length` bytes of what nobody has read so; wait until there is something."""
        try_(self._check(target, length))
        with if_(length == 0):
            ret(0)
        mov(eax, u32(length))
        tail(self.reader.wait_and_take, target, rax)

    @function(context="thread", sleeps=True)
    def _read_all(self, target: Keep[User[U8]], length: Keep[I32], clears: U32) -> OrErrno[I64]:
        """Copy the latest messages, up to `length` bytes; with `clears`, forget all after that."""
        clears = keep(clears)
        try_(self._check(target, length))
        with if_(length == 0):
            ret(0)
        mov(eax, u32(length))
        result = keep(self.reader.copy_latest(target, rax))
        with if_((result >= 0) & (clears != 0)):
            self.reader.clear()
        ret(result)
