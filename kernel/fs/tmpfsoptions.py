"""What is asked of a tmpfs when it is mounted."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE, PageShift
from kernel.fs.optionnumbers import LOWER_CASE, OptionNumbers
from kernel.vm.overcommit import Overcommit
from pykasm import *

UNLIMITED = (1 << 64) - 1

SUFFIXES = {"k": 10, "m": 20, "g": 30, "t": 40, "p": 50, "e": 60}
"""By how many bits a number with this letter behind it is larger."""

HUNDRED = 100


class TmpfsOptions(Struct):
    """What is asked for (tmpfs(5)); what is not is as it was."""

    most_pages: U64
    """UNLIMITED for as many as there are, as for inodes."""
    most_inodes: U64
    mode: U32
    """Of the root, as its owner and its group."""
    user: U32
    group: U32


class TmpfsOptionTexts(Subsystem):
    """Reads them from a text, in which commas are between them. Context: any."""

    def __init__(self, options: OptionNumbers, overcommit: Overcommit) -> None:
        self.options = options
        self.overcommit = overcommit

    @function
    def set_limits(self, options: Ptr[TmpfsOptions]) -> None:
        """Allow half of memory for pages, and as many inodes: what holds where nothing is asked
        for (tmpfs(5))."""
        mov(rax, self.overcommit.most_pages)
        shr(rax, 1)
        mov(options.most_pages, rax)
        mov(options.most_inodes, rax)

    @function
    def parse(self, text: Keep[Ptr[U8]], options: Keep[Ptr[TmpfsOptions]]) -> OrErrno[I32]:
        """Set in `options` what `text` asks for. Returns 0, or -EINVAL for what nobody knows."""
        self.options.parse_each(text, options, self._parse_one)
        ret(0)

    @function
    def _parse_one(self, text: Ptr[U8], options: Ptr[TmpfsOptions]) -> OrNull[Ptr[U8]]:
        """Set what the option at the start of `text` asks for. Returns its end; null if it is
        none."""
        for name, setter in (
            ("size=", self._set_size),
            ("nr_blocks=", self._set_blocks),
            ("nr_inodes=", self._set_inodes),
            ("mode=", self._set_mode),
            ("uid=", self._set_user),
            ("gid=", self._set_group),
        ):
            with if_(self.options.begins(text, name)):
                lea(rdi, text[len(name)])
                tail(setter, cast(rdi, Ptr[U8]), options)
        ret(0)

    # Numbers

    @function
    def _size(self, text: Ptr[U8]) -> tuple[U64, OrNull[Ptr[U8]]]:
        """Return the number at the start of `text`, with what a letter of SUFFIXES makes of it."""
        number, end = self.options.any(text)
        with if_(end == 0):
            ret(0, 0)
        value, place = scratch(number), scratch(end)
        movzx(eax, at(place))
        or_(eax, LOWER_CASE)
        for letter, bits in SUFFIXES.items():
            with if_(eax == ord(letter)):
                inc(u64(place))
                mov(rax, value)
                shl(value, bits)
                mov(rcx, value)
                shr(rcx, bits)
                with if_(rcx != rax):
                    ret(0, 0)
                ret(value, place)
        ret(value, place)

    # Options

    @function
    def _set_size(self, text: Ptr[U8], options: Keep[Ptr[TmpfsOptions]]) -> OrNull[Ptr[U8]]:
        """Set how many pages there may be by their bytes, or by per cent of all memory."""
        number, end = self._size(text)
        place = keep(try_(end))
        value = keep(number)
        with if_(at(place) == ord("%")):
            inc(u64(place))
            imul(value, self.overcommit.most_pages)
            with if_(OF):
                ret(0)
            mov(rax, value)
            xor(edx, edx)
            mov(ecx, HUNDRED)
            div(rcx)
            mov(value, rax)
        with else_():
            mov(rax, value)
            and_(eax, PAGE - 1)
            shr(value, PageShift.PAGE)
            with if_(eax != 0):
                inc(value)
        self._set_limit(options.most_pages, value)
        ret(place)

    @inline(changes="value")
    def _set_limit(self, limit: U64, value: U64) -> None:
        """Set a `limit` to the register `value`, where 0 stands for none."""
        with if_(value == 0):
            mov(value, UNLIMITED)
        mov(limit, value)

    @function
    def _set_blocks(self, text: Ptr[U8], options: Keep[Ptr[TmpfsOptions]]) -> OrNull[Ptr[U8]]:
        """Set how many pages there may be."""
        number, end = self._size(text)
        value = scratch(number)
        with if_(end != 0):
            self._set_limit(options.most_pages, value)
        ret(end)

    @function
    def _set_inodes(self, text: Ptr[U8], options: Keep[Ptr[TmpfsOptions]]) -> OrNull[Ptr[U8]]:
        """Set how many inodes there may be."""
        number, end = self._size(text)
        value = scratch(number)
        with if_(end != 0):
            self._set_limit(options.most_inodes, value)
        ret(end)

    @function
    def _set_mode(self, text: Ptr[U8], options: Keep[Ptr[TmpfsOptions]]) -> OrNull[Ptr[U8]]:
        """Set the permissions of the root."""
        number, end = self.options.permissions(text)
        mov(options.mode, u32(number))
        ret(end)

    @function
    def _set_user(self, text: Ptr[U8], options: Keep[Ptr[TmpfsOptions]]) -> OrNull[Ptr[U8]]:
        """Set the owner of the root."""
        number, end = self.options.account(text)
        mov(options.user, u32(number))
        ret(end)

    @function
    def _set_group(self, text: Ptr[U8], options: Keep[Ptr[TmpfsOptions]]) -> OrNull[Ptr[U8]]:
        """Set the group of the root."""
        number, end = self.options.account(text)
        mov(options.group, u32(number))
        ret(end)
