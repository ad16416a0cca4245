"""Modes of screens, and all that is set back together."""

from __future__ import annotations

from kernel.console.charsets import Charsets
from kernel.console.cursormotion import CursorMotion
from kernel.console.glyphs import CHARACTERS
from kernel.console.renditions import Renditions
from kernel.console.screen import TextScreen
from kernel.console.screencells import ScreenCells
from kernel.console.screenmode import Parsing, ScreenMode
from kernel.console.screenstate import TAB_WORDS, Screen
from pykasm import *

MODES = {4: ScreenMode.INSERT, 20: ScreenMode.NEW_LINE}
PRIVATE_MODES = {
    1: ScreenMode.APPLICATION_KEYS,
    5: ScreenMode.REVERSED,
    6: ScreenMode.ORIGIN,
    7: ScreenMode.AUTO_WRAP,
    25: ScreenMode.CURSOR,
    45: ScreenMode.REVERSE_WRAP,
}
"""By their numbers in ECMA-48, and with a question mark (console_codes(4); XTerm Control
Sequences)."""

E_GLYPH = CHARACTERS.index("E")

USUAL_TABS = 0x0101_0101_0101_0101
"""Tab stops in every eighth column, of 64."""


class ScreenModes(Subsystem):
    """Sets modes, saves and restores, and resets. Context: with the console's lock."""

    def __init__(
        self,
        screens: TextScreen,
        cells: ScreenCells,
        motion: CursorMotion,
        renditions: Renditions,
        charsets: Charsets,
    ) -> None:
        self.screens = screens
        self.cells = cells
        self.motion = motion
        self.renditions = renditions
        self.charsets = charsets

    @function
    def set_all(self, screen: Keep[Ptr[Screen]], is_on: Keep[U32]) -> None:
        """Set or reset the modes of all parameters."""
        place = keep(U32)
        xor(place, place)
        with while_(place <= screen.count):
            mode = self._find(screen, screen.parameters[place])
            with if_(mode != 0):
                self._set(screen, mode, is_on)
            inc(place)

    @function
    def _find(self, screen: Ptr[Screen], number: U32) -> U32:
        """Return the mode of this number, or 0 if that is unknown."""
        with if_(screen.prefix == ord("?")):
            for known, mode in PRIVATE_MODES.items():
                with if_(number == known):
                    ret(mode)
            ret(0)
        for known, mode in MODES.items():
            with if_(number == known):
                ret(mode)
        ret(0)

    @function
    def _set(self, screen: Keep[Ptr[Screen]], mode: U32, is_on: U32) -> None:
        """Set or reset a mode, with what that does at once."""
        mov(eax, screen.modes)
        mov(ecx, mode)
        not_(ecx)
        and_(ecx, eax)
        with if_(is_on != 0):
            or_(ecx, mode)
        mov(screen.modes, ecx)
        with if_(mode == ScreenMode.ORIGIN):
            tail(self.motion.go_from_origin, screen, 0, 0)
        with if_((mode == ScreenMode.REVERSED) & (eax != ecx)):
            self.renditions.refresh(screen)
            tail(self.cells.invert, screen)

    @function
    def set_region(self, screen: Ptr[Screen], first: U32, last: U32) -> None:
        """Have the rows from `first` to `last` scroll, which count from 1; 0 is for the first and
        the last of all (DECSTBM)."""
        mov(eax, self.screens.rows)
        with if_(first == 0):
            mov(first, 1)
        with if_(last == 0):
            mov(last, eax)
        with if_((first >= last) | (last > eax)):
            ret()
        dec(first)
        mov(screen.top, first)
        mov(screen.bottom, last)
        tail(self.motion.go_from_origin, screen, 0, 0)

    # All together

    @function
    def save(self, screen: Ptr[Screen]) -> None:
        """Save the cursor, colours and character sets (DECSC)."""
        for name in ("row", "column"):
            mov(eax, getattr(screen, name))
            mov(getattr(screen.saved, name), eax)
        mov(rax, u64(screen.rendition))
        mov(u64(screen.saved.rendition), rax)

    @function
    def restore(self, screen: Keep[Ptr[Screen]]) -> None:
        """Restore what was saved last (DECRC)."""
        mov(rax, u64(screen.saved.rendition))
        mov(u64(screen.rendition), rax)
        self.charsets.refresh(screen)
        self.renditions.refresh(screen)
        tail(self.motion.go_to, screen, screen.saved.row, screen.saved.column)

    @function
    def reset(self, screen: Keep[Ptr[Screen]]) -> None:
        """Begin anew with a blank screen (RIS)."""
        self.recover(screen)
        mov(rax, USUAL_TABS)
        for word in range(TAB_WORDS):
            mov(screen.tabs[word], rax)
        self.motion.go_to(screen, 0, 0)
        self.save(screen)
        self.cells.clear(screen)
        with if_(self.screens.is_drawn(screen)):
            tail(self.screens.draw_all)

    @function
    def recover(self, screen: Keep[Ptr[Screen]]) -> None:
        """Set back all that could keep text from being read; what there is stays."""
        mov(screen.parsing, Parsing.TEXT)
        mov(screen.decoder.missing, 0)
        mov(screen.top, 0)
        mov(eax, self.screens.rows)
        mov(screen.bottom, eax)
        mov(eax, screen.first_modes)
        xor(eax, screen.modes)
        xor(screen.modes, eax)
        with if_(eax & ScreenMode.REVERSED):
            self.cells.invert(screen)
        self.charsets.reset(screen)
        tail(self.renditions.reset, screen)

    @function
    def align(self, screen: Keep[Ptr[Screen]]) -> None:
        """Fill the screen with E (DECALN)."""
        former = keep(screen.blank)
        or_(screen.blank, E_GLYPH)
        self.cells.fill_rows(screen, 0, self.screens.rows)
        mov(screen.blank, former)
        mov(screen.wraps, 0)
