"""A text on the loader's framebuffer, before there is a console."""

from kernel.boot.multiboot2 import (
    TAG_ALIGNMENT,
    FramebufferTag,
    FramebufferType,
    InformationHeader,
    Tag,
    TagType,
)
from kernel.console.glyphs import RANGES, Glyphs
from pykasm import *

FIRST, LAST = RANGES[0]
"""Characters of one byte whose glyphs are the first."""
BITS_OF_BYTE = 8


class BootScreen(Subsystem):
    """Show a text where a Multiboot2 loader has left a framebuffer, as under UEFI, where no VGA
    shows text. Letters are white on black, which are all ones and all zeros in pixels of any form.

    Context: 32-bit code without paging, which reaches framebuffers below 4 GiB, with a stack.
    """

    def __init__(self, glyphs: Glyphs) -> None:
        self.rows = glyphs.small_rows
        self.width, self.height = glyphs.small_size
        self.tag = cast(u8[ebx], FramebufferTag)

    @naked(bits=32, boot=True)
    def show(self) -> None:
        """Show the NUL-terminated text at physical esi at the top of the framebuffer, if the
        information at physical ebx tells of one. Changes all registers."""
        self._find_tag()
        above_4_gib = u32[ebx + offsetof(FramebufferTag, "address") + sizeof(U32)]
        with if_((ebx != 0) & (self.tag.type == FramebufferType.DIRECT) & (above_4_gib == 0)):
            self._clear()
            self._draw_text()
        ret()

    @inline(changes=(rax, rdx, rbx))
    def _find_tag(self) -> None:
        """Load ebx with the address of the framebuffer's tag in the information there, 0 if there
        is none."""
        tag = cast(u8[ebx], Tag)
        mov(edx, ebx)
        add(edx, cast(u8[ebx], InformationHeader).total_size)
        add(ebx, offsetof(InformationHeader, "tags"))
        with loop():
            break_if(tag.type == TagType.FRAMEBUFFER)
            mov(eax, tag.size)
            add(eax, TAG_ALIGNMENT - 1)
            and_(eax, -TAG_ALIGNMENT)  # 0 for a tag that is no tag, and would be found for ever
            add(ebx, eax)
            with if_((eax == 0) | (ebx >= edx)):
                xor(ebx, ebx)
                break_()

    @inline(changes=(rax, rcx, rdi))
    def _clear(self) -> None:
        """Make all pixels black."""
        mov(edi, u32(self.tag.address))
        mov(ecx, self.tag.pitch)
        imul(ecx, self.tag.height)
        xor(eax, eax)
        rep.stosb()

    @inline(changes=(rax, rcx, rdx, rsi, rdi, rbp))
    def _draw_text(self) -> None:
        """Draw the text at esi, in as many rows as it takes."""
        mov(edi, u32(self.tag.address))
        push(edi)  # where the row of text starts
        with loop():
            lodsb()
            break_if(al == 0)
            with if_((al >= FIRST) & (al <= LAST)):
                movzx(eax, al)
                sub(eax, FIRST)
                self._draw_glyph()
                self._start_row_if_full(u32[esp])
        pop(edi)

    @inline(changes=(rax, rcx, rdi))
    def _start_row_if_full(self, start: U32) -> None:
        """Move edi to the next row of text, if no further letter fits in that from `start` on."""
        self._load_pixel_size(ecx)
        lea(eax, u32[edi + ecx * self.width])
        sub(eax, start)
        imul(ecx, self.tag.width)
        with if_(eax > ecx):
            imul(edi, self.tag.pitch, self.height)
            add(edi, start)
            mov(start, edi)

    @inline(changes=(rax, rcx, rdx, rdi, rbp))
    def _draw_glyph(self) -> None:
        """Draw the glyph with the number eax from edi on, and move edi to where the next one
        goes."""
        push(esi)
        push(edi)
        imul(esi, eax, self.height * sizeof(U16))
        add(esi, physical(self.rows))
        mov(ebp, self.height)
        with loop():
            push(edi)
            self._draw_line()
            pop(edi)
            add(edi, self.tag.pitch)
            add(esi, sizeof(U16))
            dec(ebp)
            break_if(ZF)
        pop(edi)
        pop(esi)
        self._load_pixel_size(ecx)
        lea(edi, u32[edi + ecx * self.width])

    @inline(changes=(rax, rcx, rdx, rdi))
    def _draw_line(self) -> None:
        """Draw the row of a glyph at esi from edi on."""
        mov(dx, u16[esi])
        for _ in range(self.width):
            shl(dx, 1)
            sbb(al, al)  # all ones or all zeros
            self._load_pixel_size(ecx)
            rep.stosb()

    @inline(changes="size")
    def _load_pixel_size(self, size: U32) -> None:
        """Load `size`, a register, with the bytes of a pixel."""
        movzx(size, self.tag.bits_per_pixel)
        add(size, BITS_OF_BYTE - 1)
        shr(size, 3)
