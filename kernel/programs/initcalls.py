"""The system calls of `init`."""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import NoReturn

from pykasm import *


class OpenMode(IntFlag):
    """How `init` opens files (open(2), include/uapi/asm-generic/fcntl.h)."""

    READ = 0
    READ_WRITE = 2


class PowerCommand(IntEnum):
    """What `reboot` is told (include/uapi/linux/reboot.h)."""

    MAGIC1 = 0xFEE1_DEAD
    MAGIC2 = 0x2812_1969
    POWER_OFF = 0x4321_FEDC


TIOCSCTTY = 0x540E
"""The request that makes a terminal that of the session (include/uapi/asm-generic/ioctls.h)."""


class InitCalls(Subsystem):
    """Each method is the system call of its name (man-pages, section 2)."""

    @system_call(0)
    def read(self, file: U32, bytes: Ptr[U8], count: U64) -> OrErrno[I64]:
        """Read at most `count` bytes of a file. Returns how many there were."""

    @system_call(1)
    def write(self, file: U32, bytes: Ptr[U8], count: U64) -> OrErrno[I64]:
        """Write `count` bytes to a file. Returns how many were written."""

    @system_call(2)
    def open(self, name: Ptr[U8], mode: U32, permissions: U32) -> OrErrno[I64]:
        """Open a file. Returns its number."""

    @system_call(3)
    def close(self, file: U32) -> OrErrno[I64]:
        """Close a file."""

    @system_call(16)
    def ioctl(self, file: U32, request: U64, argument: U64) -> OrErrno[I64]:
        """Ask a file for something."""

    @system_call(33)
    def dup2(self, file: U32, number: U32) -> OrErrno[I64]:
        """Give a file one more `number`."""

    @system_call(39)
    def getpid(self) -> U32:
        """Return the number of the process."""

    @system_call(57)
    def fork(self) -> OrErrno[I64]:
        """Make a process like this one. Returns 0 there, and its number here."""

    @system_call(59)
    def execve(
        self, name: Ptr[U8], arguments: Ptr[Ptr[U8]], environment: Ptr[Ptr[U8]]
    ) -> OrErrno[I64]:
        """Run another program instead of this. Returns an error, or not at all."""

    @system_call(61)
    def wait4(self, process: I64, status: Ptr[U32], options: U32, usage: U64) -> OrErrno[I64]:
        """Wait until a child has ended. Returns its number."""

    @system_call(83)
    def mkdir(self, name: Ptr[U8], mode: U32) -> OrErrno[I64]:
        """Make a directory."""

    @system_call(112)
    def setsid(self) -> OrErrno[I64]:
        """Begin a session without a terminal. Returns its number."""

    @system_call(162)
    def sync(self) -> OrErrno[I64]:
        """Write to disks what is to be there."""

    @system_call(165)
    def mount(
        self, source: Ptr[U8], target: Ptr[U8], type: Ptr[U8], flags: U64, options: Ptr[U8]
    ) -> OrErrno[I64]:
        """Have a file system be seen at `target`."""

    @system_call(169)
    def reboot(self, first: U32, second: U32, what: U32, argument: U64) -> OrErrno[I64]:
        """Start the machine again, or switch it off."""

    @system_call(231)
    def exit_group(self, status: U32) -> NoReturn:
        """End the process."""
