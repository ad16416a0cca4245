"""Colours as pixels."""

from __future__ import annotations

from kernel.console.framebuffermode import FIELDS, ColourField, FramebufferMode
from kernel.text.colour import Colour
from pykasm import *

LOW, HIGH = 0x55, 0xAA
"""What the bits of a colour, and its intensity, add to red, green and blue (IBM VGA Technical
Reference, 1992, mode 3)."""
COMPONENT_BITS = 8


def components(colour: Colour) -> tuple[int, int, int]:
    """Return red, green and blue of `colour`, each from 0 to 255."""
    if colour is Colour.BROWN:  # as dark yellow it would be too green
        return HIGH, LOW, 0
    intensity = LOW if colour >= Colour.DARK_GREY else 0
    red, green, blue = (HIGH if colour & bit else 0 for bit in (4, 2, 1))
    return red + intensity, green + intensity, blue + intensity


class Palette(Subsystem):
    """The pixel of each colour, for a framebuffer. Context: any that holds the console's lock."""

    pixels = bss(U32 * len(Colour))
    components = rodata(
        U8 * (3 * len(Colour)), [part for one in Colour for part in components(one)]
    )

    @function
    def mix(self, mode: Ptr[FramebufferMode]) -> None:
        """Make the pixels for `mode`."""
        part, colour = scratch(Ptr[U8]), scratch(U32)
        lea(part, self.components)
        with for_(colour, 0, len(Colour)):
            mov(self.pixels[colour], 0)
            for number in range(len(FIELDS)):
                self._place(at(part), mode.fields[number])
                or_(self.pixels[colour], eax)
                inc(part)

    @inline(changes=(rax, rcx))
    def _place(self, component: U8, field: ColourField) -> None:
        """Set eax to `component` in the bits that `field` has for it."""
        movzx(eax, component)
        movzx(ecx, field.size)
        with if_(ecx >= COMPONENT_BITS):
            sub(ecx, COMPONENT_BITS)
            shl(eax, cl)
        with else_():
            neg(ecx)
            add(ecx, COMPONENT_BITS)
            shr(eax, cl)
        movzx(ecx, field.position)
        shl(eax, cl)
