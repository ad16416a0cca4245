"""The archive that the boot loader brings: the first contents of the root file system."""

from __future__ import annotations

from kernel.boot.record import BootModule, BootRecord
from kernel.errno import Errno
from kernel.fs.cpioreader import CpioReader
from kernel.fs.gzip import Gzip
from kernel.log.level import LogLevel
from kernel.log.log import Log
from kernel.paging.addresses import direct
from pykasm import *

NAME = b"initramfs\0"
"""Of the module to unpack."""


class Initramfs(Subsystem):
    """Unpacks a module of the boot loader into the root file system: the one that is named
    `initramfs`, or else the first. It is one archive after the other, each perhaps compressed by
    gzip. Context: the thread that starts the kernel."""

    def __init__(self, record: BootRecord, reader: CpioReader, gzip: Gzip, log: Log) -> None:
        self.record = record
        self.reader = reader
        self.gzip = gzip
        self.log = log
        self.name = rodata(U8 * len(NAME), list(NAME))

    @function(context="thread", sleeps=True)
    def start(self) -> None:
        """Unpack the archives, if there are any, and say what was wrong."""
        module = self._module()
        with if_(module == 0):
            ret()
        address, reader = scratch(module.address), self.reader
        direct(address)
        result = keep(self.unpack(cast(address, Ptr[U8]), module.size))
        with if_(result != 0):
            self.log.write(LogLevel.ERROR, "initramfs: %s", reader.problem)
        with if_(reader.failed != 0):
            self.log.write(
                LogLevel.ERROR, "initramfs: %u names could not be made or filled", reader.failed
            )
        self.log.write(LogLevel.INFO, "initramfs: %u names", reader.made)

    @function
    def _module(self) -> OrNull[Ptr[BootModule]]:
        """Return the module with the archives, or null."""
        module, left = scratch(self.record.modules), scratch(self.record.module_count)
        with if_(left == 0):
            ret(0)
        with while_(left != 0):
            lea(rsi, module.name)
            lea(rdi, self.name)
            mov(ecx, len(NAME))
            repe.cmpsb()
            with if_(ZF):
                ret(module)
            add(module, sizeof(BootModule))
            dec(left)
        ret(self.record.modules)

    @function(context="thread", sleeps=True)
    def unpack(self, start: Keep[Ptr[U8]], length: Keep[U64]) -> OrErrno[I32]:
        """Unpack the archives in `length` bytes at `start`. Returns 0; or an error, and
        `CpioReader.problem` says what is wrong."""
        result = keep(I32)
        xor(result, result)
        with while_((length != 0) & (result == 0)):
            with if_(self.gzip.is_member(start, length)):
                failed, taken = self.gzip.run(start, length, address_of(self._take))
                mov(result, failed)
                with if_((result != 0) & (self.reader.problem == 0)):
                    self._note_problem(result)
                add(start, taken)
                sub(length, taken)
            with else_():
                mov(result, self.reader.feed(start, length))
                sub(length, self.reader.rest)
                add(start, length)
                mov(length, self.reader.rest)
                with if_(
                    (result == 0) & (length != 0) & (lambda: ~self.gzip.is_member(start, length))
                ):
                    mov(result, self.reader.refuse_header())
        with if_(result == 0):
            mov(result, self.reader.finish())
        with else_():
            self.reader.close()
        ret(result)

    @inline(changes=rax)
    def _note_problem(self, result: I32) -> None:
        """Note what `result` says of a compressed archive."""
        mov(rax, text("a compressed archive is damaged"))
        with if_(result == -Errno.ENOMEM):
            mov(rax, text("memory is out"))
        mov(self.reader.problem, cast(rax, Ptr[U8]))

    @function(context="thread", sleeps=True)
    def _take(self, bytes: Ptr[U8], length: U64) -> OrErrno[I32]:
        """Unpack what was compressed, as `TakeBytes` says."""
        try_(self.reader.feed(bytes, length))
        with if_(self.reader.rest != 0):
            tail(self.reader.refuse_header)
        ret(0)
