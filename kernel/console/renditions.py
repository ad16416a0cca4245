"""How characters look."""

from __future__ import annotations

from kernel.console.cell import COLOUR_BITS, COLOUR_SHIFT
from kernel.console.charsets import Charsets
from kernel.console.screenmode import Charset, Intensity, RenditionFlag, ScreenMode
from kernel.console.screenstate import Screen
from kernel.text.colour import NORMAL, Colour
from pykasm import *

HUES = 8
"""Colours but for bright ones."""
VGA_COLOURS = (0, 4, 2, 6, 1, 5, 3, 7)
"""The colours of a VGA, by their numbers in ECMA-48 (8.3.117)."""
BRIGHT = Colour.DARK_GREY
"""The bit of a foreground that is bright."""
HUE_MASK, FOREGROUND, BACKGROUND = HUES - 1, 0x0F, 0x70
"""The bits of colours in a `Rendition`."""
BOTH_HUES = BACKGROUND | HUE_MASK

ITALIC_COLOUR, UNDERLINE_COLOUR, HALF_COLOUR = Colour.GREEN, Colour.CYAN, Colour.DARK_GREY
"""What a VGA shows for what it can't (Linux: drivers/tty/vt/vt.c)."""

EXTENDED_FOREGROUND, EXTENDED_BACKGROUND = 38, 48
"""Parameters that further ones follow."""
INDEXED, DIRECT = 5, 2
"""What follows 38 and 48: the number of a colour, or red, green and blue."""
COLOURS = 256
CUBE, GREYS = 16, 232
"""Numbers from which on they are a cube of 6 by 6 by 6, and shades of grey."""

DARK, BRIGHTEST = 0x55, 0xAA
"""A part of a colour up to which all is black, and above which it is bright."""


def rgb_of(number: int) -> tuple[int, int, int]:
    """Return red, green and blue of a colour (Linux: rgb_from_256)."""
    if number < CUBE:
        low, high = (0x55, 0xFF) if number >= HUES else (0, 0xAA)
        red, green, blue = (high if number & bit else low for bit in (1, 2, 4))
    elif number < GREYS:
        number -= CUBE
        red, green, blue = (part * 255 // 6 for part in (number // 36, number // 6 % 6, number % 6))
    else:
        red = green = blue = number * 10 - 2312
    return red, green, blue


class Renditions(Subsystem):
    """Sets what characters look like. Context: with the console's lock."""

    hues = rodata(U8 * HUES, VGA_COLOURS)
    parts = rodata(U8 * (COLOURS * 3), [part for n in range(COLOURS) for part in rgb_of(n)])
    """Red, green and blue, by the numbers of colours."""

    def __init__(self, charsets: Charsets) -> None:
        self.charsets = charsets

    @function
    def reset(self, screen: Ptr[Screen]) -> None:
        """Begin with plain characters."""
        mov(screen.rendition.colour, NORMAL)
        mov(screen.rendition.intensity, Intensity.NORMAL)
        mov(screen.rendition.flags, 0)
        tail(self.refresh, screen)

    @function
    def set_colour(self, screen: Ptr[Screen], foreground: U8) -> None:
        """Write what follows in a `Colour` on black, whatever sequences have said, until the next
        of these."""
        movzx(eax, foreground)
        shl(eax, COLOUR_SHIFT)
        mov(screen.attribute, eax)

    # What a cell gets

    @function
    def refresh(self, screen: Ptr[Screen]) -> None:
        """Compute the colours of cells that are written and erased from now on."""
        movzx(eax, screen.rendition.colour)
        mov(ecx, eax)
        with if_(screen.modes & ScreenMode.REVERSED):
            self._exchange(ecx)
        shl(ecx, COLOUR_SHIFT)
        mov(screen.blank, ecx)
        self._replace_foreground(screen)
        mov(ecx, eax)
        movzx(edx, screen.rendition.flags)
        with if_(screen.modes & ScreenMode.REVERSED):
            xor(edx, RenditionFlag.REVERSED)
        with if_(edx & RenditionFlag.REVERSED):
            self._exchange(ecx)
        with if_(screen.rendition.intensity == Intensity.BOLD):
            xor(ecx, BRIGHT)
        shl(ecx, COLOUR_SHIFT)
        mov(screen.attribute, ecx)

    @inline(changes=rax)
    def _replace_foreground(self, screen: Ptr[Screen]) -> None:
        """Give eax another foreground where something is asked for that can't be shown."""
        with if_(screen.rendition.flags & RenditionFlag.ITALIC):
            and_(eax, BACKGROUND)
            or_(eax, ITALIC_COLOUR)
        with elif_(screen.rendition.flags & RenditionFlag.UNDERLINED):
            and_(eax, BACKGROUND)
            or_(eax, UNDERLINE_COLOUR)
        with elif_(screen.rendition.intensity == Intensity.HALF):
            and_(eax, BACKGROUND)
            or_(eax, HALF_COLOUR)

    @inline(changes=("colours", rdx))
    def _exchange(self, colours: U32) -> None:
        """Exchange foreground and background; what is bright stays."""
        mov(edx, colours)
        and_(colours, ~BOTH_HUES)
        and_(edx, BOTH_HUES)
        rol(dl, COLOUR_BITS)
        or_(colours, edx)

    # What parameters say

    @function
    def select(self, screen: Keep[Ptr[Screen]]) -> None:
        """Do what all parameters of a sequence say (SGR)."""
        place = keep(U32)
        xor(place, place)
        with while_(place <= screen.count):
            mov(eax, screen.parameters[place])
            inc(place)
            with if_((eax == EXTENDED_FOREGROUND) | (eax == EXTENDED_BACKGROUND)):
                mov(place, self._extend(screen, place))
            with else_():
                self._select(screen, eax)
        tail(self.refresh, screen)

    @function
    def _select(self, screen: Ptr[Screen], code: U32) -> None:
        """Do what one of them says."""
        for first, setter in (
            (30, self._set_foreground),
            (40, self._set_background),
            (90, self._set_bright),
            (100, self._set_background),
        ):
            mov(eax, code)
            sub(eax, first)
            with if_(eax < HUES):
                tail(setter, screen, eax)
        with switch(code):
            with case(0):
                mov(screen.rendition.colour, NORMAL)
                mov(screen.rendition.intensity, Intensity.NORMAL)
                mov(screen.rendition.flags, 0)
            with case(39):
                tail(self._set_foreground, screen, VGA_COLOURS.index(NORMAL))
            with case(49):
                tail(self._set_background, screen, VGA_COLOURS.index(Colour.BLACK))
            with case(10):
                tail(self.charsets.refresh, screen)
            with case(11, 12):
                mov(screen.charset, Charset.PC)
            with default():
                tail(self._set_kind, screen, code)

    @function
    def _set_kind(self, screen: Ptr[Screen], code: U32) -> None:
        """Do what those say that are not about colours; unknown ones, and blinking, do nothing."""
        with switch(code):
            for number, intensity in (
                (1, Intensity.BOLD),
                (2, Intensity.HALF),
                (22, Intensity.NORMAL),
            ):
                with case(number):
                    mov(screen.rendition.intensity, intensity)
            for numbers, flag in (
                ((3,), RenditionFlag.ITALIC),
                ((4, 21), RenditionFlag.UNDERLINED),
                ((7,), RenditionFlag.REVERSED),
            ):
                with case(*numbers):
                    or_(screen.rendition.flags, flag)
            for number, flag in (
                (23, RenditionFlag.ITALIC),
                (24, RenditionFlag.UNDERLINED),
                (27, RenditionFlag.REVERSED),
            ):
                with case(number):
                    and_(screen.rendition.flags, ~flag & 0xFF)

    @function
    def _set_foreground(self, screen: Ptr[Screen], number: U32) -> None:
        """Set the foreground to a colour by its number in ECMA-48."""
        and_(screen.rendition.colour, BACKGROUND)
        mov(al, self.hues[number])
        or_(screen.rendition.colour, al)

    @function
    def _set_bright(self, screen: Ptr[Screen], number: U32) -> None:
        """Set the foreground, and be bright."""
        mov(screen.rendition.intensity, Intensity.BOLD)
        tail(self._set_foreground, screen, number)

    @function
    def _set_background(self, screen: Ptr[Screen], number: U32) -> None:
        """Set the background."""
        and_(screen.rendition.colour, FOREGROUND)
        mov(al, self.hues[number])
        shl(al, COLOUR_BITS)
        or_(screen.rendition.colour, al)

    # Colours of which a VGA has only something like them

    @function
    def _extend(self, screen: Ptr[Screen], place: Keep[U32]) -> U32:
        """Set the foreground or the background to the colour whose parameters begin at `place`.
        Return where they end."""
        mov(eax, screen.parameters[place])
        lea(ecx, bare[u64(place) - 1])
        mov(ecx, screen.parameters[rcx])
        mov(edx, screen.count)
        sub(edx, place)  # how many follow, if any
        inc(place)
        with if_((i32(edx) >= 1) & (eax == INDEXED)):
            mov(eax, screen.parameters[place])
            inc(place)
            with if_(eax < COLOURS):
                self._set_indexed(screen, eax, ecx)
        with elif_((i32(edx) >= 3) & (eax == DIRECT)):
            parts = scratch(Ptr[U32])
            lea(parts, screen.parameters[place])
            add(place, 3)
            self._set_mixed(screen, parts[0], parts[1], parts[2], ecx)
        ret(place)

    @function
    def _set_indexed(self, screen: Ptr[Screen], number: U32, which: U32) -> None:
        """Set the foreground or the background, as `which` says, to the colour `number`."""
        lea(rax, bare[u64(number) + u64(number) * 2])
        part = scratch(Ptr[U8])
        lea(part, self.parts[rax])
        red, green = scratch(U32), scratch(U32)
        movzx(red, part[0])
        movzx(green, part[1])
        movzx(eax, part[2])
        tail(self._set_mixed, screen, red, green, eax, which)

    @function
    def _set_mixed(self, screen: Ptr[Screen], red: U32, green: U32, blue: U32, which: U32) -> None:
        """Set it to a colour of these parts, each from 0 to 255."""
        with if_(which == EXTENDED_BACKGROUND):
            tail(self._set_mixed_background, screen, red, green, blue)
        mov(eax, red)
        for part in (green, blue):
            with if_(part > eax):
                mov(eax, part)
        half, hue = scratch(U32), scratch(U32)
        mov(half, eax)
        shr(half, 1)
        xor(hue, hue)
        for part, colour in ((red, Colour.RED), (green, Colour.GREEN), (blue, Colour.BLUE)):
            with if_(part > half):
                or_(hue, colour)
        mov(screen.rendition.intensity, Intensity.NORMAL)
        with if_((hue == HUE_MASK) & (eax <= DARK)):
            xor(hue, hue)
            mov(screen.rendition.intensity, Intensity.BOLD)
        with elif_(eax > BRIGHTEST):
            mov(screen.rendition.intensity, Intensity.BOLD)
        and_(screen.rendition.colour, BACKGROUND)
        or_(screen.rendition.colour, u8(hue))

    @function
    def _set_mixed_background(self, screen: Ptr[Screen], red: U32, green: U32, blue: U32) -> None:
        """Set the background to such a colour: each part of it, or nothing of it."""
        xor(eax, eax)
        for part, colour in ((red, Colour.RED), (green, Colour.GREEN), (blue, Colour.BLUE)):
            with if_(part > 127):
                or_(eax, colour << COLOUR_BITS)
        and_(screen.rendition.colour, FOREGROUND)
        or_(screen.rendition.colour, al)
