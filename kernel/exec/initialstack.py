"""The stack that a program begins with."""

from __future__ import annotations

from typing import Any

from kernel.cpu.pagetable import PAGE
from kernel.exec.auxiliary import CLOCK_TICKS, AuxiliaryType
from kernel.exec.elf import ProgramHeader
from kernel.exec.loader import LoadedProgram
from kernel.paging.addresses import USER_END
from kernel.structures.alignment import round_down
from kernel.vm.addressspace import AddressSpace
from kernel.vm.addressspaces import AddressSpaces
from kernel.vm.region import Region, RegionFlags
from kernel.vm.rights import Rights
from kernel.vm.usercopy import UserCopy
from pykasm import *

STACK_ROOM = 8 << 20
"""Bytes that a stack may have: RLIMIT_STACK as Linux has it at first."""

FIRST_STACK = 128 << 10
"""Bytes of a stack that are mapped before it grows (Linux: stack_expand in fs/exec.c)."""

STACK_RESERVE = 128 << 20
"""Bytes below the end of a program's memory that mappings leave to the stack, which may be given a
higher limit (Linux has at least as many: MIN_GAP in arch/x86/mm/mmap.c)."""

ALIGNMENT = 16
"""Of rsp where a program begins (System V ABI AMD64 supplement, 3.4.1)."""


class InitialStack(Subsystem):
    """Puts what a program is told on its stack: how many arguments there are, where each is, where
    the variables of its environment are, the auxiliary vector, and above these the texts (System V
    ABI AMD64 supplement, figure 3.9). Context: a thread in the space."""

    def __init__(self, spaces: AddressSpaces, copy: UserCopy) -> None:
        self.spaces = spaces
        self.copy = copy

    @function(context="thread", sleeps=True)
    def make(
        self,
        space: Keep[Ptr[AddressSpace]],
        loaded: Keep[Ptr[LoadedProgram]],
        arguments: Keep[Ptr[Ptr[U8]]],
        count: Keep[U64],
    ) -> tuple[OrErrno[I32], U64]:
        """Make the stack of the program `loaded` with `count` arguments, texts of the kernel's.
        Returns 0 and where rsp begins, or an error."""
        top, result = local(U64), keep(self._map(space))
        with if_(result != 0):
            ret(result, 0)
        mov(rax, USER_END)
        mov(top, rax)
        mov(result, self._push_all(address_of(top), loaded, arguments, count))
        ret(result, top)

    @function(context="thread", sleeps=True)
    def _map(self, space: Ptr[AddressSpace]) -> OrErrno[I32]:
        """Map the memory of the stack. Returns 0 or an error."""
        region = local(Region)
        mov(rax, USER_END - STACK_RESERVE)
        mov(space.mapping_top, rax)
        mov(space.stack_limit, STACK_ROOM)
        mov(rax, USER_END)
        mov(region.end, rax)
        sub(rax, FIRST_STACK)
        mov(region.node.key, rax)
        mov(region.offset, rax)
        mov(region.rights, Rights.READ | Rights.WRITE)
        mov(region.flags, RegionFlags.GROWS_DOWN)
        mov(region.backing, 0)
        result = self.spaces.map_region(space, address_of(region))
        ret(result)

    @function(context="thread", sleeps=True)
    def _push_all(
        self,
        top: Keep[Ptr[U64]],
        loaded: Keep[Ptr[LoadedProgram]],
        arguments: Keep[Ptr[Ptr[U8]]],
        count: Keep[U64],
    ) -> OrErrno[I32]:
        """Push everything on the stack whose upper end is at `top`. Returns 0 or an error."""
        number = keep(count)
        with while_(number != 0):  # the texts, the last one first
            dec(number)
            self._make_room(top, arguments[number])
            try_(self._copy_text(at(top), arguments[number]))
        mov(rax, at(top))
        round_down(rax, ALIGNMENT)
        test(u8(count), 1)
        with if_(ZF):  # an odd number of words follows, behind which rsp has to be aligned
            sub(rax, sizeof(U64))
        mov(at(top), rax)
        try_(self._push_vector(top, loaded))
        try_(self._push(top, 0))  # no variables of the environment
        try_(self._push(top, 0))
        place = local(U64)
        mov(rax, USER_END)
        mov(place, rax)
        mov(number, count)
        with while_(number != 0):
            dec(number)
            self._make_room(address_of(place), arguments[number])
            try_(self._push(top, place))
        tail(self._push, top, count)

    @function(context="thread", sleeps=True)
    def _push_vector(self, top: Keep[Ptr[U64]], loaded: Keep[Ptr[LoadedProgram]]) -> OrErrno[I32]:
        """Push the auxiliary vector, the last row first. Returns 0 or an error."""
        rows: list[tuple[AuxiliaryType, Any]] = [
            (AuxiliaryType.PROGRAM_HEADERS, loaded.headers),
            (AuxiliaryType.PROGRAM_HEADER_SIZE, sizeof(ProgramHeader)),
            (AuxiliaryType.PROGRAM_HEADER_COUNT, loaded.header_count),
            (AuxiliaryType.PAGE_SIZE, PAGE),
            (AuxiliaryType.BASE, 0),
            (AuxiliaryType.FLAGS, 0),
            (AuxiliaryType.ENTRY, loaded.entry),
            (AuxiliaryType.CLOCK_TICKS, CLOCK_TICKS),
            (AuxiliaryType.SECURE, 0),
            (AuxiliaryType.NULL, 0),
        ]
        for type, value in reversed(rows):
            try_(self._push(top, value))
            try_(self._push(top, type))
        ret(0)

    @function(context="thread", sleeps=True)
    def _push(self, top: Ptr[U64], value: U64) -> OrErrno[I32]:
        """Push a word on the stack at `top`. Returns 0 or an error."""
        word = local(U64)
        mov(word, value)
        sub(at(top), sizeof(U64))
        mov(rax, at(top))
        result, left = self.copy.copy_out(cast(rax, User[U8]), address_of(word), sizeof(U64))
        ignore(left)
        ret(result)

    @function
    def _make_room(self, top: Ptr[U64], text: Ptr[U8]) -> None:
        """Move `top` down by the bytes of `text` and its end."""
        with loop():
            dec(at(top))
            mov(al, at(text))
            inc(text)
            break_if(al == 0)

    @function(context="thread", sleeps=True)
    def _copy_text(self, place: U64, text: Ptr[U8]) -> OrErrno[I32]:
        """Copy `text` with its end to the program's `place`. Returns 0 or an error."""
        length = scratch(U64)
        xor(u32(length), u32(length))
        with loop():
            mov(al, text[length])
            inc(length)
            break_if(al == 0)
        result, left = self.copy.copy_out(cast(place, User[U8]), u64(text), length)
        ignore(left)
        ret(result)
