"""The kernel's log."""

from __future__ import annotations

import sys

from kernel.clock.tsc import read_tsc
from kernel.cpu.percpu import PerCpu
from kernel.locks.spinlock import SpinLock
from kernel.log.level import LOUD, LogLevel
from kernel.log.record import MAX_LENGTH, LogMessage, LogRecord
from kernel.text.numbers import Numbers
from kernel.text.symbols import Symbols
from kernel.text.writer import Writer
from pykasm import *
from pykasm.source import moment_of

SIZE = 1 << 16
"""Bytes of the ring: some hundred messages."""

MASK = SIZE - 1

STEP = sizeof(LogRecord)
"""Records begin at multiples of this, so that none is cut in two by the end of the ring."""


def _round_up(value: U64) -> None:
    """Make `value` a multiple of STEP."""
    add(value, STEP - 1)
    and_(value, -STEP)


class Log(Writer):
    """The latest messages, in a ring in which new ones overwrite the oldest.

    `log.write(LogLevel.INFO, "%u processors", count)` in any function's body writes one, like
    `Console.print`; without a newline at its end. Messages of the level WARNING and worse go to the
    console too. Context: any but NMI, from the kernel's first moment on. A panic calls `seize`
    first.

    Positions count all bytes that were ever written: the place in the ring is what is left of them
    below SIZE, and a position below `oldest` is one that has been overwritten.
    """

    def __init__(
        self, console: Writer, per_cpu: PerCpu, numbers: Numbers, symbols: Symbols
    ) -> None:
        super().__init__(numbers, symbols)
        self.console = console
        self.per_cpu = per_cpu
        self.lock = bss(SpinLock)
        self.ring = bss(U8 * SIZE, align=STEP, guarded_by="lock")
        self.oldest = bss(U64, guarded_by="lock")
        """The position of the oldest message."""
        self.end = bss(U64, guarded_by="lock")
        """The position where the next message goes."""
        self.length = bss(U64, guarded_by="lock")
        """Bytes of text that the message being written has so far."""
        self.dropped = bss(U64)
        """How many messages have been overwritten."""

    def write(self, level: LogLevel, format: str, *arguments: object) -> None:
        """Emit code that writes a message; see `Writer.print` for what that does."""

        def store(translated: str) -> None:
            self.store(level, text(translated), rsp)
            if level <= LOUD:
                self.console._write(translated)

        line = format + "\n" if level <= LOUD else format
        self._print(moment_of(sys._getframe(1)), line, arguments, level.colour, store)

    @function
    def store(self, level: U32, format: Ptr[U8], arguments: Ptr[U64]) -> None:
        """Write a message in a translated format."""
        format, arguments = keep(format), keep(arguments)
        with self.lock.held():
            self.begin(level)
            self.format(format, arguments)
            self.finish()

    @function(holds="lock")
    def begin(self, level: U32) -> None:
        """Begin a message where there is room for the longest one."""
        record = scratch(Ptr[LogRecord])
        level = keep(level)
        with loop():
            mov(rax, self.end)
            add(rax, STEP + MAX_LENGTH)
            sub(rax, self.oldest)
            break_if(rax <= SIZE)
            self.drop_oldest()
        self._find(record, self.end)
        read_tsc()
        mov(record.ticks, rax)
        mov(eax, self.per_cpu.number)
        mov(record.processor, eax)
        mov(record.level, u8(level))
        mov(self.length, 0)

    def _find(self, record: Ptr[LogRecord], position: U64) -> None:
        """Let `record` be the one at `position`. Changes rax."""
        mov(rax, position)
        and_(eax, MASK)
        lea(record, self.ring)
        add(record, rax)

    @function(holds="lock")
    def drop_oldest(self) -> None:
        """Give the room of the oldest message to newer ones."""
        record = scratch(Ptr[LogRecord])
        self._find(record, self.oldest)
        movzx(eax, record.length)
        _round_up(rax)
        add(rax, STEP)
        add(self.oldest, rax)
        inc(self.dropped)

    @function(holds="lock")
    def put(self, byte: U8) -> None:
        """Put `byte` behind the message, if there is room."""
        mov(rax, self.length)
        with if_(rax == MAX_LENGTH):
            ret()
        add(rax, self.end)
        add(rax, STEP)
        and_(eax, MASK)
        mov(self.ring[rax], byte)
        inc(self.length)

    @function(holds="lock")
    def finish(self) -> None:
        """End the message, without the newline that may be its last character."""
        record, length = scratch(Ptr[LogRecord]), scratch(self.length)
        mov(rax, self.end)
        add(rax, length)
        add(rax, STEP - 1)
        and_(eax, MASK)
        with if_((length != 0) & (self.ring[rax] == ord("\n"))):
            dec(length)
        self._find(record, self.end)
        mov(record.length, u16(length))
        _round_up(length)
        add(length, STEP)
        add(self.end, length)

    @function
    def read(self, position: U64, message: Ptr[LogMessage]) -> U64:
        """Copy the message at `position`, or the oldest one if that is gone, into `message`, with
        a zero behind its text; the position behind it, or 0 if there is no message.

        Reading begins at position 0. Context: as for writing.
        """
        position, message = keep(position), keep(message)
        with self.lock.held():
            with if_(position < self.oldest):
                mov(position, self.oldest)
            with if_(position >= self.end):
                xor(position, position)
            with else_():
                self._find(rcx, position)
                mov(position, self.copy(position, message))
        ret(position)

    @function(holds="lock")
    def copy(self, position: U64, message: Ptr[LogMessage]) -> U64:
        """Copy the message at `position`; see `read`."""
        record, source = scratch(Ptr[LogRecord]), scratch(position)
        self._find(record, position)
        for name in ("ticks", "processor", "length", "level"):
            part = getattr(record, name)
            register = {8: rax, 4: eax, 2: ax, 1: al}[part._kind._size]
            mov(register, part)
            mov(getattr(message.record, name), register)
        movzx(eax, record.length)
        release(record)
        add(source, STEP)
        target, left = scratch(Ptr[U8]), scratch(rax)
        lea(target, message.text)
        with while_(left != 0):
            mov(rcx, source)
            and_(ecx, MASK)
            mov(cl, self.ring[rcx])
            mov(at(target), cl)
            inc(source)
            inc(target)
            dec(left)
        mov(at(target), 0)
        _round_up(source)
        ret(source)

    @function
    def seize(self) -> None:
        """Take the log from whoever holds its lock. Only a panic may: nobody else runs on."""
        self.lock.break_open()
