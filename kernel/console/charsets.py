"""Character sets that bytes are of."""

from __future__ import annotations

from kernel.console.glyphs import CHARACTERS, UNKNOWN
from kernel.console.screenmode import Charset
from kernel.console.screenstate import Screen
from pykasm import *

FIRST = ord(" ")
"""The first byte that stands for a character."""

GRAPHICS_FROM = ord("_")
GRAPHICS = "\u00a0◆▒␉␌␍␊°±░␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·"
"""What stands for `_` and the small letters in the set of the VT100 (VT100 User Guide, table
3-9)."""
FURTHER_GRAPHICS = {"+": "→", ",": "←", "-": "↑", ".": "↓", "0": "█"}
"""What Linux has in the set besides (drivers/tty/vt/consolemap.c)."""
SUBSTITUTES = dict(zip("◆⎺⎻⎼⎽≤≥π→←↑↓", "+───_<>*><^v", strict=True))
"""What is shown in their place where there is no such glyph (terminfo(5), acs_chars)."""

NAMES = {"B": Charset.LATIN, "0": Charset.GRAPHICS, "U": Charset.PC, "K": Charset.LATIN}
"""What sequences call them (console_codes(4)); no one has loaded the user's own mapping, K."""


def glyph_of(character: str) -> int:
    """Return the number of the glyph that is shown for `character`."""
    character = SUBSTITUTES.get(character, character)
    return CHARACTERS.index(character) if character in CHARACTERS else UNKNOWN


def graphics(code: int) -> str:
    """Return what a byte stands for in the VT100's set."""
    place = code - GRAPHICS_FROM
    if 0 <= place < len(GRAPHICS):
        return GRAPHICS[place]
    return FURTHER_GRAPHICS.get(chr(code), chr(code))


class Charsets(Subsystem):
    """Knows what bytes stand for that are no UTF-8. Context: with the console's lock."""

    graphics = rodata(U16 * (0x7F - FIRST), [glyph_of(graphics(n)) for n in range(FIRST, 0x7F)])
    pc = rodata(
        U16 * (0x100 - FIRST),
        [glyph_of(bytes([n]).decode("cp437")) for n in range(FIRST, 0x100)],
    )

    @function
    def find(self, screen: Ptr[Screen], byte: U8) -> U32:
        """Return the glyph of a byte from `FIRST` on, which is below 127 but in code page 437."""
        movzx(ecx, byte)
        sub(ecx, FIRST)
        mov(eax, ecx)
        with if_(screen.charset == Charset.GRAPHICS):
            movzx(eax, self.graphics[rcx])
        with if_(screen.charset == Charset.PC):
            movzx(eax, self.pc[rcx])
        ret(eax)

    @function
    def reset(self, screen: Ptr[Screen]) -> None:
        """Begin with the usual ones."""
        mov(screen.rendition.set, 0)
        mov(screen.rendition.sets[0], Charset.LATIN)
        mov(screen.rendition.sets[1], Charset.GRAPHICS)
        tail(self.refresh, screen)

    @function
    def refresh(self, screen: Ptr[Screen]) -> None:
        """Use the set that is selected."""
        movzx(eax, screen.rendition.set)
        movzx(eax, screen.rendition.sets[rax])
        mov(screen.charset, eax)

    @function
    def select(self, screen: Ptr[Screen], set: U32) -> None:
        """Use G0 or G1 from now on."""
        mov(screen.rendition.set, u8(set))
        tail(self.refresh, screen)

    @function
    def designate(self, screen: Ptr[Screen], set: U32, name: U8) -> None:
        """Have G0 or G1 be the set of this `name`, if there is one."""
        for known, charset in NAMES.items():
            with if_(name == ord(known)):
                mov(screen.rendition.sets[set], charset)
        tail(self.refresh, screen)
