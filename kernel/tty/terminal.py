"""A terminal."""

from __future__ import annotations

from kernel.fs.pollqueue import PollQueue
from kernel.sync.mutex import Mutex
from kernel.tty.termios import Termios
from kernel.tty.windowsize import WindowSize
from pykasm import *

OUTPUT_SIZE = 256
"""Bytes that are handed to the driver at once, at most."""


class Terminal(Struct):
    """What programs have open where somebody types and reads: Linux's `struct tty_struct` with its
    line discipline."""

    queue: PollQueue
    """Who waits for input or for room."""
    lock: Mutex
    driver: Ptr[TerminalDriver]
    modes: Termios = field(guarded_by="lock")
    size: WindowSize = field(guarded_by="lock")
    column: U32 = field(guarded_by="lock")
    """Where the cursor is, as far as can be told from what was written."""
    first_column: U32 = field(guarded_by="lock")
    """Where the echo of the line that is being typed began."""
    room: U32 = field(guarded_by="lock")
    """Bytes that the driver takes still."""
    used: U32 = field(guarded_by="lock")
    """Bytes in `output`."""
    output: Array[U8] = field(count=OUTPUT_SIZE, guarded_by="lock")
    """What goes to the driver next."""


class OutputRoom(Fn[[Ptr[Terminal]], U32], context="thread"):
    """Return how many bytes the driver takes without waiting, at most `OUTPUT_SIZE`."""


class SendOutput(Fn[[Ptr[Terminal], Ptr[U8], U32], Void], context="thread"):
    """Take bytes, no more than there is room for."""


class TerminalDriver(Struct):
    """What is behind a terminal."""

    room: OutputRoom
    send: SendOutput
