"""The kernel's log."""

from __future__ import annotations

from kernel.clock.tsc import read_tsc
from kernel.console.console import Console
from kernel.cpu.percpu import PerCpu
from kernel.locks.spinlock import SpinLock
from kernel.log.level import CONSOLE_LEVEL, LogLevel
from kernel.log.record import MAX_LENGTH, LogMessage, LogRecord
from kernel.structures.alignment import round_up
from kernel.text.numbers import Numbers
from kernel.text.symbols import Symbols
from kernel.text.writer import Writer
from pykasm import *

RING_SIZE = 1 << 16
"""Bytes of the ring, a power of two: some hundred messages."""

RING_MASK = RING_SIZE - 1
"""The bits of a position that are its index in the ring."""

RECORD_ALIGNMENT = sizeof(LogRecord)
"""Records begin at multiples of their own size, so that no record wraps at the ring's end."""


class LogBounds(Struct):
    """Which messages there are."""

    oldest: U64
    """The position of the oldest one."""
    end: U64
    """Where the next one goes."""
    dropped: U64
    """How many were overwritten."""


class LogListener(Fn[[], Void], context="any"):
    """Called behind each message, wherever that was written: it must take no lock."""


class Log(Writer):
    """A ring of the latest messages, in which new ones overwrite the oldest.

    `log.write(LogLevel.INFO, "%u processors", count)` in a function's body writes one, without a
    newline at its end. Those that are more severe than `console_limit` are printed on the console
    too. Context: any but NMI, from the kernel's first instruction on; a panic calls `break_lock`
    first.

    Positions count all bytes ever written. The low bits of a position, RING_MASK, are its index in
    the ring; a position below `oldest` has been overwritten.
    """

    def __init__(
        self, console: Console, per_cpu: PerCpu, numbers: Numbers, symbols: Symbols
    ) -> None:
        super().__init__(numbers, symbols)
        self.console = console
        self.per_cpu = per_cpu
        self.lock = bss(SpinLock)
        self.ring = bss(U8 * RING_SIZE, align=RECORD_ALIGNMENT, guarded_by="lock")
        self.oldest = bss(U64, guarded_by="lock")
        """The position of the oldest message."""
        self.end = bss(U64, guarded_by="lock")
        """The position where the next message goes."""
        self.length = bss(U64, guarded_by="lock")
        """Bytes of text so far in the message being written."""
        self.console_limit = data(U32, CONSOLE_LEVEL + 1)
        """Messages with a lower number are printed on the console."""
        self.listener = bss(OrNull[LogListener])
        self.dropped = bss(U64)
        """The number of messages that were overwritten."""

    @inline(changes=("arguments", *CALLER_SAVED))
    def write(self, level: LogLevel, format: str, *arguments: object) -> None:
        """Write a message of `level`; format and arguments are those of `Writer.print`."""

        def store(translated: str) -> None:
            self._store(level, text(translated), rsp)
            with if_(self.console_limit > int(level)):
                self.console.emit_call(translated)

        self.emit(called_at(), format + "\n", arguments, level.colour, store)

    @function
    def _store(self, level: U32, format: Keep[Ptr[U8]], arguments: Keep[Ptr[U64]]) -> None:
        """Write a message of `level` by a translated format and its arguments."""
        with self.lock.held():
            self._reserve(level)
            self.format(format, arguments)
            self._commit()
        with if_(self.listener != 0):
            self.listener()

    @function(holds="lock")
    def _reserve(self, level: U32) -> None:
        """Begin a message at `end`, after dropping old ones until the longest text fits."""
        record = scratch(Ptr[LogRecord])
        level = keep(level)
        with loop():
            mov(rax, self.end)
            add(rax, RECORD_ALIGNMENT + MAX_LENGTH)
            sub(rax, self.oldest)
            break_if(rax <= RING_SIZE)
            self._drop_oldest()
        self._record_at(record, self.end)
        read_tsc()
        mov(record.ticks, rax)
        mov(eax, self.per_cpu.number)
        mov(record.processor, eax)
        mov(record.level, u8(level))
        mov(self.length, 0)

    @inline(changes=("record", rax))
    def _record_at(self, record: Ptr[LogRecord], position: U64) -> None:
        """Load the address of the record at `position` into `record`."""
        mov(rax, position)
        and_(eax, RING_MASK)
        lea(record, self.ring)
        add(record, rax)

    @function(holds="lock")
    def _drop_oldest(self) -> None:
        """Free the space of the oldest message."""
        record = scratch(Ptr[LogRecord])
        self._record_at(record, self.oldest)
        movzx(eax, record.length)
        round_up(rax, RECORD_ALIGNMENT)
        add(rax, RECORD_ALIGNMENT)
        add(self.oldest, rax)
        inc(self.dropped)

    @function(holds="lock")
    def put(self, byte: U8) -> None:
        """Append `byte` to the message being written; drop it if that has MAX_LENGTH bytes."""
        mov(rax, self.length)
        with if_(rax == MAX_LENGTH):
            ret()
        add(rax, self.end)
        add(rax, RECORD_ALIGNMENT)
        and_(eax, RING_MASK)
        mov(self.ring[rax], byte)
        inc(self.length)

    @function(holds="lock")
    def _commit(self) -> None:
        """End the message, without a newline as its last character."""
        record, length = scratch(Ptr[LogRecord]), scratch(self.length)
        mov(rax, self.end)
        add(rax, length)
        add(rax, RECORD_ALIGNMENT - 1)  # past the header, to the text's last byte
        and_(eax, RING_MASK)
        with if_((length != 0) & (self.ring[rax] == ord("\n"))):  # one for the console
            dec(length)
        self._record_at(record, self.end)
        mov(record.length, u16(length))
        round_up(length, RECORD_ALIGNMENT)
        add(length, RECORD_ALIGNMENT)
        add(self.end, length)

    @function
    def read(self, position: Keep[U64], message: Keep[Ptr[LogMessage]]) -> U64:
        """Copy the message at `position`, or the oldest one if that is gone, into `message`.

        Return the position of the next message, or 0 if there is none at `position`. Reading
        begins at position 0. The text is NUL-terminated. Context: any but NMI.
        """
        with self.lock.held():
            with if_(position < self.oldest):  # overwritten since the last read
                mov(position, self.oldest)
            with if_(position >= self.end):
                xor(position, position)
            with else_():
                mov(position, self._copy(position, message))
        ret(position)

    @function
    def get_bounds(self, bounds: Ptr[LogBounds]) -> None:
        """Fill in `bounds`. Context: any but NMI."""
        bounds = scratch(bounds)
        with self.lock.held():
            copy_fields(bounds, self, "oldest", "end", "dropped")

    @function(holds="lock")
    def _copy(self, position: U64, message: Ptr[LogMessage]) -> U64:
        """Copy the message at `position` into `message`; return the position of the next one."""
        record, source = scratch(Ptr[LogRecord]), scratch(position)
        self._record_at(record, position)
        for name in ("ticks", "processor", "length", "level"):
            part = getattr(record, name)
            register = {8: rax, 4: eax, 2: ax, 1: al}[part._kind._size]
            mov(register, part)
            mov(getattr(message.record, name), register)
        movzx(eax, record.length)
        release(record)
        # Unlike a record, the text may wrap at the ring's end, so it is copied byte by byte.
        add(source, RECORD_ALIGNMENT)
        target, left = scratch(Ptr[U8]), scratch(rax)
        lea(target, message.text)
        with while_(left != 0):
            mov(rcx, source)
            and_(ecx, RING_MASK)
            mov(cl, self.ring[rcx])
            mov(at(target), cl)
            inc(source)
            inc(target)
            dec(left)
        mov(at(target), 0)
        round_up(source, RECORD_ALIGNMENT)
        ret(source)

    @function
    def break_lock(self) -> None:
        """Break the lock open. Context: a panic, when no other processor runs on."""
        self.lock.break_open()
