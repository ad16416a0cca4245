"""A terminal as ECMA-48 and the VT102 have it."""

from __future__ import annotations

from kernel.console.charsets import Charsets
from kernel.console.controlsequences import ControlSequences
from kernel.console.cursormotion import CursorMotion
from kernel.console.glyphs import RANGES, Glyphs
from kernel.console.screen import TextScreen
from kernel.console.screencells import ScreenCells
from kernel.console.screenmode import FIRST_MODES, SYSTEM_MODES, Charset, Parsing, ScreenMode
from kernel.console.screenmodes import ScreenModes
from kernel.console.screenstate import Screen
from kernel.console.scrollback import Scrollback
from kernel.text.utf8 import INCOMPLETE, Utf8Decoder
from pykasm import *

FIRST_PRINTABLE, LAST_PRINTABLE = RANGES[0]
"""Characters of one byte whose glyphs are the first."""

ESCAPE, DELETE = 0x1B, 0x7F
CANCEL, SUBSTITUTE = 0x18, 0x1A
"""Control characters that end a sequence."""
SHIFT_OUT, SHIFT_IN = 0x0E, 0x0F
FIRST_IN_STRING, LAST_IN_STRING = 0x08, 0x0D
"""Control characters without effect in strings."""


class Emulator(Subsystem):
    """Writes to screens, in UTF-8, with control characters and sequences as Linux's console has
    them (console_codes(4)). Context: with the console's lock."""

    def __init__(
        self,
        screens: TextScreen,
        scrollback: Scrollback,
        cells: ScreenCells,
        glyphs: Glyphs,
        decoder: Utf8Decoder,
        charsets: Charsets,
        motion: CursorMotion,
        modes: ScreenModes,
        sequences: ControlSequences,
    ) -> None:
        self.screens = screens
        self.scrollback = scrollback
        self.cells = cells
        self.glyphs = glyphs
        self.decoder = decoder
        self.charsets = charsets
        self.motion = motion
        self.modes = modes
        self.sequences = sequences

    @function
    def start(self) -> None:
        """Begin with the kernel's own screen."""
        screen = scratch(Ptr[Screen])
        lea(screen, self.screens.screens)
        mov(screen.first_modes, SYSTEM_MODES)
        tail(self.modes.reset, screen)

    @function
    def start_console(self, screen: Ptr[Screen]) -> None:
        """Begin with the screen of a virtual console, or begin anew."""
        mov(screen.first_modes, FIRST_MODES)
        mov(screen.answered, 0)
        tail(self.modes.reset, screen)

    @function
    def write(self, screen: Keep[Ptr[Screen]], byte: Keep[U8]) -> None:
        """Write a byte to `screen`. Who is looking at rows above it returns to it."""
        with if_((self.scrollback.offset != 0) & self.screens.is_drawn(screen)):
            mov(self.scrollback.offset, 0)
            self.screens.draw_all()
        with if_((byte < FIRST_PRINTABLE) | (byte == DELETE)):
            tail(self._control, screen, byte)
        with if_(screen.parsing != Parsing.TEXT):
            tail(self.sequences.take, screen, byte)
        with if_((byte <= LAST_PRINTABLE) | (screen.charset == Charset.PC)):
            mov(screen.decoder.missing, 0)
            tail(self._put, screen, self.charsets.find(screen, byte))
        character = self.decoder.decode(address_of(screen.decoder), byte)
        with if_(character == INCOMPLETE):
            ret()
        self.glyphs.number(character)
        tail(self._put, screen, character)

    @function
    def _put(self, screen: Keep[Ptr[Screen]], glyph: Keep[U32]) -> None:
        """Write a glyph to the cell at the cursor, and move the cursor on by one cell."""
        with if_((screen.wraps != 0) & (screen.modes & ScreenMode.AUTO_WRAP)):
            mov(screen.column, 0)
            self.motion.feed_line(screen)
        with if_(screen.modes & ScreenMode.INSERT):
            self.cells.insert(screen, 1)
        or_(glyph, screen.attribute)
        self.cells.set(screen, screen.row, screen.column, glyph)
        mov(eax, screen.column)
        inc(eax)
        with if_(eax != self.screens.columns):
            mov(screen.column, eax)
            ret()
        mov(eax, screen.modes)
        and_(eax, ScreenMode.AUTO_WRAP)
        mov(screen.wraps, eax)

    @function
    def _control(self, screen: Keep[Ptr[Screen]], byte: Keep[U8]) -> None:
        """Do what a control character says, in the middle of a sequence, too."""
        mov(screen.decoder.missing, 0)
        with if_(screen.parsing >= Parsing.STRING):
            with if_((byte >= FIRST_IN_STRING) & (byte <= LAST_IN_STRING)):
                ret()
            with if_(byte == ord("\a")):
                mov(screen.parsing, Parsing.TEXT)
        movzx(eax, byte)
        with switch(eax):
            with case(ord("\b")):
                tail(self.motion.go_back, screen)
            with case(ord("\t")):
                tail(self.motion.tabulate, screen)
            with case(ord("\n"), ord("\v"), ord("\f")):
                self.motion.feed_line(screen)
                with if_(screen.modes & ScreenMode.NEW_LINE):
                    tail(self.motion.return_to_start, screen)
            with case(ord("\r")):
                tail(self.motion.return_to_start, screen)
            with case(SHIFT_OUT):
                tail(self.charsets.select, screen, 1)
            with case(SHIFT_IN):
                tail(self.charsets.select, screen, 0)
            with case(CANCEL, SUBSTITUTE):
                mov(screen.parsing, Parsing.TEXT)
            with case(ESCAPE):
                mov(screen.parsing, Parsing.ESCAPE)
