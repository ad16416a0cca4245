"""Formatted output into memory."""

from __future__ import annotations

from kernel.sched.scheduler import Scheduler
from kernel.text.numbers import Numbers
from kernel.text.symbols import Symbols
from kernel.text.writer import Writer
from pykasm import *


class TextWriter(Writer):
    """Writes into the buffer that the thread has for it (`Thread.text`), so that many threads make
    texts at once. Context: a thread that has one."""

    has_tabs = True

    def __init__(self, numbers: Numbers, symbols: Symbols, scheduler: Scheduler) -> None:
        super().__init__(numbers, symbols)
        self.scheduler = scheduler

    @function
    def put(self, byte: U8) -> None:
        """Add a byte, or only count it where there is no room."""
        thread = scratch(self.scheduler.current)
        buffer = scratch(thread.text)
        asserts(buffer != 0)
        start, length = scratch(buffer.start), scratch(buffer.length)
        inc(buffer.length)
        with if_((length < buffer.capacity) & (start != 0)):
            mov(u8[start + length], byte)
