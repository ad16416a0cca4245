"""Text on a linear framebuffer."""

from __future__ import annotations

from collections.abc import Callable

from kernel.console.cell import COLOUR_BITS, COLOUR_SHIFT, GLYPH_MASK, MAX_COLUMNS, MAX_ROWS
from kernel.console.framebuffermode import FIELDS, FramebufferMode
from kernel.console.glyphs import ROW_BITS, Font, Glyphs
from kernel.console.palette import COMPONENT_BITS, Palette
from kernel.paging.addresses import PhysicalAddress, direct
from kernel.text.colour import NORMAL, Colour
from pykasm import *

PIXEL_SIZES = {15: 2, 16: 2, 24: 3, 32: 4}
"""The bytes that a pixel takes, by its bits."""

XRGB_SIZE, XRGB_BITS = 4, 32
XRGB_POSITIONS = (16, 8, 0)
"""What most pixels look like, and all that the kernel has chosen itself."""

MAX_SIDE = 1 << 14
"""Pixels, more than any screen has in a row or a column: more is damage."""
MAX_PITCH = MAX_SIDE * max(PIXEL_SIZES.values())
WIDE_COLUMNS, WIDE_ROWS = 80, 25
"""The letters are large where as many as on a VGA fit."""


class Framebuffer(Subsystem):
    """Draws the cells of the screen as pixels. Nothing is ever read from the framebuffer.

    What fills `mode` need not be trusted: `prepare` looks whether it can be. No function here takes
    a lock: the console serialises output.
    """

    mode = bss(FramebufferMode)
    """Of the framebuffer that somebody has found; its address is 0 if there is none."""
    pixels = bss(Ptr[U8])
    """The address of the top left pixel."""
    pixel_size = bss(U32)
    """Bytes."""
    columns = bss(U32)
    rows = bss(U32)

    def __init__(self, glyphs: Glyphs, palette: Palette) -> None:
        self.glyphs = glyphs
        self.palette = palette
        self.font = bss(Font)

    # Finding out what can be shown

    @function
    def prepare(self) -> Bool:
        """Choose letters and mix colours for `mode`. Return whether text can be shown in it."""
        with if_(~self._is_usable()):
            ret(False)
        self._use_font(address_of(self.glyphs.large))
        with if_((self.columns < WIDE_COLUMNS) | (self.rows < WIDE_ROWS)):
            self._use_font(address_of(self.glyphs.small))
        self.palette.mix(address_of(self.mode))
        mov(rax, self.mode.address)
        direct(rax)
        mov(self.pixels, rax)
        ret((self.columns != 0) & (self.rows != 0))

    @function
    def _is_usable(self) -> Bool:
        """Return whether `mode` makes sense, and has pixels of a form that is known."""
        mode = self.mode
        mov(self.pixel_size, 0)
        for bits, size in PIXEL_SIZES.items():
            with if_(mode.bits_per_pixel == bits):
                mov(self.pixel_size, size)
        with if_((mode.address == 0) | (self.pixel_size == 0)):
            ret(False)
        with if_((mode.width > MAX_SIDE) | (mode.height > MAX_SIDE) | (mode.pitch > MAX_PITCH)):
            ret(False)
        mov(eax, mode.width)
        imul(eax, self.pixel_size)
        with if_(eax > mode.pitch):
            ret(False)
        for number in range(len(FIELDS)):
            movzx(eax, mode.fields[number].position)
            movzx(ecx, mode.fields[number].size)
            add(eax, ecx)
            with if_((ecx == 0) | (eax > mode.bits_per_pixel)):
                ret(False)
        ret(True)

    @function
    def _use_font(self, font: Ptr[Font]) -> None:
        """Use the letters of `font`, and count how many fit."""
        mov(rax, font.rows)
        mov(self.font.rows, rax)
        for side, count, most in (
            ("width", self.columns, MAX_COLUMNS),
            ("height", self.rows, MAX_ROWS),
        ):
            mov(ecx, getattr(font, side))
            mov(getattr(self.font, side), ecx)
            mov(eax, getattr(self.mode, side))
            xor(edx, edx)
            div(ecx)
            with if_(eax > most):
                mov(eax, most)
            mov(count, eax)

    @function
    def size(self) -> U64:
        """Return the bytes that the framebuffer takes, at most MAX_SIDE * MAX_PITCH."""
        mov(eax, self.mode.pitch)
        mov(ecx, self.mode.height)
        imul(rax, rcx)
        ret(rax)

    @function
    def end(self) -> U64:
        """Return the physical address behind the framebuffer."""
        add(self.size(), self.mode.address)
        ret(rax)

    @function
    def describe(self, address: PhysicalAddress, width: U32, height: U32) -> None:
        """Note a framebuffer of `width` by `height` XRGB pixels at physical `address`, without
        gaps."""
        mov(self.mode.address, address)
        mov(self.mode.width, width)
        mov(self.mode.height, height)
        imul(width, width, XRGB_SIZE)
        mov(self.mode.pitch, width)
        mov(self.mode.bits_per_pixel, XRGB_BITS)
        for number, position in enumerate(XRGB_POSITIONS):
            mov(self.mode.fields[number].position, position)
            mov(self.mode.fields[number].size, COMPONENT_BITS)

    # Drawing

    @function
    def clear(self) -> None:
        """Make all pixels black."""
        size = self.size()
        mov(rcx, size)
        shr(rcx, 3)
        mov(rdi, self.pixels)
        xor(eax, eax)
        rep.stosq()

    @function
    def draw(self, row: U32, column: U32, cell: U32) -> None:
        """Show `cell` in `row` and `column`."""
        foreground, background = self._colours_of(cell)
        tail(self._draw_glyph, row, column, cell, foreground, background)

    @function
    def draw_cursor(self, row: U32, column: U32, cell: U32) -> None:
        """Show `cell`, in `row` and `column`, with the cursor on it: with its colours exchanged."""
        foreground, background = self._colours_of(cell)
        with if_(foreground == background):  # it is to be seen all the same
            mov(foreground, self.palette.pixels[NORMAL])
            mov(background, self.palette.pixels[Colour.BLACK])
        tail(self._draw_glyph, row, column, cell, background, foreground)

    @inline(changes=(rax, rcx))
    def _colours_of(self, cell: U32) -> tuple[U32, U32]:
        """Return the pixels of the foreground and the background of `cell`."""
        mov(ecx, cell)
        shr(ecx, COLOUR_SHIFT)
        mov(eax, ecx)
        and_(ecx, len(Colour) - 1)
        shr(eax, COLOUR_BITS)
        mov(ecx, self.palette.pixels[rcx])
        mov(eax, self.palette.pixels[rax])
        return ecx, eax

    @function
    def _draw_glyph(
        self, row: U32, column: U32, cell: U32, foreground: Keep[U32], background: Keep[U32]
    ) -> None:
        """Show the glyph of `cell` in two colours, which are pixels."""
        line, bits, end = keep(Ptr[U8]), keep(Ptr[U16]), keep(Ptr[U16])
        and_(cell, GLYPH_MASK)
        imul(cell, self.font.height)
        mov(bits, self.font.rows)
        lea(bits, bits[u64(cell)])
        mov(eax, self.font.height)
        lea(end, bits[rax])
        self._find_pixel(line, row, column)
        with while_(bits != end):
            self._draw_line(line, at(bits), foreground, background)
            mov(eax, self.mode.pitch)
            add(line, rax)
            add(bits, sizeof(U16))

    @inline(changes=("line", "row", "column", rax))
    def _find_pixel(self, line: Ptr[U8], row: U32, column: U32) -> None:
        """Set `line` to the address of the top left pixel of a cell."""
        imul(row, self.font.height)
        mov(eax, self.mode.pitch)
        imul(rax, u64(row))
        mov(line, self.pixels)
        add(line, rax)
        imul(column, self.font.width)
        imul(column, self.pixel_size)
        add(line, u64(column))

    @function
    def _draw_line(self, target: Ptr[U8], row: U16, foreground: U32, background: U32) -> None:
        """Draw the pixels of a row of a glyph from `target` on."""
        bits, left = scratch(U32), scratch(self.font.width)
        movzx(bits, row)
        shl(bits, 32 - ROW_BITS)
        for size, store in STORES.items():
            with if_(self.pixel_size == size):
                with do_while(lambda: left != 0):
                    mov(eax, background)
                    shl(bits, 1)
                    cmovc(eax, foreground)
                    store(target)
                    add(target, size)
                    dec(left)
                ret()


@inline
def store_16(target: Ptr[U8]) -> None:
    """Store the pixel in ax."""
    mov(u16(at(target)), ax)


@inline(changes=rax)
def store_24(target: Ptr[U8]) -> None:
    """Store the pixel in eax, of which the upper 8 bits are none of it."""
    mov(u16(at(target)), ax)
    shr(eax, 16)
    mov(target[2], al)


@inline
def store_32(target: Ptr[U8]) -> None:
    """Store the pixel in eax."""
    mov(u32(at(target)), eax)


STORES: dict[int, Callable[[Ptr[U8]], None]] = {4: store_32, 3: store_24, 2: store_16}
"""What stores a pixel, by the bytes that it takes."""
