"""How a screen treats what is written to it."""

from __future__ import annotations

from enum import IntEnum, IntFlag


class ScreenMode(IntFlag):
    """Modes that sequences set and reset (console_codes(4); XTerm Control Sequences)."""

    AUTO_WRAP = 1 << 0
    """DECAWM: what does not fit into a row goes on in the next one."""
    INSERT = 1 << 1
    """IRM: characters move those behind them."""
    NEW_LINE = 1 << 2
    """LNM: a line feed returns to the first column."""
    ORIGIN = 1 << 3
    """DECOM: rows are counted within the scrolling region, and the cursor stays in it."""
    REVERSED = 1 << 4
    """DECSCNM: foreground and background are exchanged everywhere."""
    CURSOR = 1 << 5
    """DECTCEM: the cursor is shown."""
    REVERSE_WRAP = 1 << 6
    """Backspace leads from the start of a row to the end of the one above (XTerm, 45)."""
    APPLICATION_KEYS = 1 << 7
    """DECCKM: the arrows send what is for applications."""


FIRST_MODES = ScreenMode.AUTO_WRAP | ScreenMode.CURSOR
"""Those of virtual consoles."""
SYSTEM_MODES = FIRST_MODES | ScreenMode.REVERSE_WRAP
"""Those of the screen of the kernel, whose prompt edits lines of more than a row."""


class Intensity(IntEnum):
    """How bright characters are."""

    HALF = 0
    NORMAL = 1
    BOLD = 2


class RenditionFlag(IntFlag):
    """What else they are."""

    ITALIC = 1 << 0
    UNDERLINED = 1 << 1
    REVERSED = 1 << 2


class Charset(IntEnum):
    """What bytes below 128 stand for (console_codes(4), "Character Sets")."""

    LATIN = 0
    GRAPHICS = 1
    """Lines and blocks of the VT100, in place of small letters."""
    PC = 2
    """Code page 437."""


class Parsing(IntEnum):
    """What is to come, by what has come: a text, or the rest of a sequence."""

    TEXT = 0
    ESCAPE = 1
    """What follows ESC."""
    BEGUN = 2
    """What follows ESC [."""
    SEQUENCE = 3
    """And more of a control sequence."""
    IGNORED = 4
    """The rest of one that nobody understands."""
    FUNCTION_KEY = 5
    """What follows ESC [ [, as keyboards send it: a byte without effect."""
    FIRST_CHARSET = 6
    SECOND_CHARSET = 7
    """The name of a character set that is to be G0 or G1."""
    HASH = 8
    """What follows ESC #."""
    PERCENT = 9
    """What follows ESC %: a coding, which is UTF-8 whatever is asked for."""
    COMMAND = 10
    """What follows ESC ]."""
    PALETTE = 11
    """Seven digits of a colour."""
    STRING = 12
    """A string without effect, which BEL or ESC \\ ends."""
