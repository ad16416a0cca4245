"""A terminal."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from kernel.fs.file import File
from kernel.process.session import ControllingTerminal
from kernel.sync.mutex import Mutex
from kernel.sync.pollqueue import PollQueue
from kernel.tty.termios import Termios2
from kernel.tty.windowsize import WindowSize
from pykasm import *

INPUT_SIZE = 4096
"""Bytes that were typed and not read yet, a power of two (Linux: N_TTY_BUF_SIZE)."""
INPUT_MASK = INPUT_SIZE - 1

ECHO_SIZE = 1024
"""Echoes that wait while output is stopped, a power of two."""
ECHO_MASK = ECHO_SIZE - 1

OUTPUT_SIZE = 256
"""Bytes that are handed to the driver at once, at most."""

CODES = 256
"""Characters."""
WORD = 64
"""Bits by a word of a bitmap."""


class EchoKind(IntEnum):
    """What is echoed."""

    PLAIN = 0
    """A character, as if it were written."""
    RAW = 1
    """A byte as it is."""
    CARET = 2
    """A control character, as `^` and a letter."""
    ERASED_TAB = 3
    """The way back over a tab, by the columns that what stands before it takes."""
    ERASED_LATER_TAB = 4
    """The same, where what stands before it begins at another tab."""
    FIRST_COLUMN = 5
    """Nothing: the line that is typed begins here."""
    NARROW = 6
    """Nothing: the character before was part of another one."""


class EchoEntry(Struct):
    """One of those that wait."""

    kind: U8 = field(EchoKind)
    byte: U8


class TerminalChange(IntFlag):
    """What has happened to a terminal, as who shows it may want to know (TIOCPKT,
    include/uapi/asm-generic/ioctls.h)."""

    FLUSH_READ = 1
    """What was typed was thrown away."""
    FLUSH_WRITE = 2
    """What was written was to be thrown away."""
    STOP = 4
    START = 8
    """Output was stopped, or goes on."""
    NO_STOP = 16
    DO_STOP = 32
    """Whether the usual characters stop it has become another thing."""
    IOCTL = 64
    """The modes were set, with EXTPROC."""


class Terminal(Struct):
    """What programs have open where somebody types and reads: Linux's `struct tty_struct` with its
    line discipline.

    Positions in what was typed count from the start on, or from when it was thrown away last.
    """

    queue: PollQueue
    """Who waits for input or for room."""
    typist: PollQueue
    """Who types waits for room, and who shows what is written, where that is a program, for
    something to show."""
    job: ControllingTerminal
    lock: Mutex
    driver: Ptr[TerminalDriver]
    hangups: U64
    """How often it was hung up: who had it open before that has it no longer."""
    is_exclusive: U32
    """1 if it can't be opened once more (TIOCEXCL)."""
    changes: U32 = field(TerminalChange, guarded_by="lock", unlocked_reads=True)
    """What has happened since somebody looked."""
    modes: Termios2 = field(guarded_by="lock")
    specials: Array[U64] = field(count=CODES // WORD, guarded_by="lock")
    """Bit n: the modes say something of the character n when it is typed."""
    size: WindowSize = field(guarded_by="lock")
    # What was typed
    read: U64 = field(guarded_by="lock")
    """Where the next read begins."""
    ended: U64 = field(guarded_by="lock")
    """Where the line begins that is typed now, in canonical mode."""
    typed: U64 = field(guarded_by="lock")
    """Where the next character goes."""
    input: Array[U8] = field(count=INPUT_SIZE, guarded_by="lock")
    ends: Array[U64] = field(count=INPUT_SIZE // WORD, guarded_by="lock")
    """Bit n: the character there ends a line; if it is `DISABLED`, without being read."""
    literal: U32 = field(guarded_by="lock")
    """1 if the next character is taken as it is (VLNEXT), else 0."""
    is_full: U32 = field(guarded_by="lock")
    """1 if somebody waits for room for what is typed, else 0."""
    # What is shown
    stopped: U32 = field(guarded_by="lock")
    """1 if output is stopped (VSTOP), else 0."""
    erasing: U32 = field(guarded_by="lock")
    """1 while what is erased is shown between `\\` and `/` (ECHOPRT), else 0."""
    column: U32 = field(guarded_by="lock")
    """Where the cursor is, as far as can be told from what was written."""
    first_column: U32 = field(guarded_by="lock")
    """Where the echo of the line that is being typed began."""
    shown: U32 = field(guarded_by="lock")
    """How many echoes were shown."""
    echoed: U32 = field(guarded_by="lock")
    """How many there were."""
    echoes: Array[EchoEntry] = field(count=ECHO_SIZE, guarded_by="lock")
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


class OpenTerminal(Fn[[Ptr[Terminal]], OrErrno[I32]], context="thread"):
    """Count one more open file of a terminal. Returns 0, or -EIO if there can be none."""


class CloseTerminal(Fn[[Ptr[Terminal]], Void], context="thread"):
    """Count one less."""


class FreeTerminal(Fn[[Owned[Ptr[Terminal]]], Void], context="thread"):
    """Free a terminal, which nobody has any more."""


class TerminalDriver(Struct):
    """What is behind a terminal."""

    room: OutputRoom
    send: SendOutput
    open: OpenTerminal
    close: CloseTerminal
    free: FreeTerminal


# Files of terminals have no positions; there stands how often the terminal had been hung up


@inline(changes=(rax, rcx))
def is_hung_up(file: Ptr[File]) -> Condition:
    """Return whether the terminal of `file` was hung up since it was opened."""
    mov(rax, file.private)
    mov(rcx, cast(rax, Ptr[Terminal]).hangups)
    return rcx != file.position


# Output that stops and goes on


@inline
def stop_output(terminal: Ptr[Terminal]) -> None:
    """Stop output. Context: under the terminal's lock."""
    with if_(terminal.stopped == 0):
        mov(terminal.stopped, 1)
        and_(terminal.changes, ~int(TerminalChange.START))
        or_(terminal.changes, TerminalChange.STOP)


@inline
def start_output(terminal: Ptr[Terminal]) -> None:
    """Have output go on. Context: under the terminal's lock."""
    with if_(terminal.stopped != 0):
        mov(terminal.stopped, 0)
        and_(terminal.changes, ~int(TerminalChange.STOP))
        or_(terminal.changes, TerminalChange.START)
