"""How a terminal treats what is typed and written (include/uapi/asm-generic/termbits.h)."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from pykasm import *

DISABLED = 0
"""A special character with this value is none (POSIX: _POSIX_VDISABLE)."""

CHARACTERS = 19
"""Special characters that the kernel keeps; programs' own structures have room for more."""


class InputMode(IntFlag):
    """What happens to characters that are typed."""

    IGNBRK = 0o1
    BRKINT = 0o2
    IGNPAR = 0o4
    PARMRK = 0o10
    INPCK = 0o20
    ISTRIP = 0o40
    INLCR = 0o100
    IGNCR = 0o200
    ICRNL = 0o400
    IUCLC = 0o1000
    IXON = 0o2000
    IXANY = 0o4000
    IXOFF = 0o10000
    IMAXBEL = 0o20000
    IUTF8 = 0o40000


class OutputMode(IntFlag):
    """What happens to characters that are written."""

    OPOST = 0o1
    OLCUC = 0o2
    ONLCR = 0o4
    OCRNL = 0o10
    ONOCR = 0o20
    ONLRET = 0o40
    TABDLY = 0o14000
    """What is done with tabs; `XTABS` if all of it is set."""


XTABS = OutputMode.TABDLY
"""Tabs become spaces."""


class ControlMode(IntFlag):
    """What a line is like; nothing here depends on it but what programs read back."""

    CS8 = 0o60
    CREAD = 0o200
    PARENB = 0o400
    HUPCL = 0o2000
    CBAUD = 0o10017
    """The speed of output, by its place in SPEEDS, but for one bit."""
    CBAUDEX = 0o10000
    """That bit: the later half of SPEEDS."""
    CIBAUD = CBAUD << 16
    """The speed of input, so too; 0 if it is the same."""


class LocalMode(IntFlag):
    """What the terminal does with lines and special characters."""

    ISIG = 0o1
    ICANON = 0o2
    XCASE = 0o4
    ECHO = 0o10
    ECHOE = 0o20
    ECHOK = 0o40
    ECHONL = 0o100
    NOFLSH = 0o200
    TOSTOP = 0o400
    ECHOCTL = 0o1000
    ECHOPRT = 0o2000
    ECHOKE = 0o4000
    FLUSHO = 0o10000
    PENDIN = 0o40000
    IEXTEN = 0o100000
    EXTPROC = 0o200000


B38400 = 0o17
BOTHER = 0o10000
"""Speeds as they stand in `CBAUD`: the one of consoles, and one that stands elsewhere."""

INPUT_SHIFT = 16
"""Where that of input stands."""

SPEEDS = (
    *(0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400),
    *(57600, 115200, 230400, 460800, 500000, 576000, 921600, 1000000, 1152000, 1500000),
    *(2000000, 2500000, 3000000, 3500000, 4000000),
)
"""Bits a second (drivers/tty/tty_baudrate.c)."""


class Special(IntEnum):
    """The special characters, by their indexes."""

    VINTR = 0
    VQUIT = 1
    VERASE = 2
    VKILL = 3
    VEOF = 4
    VTIME = 5
    VMIN = 6
    VSWTC = 7
    VSTART = 8
    VSTOP = 9
    VSUSP = 10
    VEOL = 11
    VREPRINT = 12
    VDISCARD = 13
    VWERASE = 14
    VLNEXT = 15
    VEOL2 = 16


class Termios(Struct):
    """All of it, as TCGETS stores it (struct termios of the kernel)."""

    input: U32 = field(InputMode)
    output: U32 = field(OutputMode)
    control: U32
    """`ControlMode`s, and speeds."""
    local: U32 = field(LocalMode)
    line: U8
    """The line discipline; 0, there is one."""
    special: Array[U8] = field(count=CHARACTERS)
    """By `Special`."""


class Termios2(Termios):
    """The same with speeds, as TCGETS2 stores it (struct termios2)."""

    input_speed: U32
    """In bits a second."""
    output_speed: U32


FIRST_CHARACTERS = {
    Special.VINTR: 0x03,
    Special.VQUIT: 0x1C,
    Special.VERASE: 0x7F,
    Special.VKILL: 0x15,
    Special.VEOF: 0x04,
    Special.VMIN: 1,
    Special.VSTART: 0x11,
    Special.VSTOP: 0x13,
    Special.VSUSP: 0x1A,
    Special.VREPRINT: 0x12,
    Special.VDISCARD: 0x0F,
    Special.VWERASE: 0x17,
    Special.VLNEXT: 0x16,
}
"""Those that a terminal has at first (include/asm-generic/termios.h)."""


def first_termios(**changed: int) -> Termios2:
    """Return what a terminal begins with (drivers/tty/tty_io.c), but for what is `changed`."""
    modes = {
        "input": InputMode.ICRNL | InputMode.IXON,
        "output": OutputMode.OPOST | OutputMode.ONLCR,
        "control": B38400 | ControlMode.CS8 | ControlMode.CREAD | ControlMode.HUPCL,
        "local": LocalMode.ISIG
        | LocalMode.ICANON
        | LocalMode.ECHO
        | LocalMode.ECHOE
        | LocalMode.ECHOK
        | LocalMode.ECHOCTL
        | LocalMode.ECHOKE
        | LocalMode.IEXTEN,
    }
    special = [
        FIRST_CHARACTERS.get(Special(n), 0) if n < len(Special) else 0 for n in range(CHARACTERS)
    ]
    speed = SPEEDS[B38400]
    return Termios2(**(modes | changed), special=special, input_speed=speed, output_speed=speed)
