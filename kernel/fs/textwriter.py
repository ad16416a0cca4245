"""Formatted output into memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kernel.sched.scheduler import Scheduler
from kernel.text.numbers import Numbers
from kernel.text.symbols import Symbols
from kernel.text.textbuffer import TextBuffer
from kernel.text.writer import Writer
from pykasm import *


class TextWriter(Writer):
    """Writes into the buffer that the thread has for it (`Thread.text`), so that many threads make
    texts at once. Context: a thread that has one."""

    has_tabs = True

    def __init__(self, numbers: Numbers, symbols: Symbols, scheduler: Scheduler) -> None:
        super().__init__(numbers, symbols)
        self.scheduler = scheduler

    @inline(changes=CALLER_SAVED)
    @contextmanager
    def into(self, buffer: Ptr[TextBuffer]) -> Iterator[None]:
        """Have what this thread writes in the block be the text in `buffer`, from its start on; a
        text that it is in the middle of goes on afterwards."""
        self._begin(buffer)
        yield
        self._end()

    @function
    def _begin(self, buffer: Ptr[TextBuffer]) -> None:
        """Have `put` write to the start of `buffer`."""
        thread = scratch(self.scheduler.current)
        mov(buffer.outer, scratch(thread.text))
        mov(buffer.length, 0)
        mov(thread.text, buffer)

    @function
    def _end(self) -> None:
        """Have `put` write where it wrote before `_begin`."""
        thread = scratch(self.scheduler.current)
        buffer = scratch(thread.text)
        asserts(buffer != 0)  # of `_begin`
        mov(thread.text, scratch(buffer.outer))

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
