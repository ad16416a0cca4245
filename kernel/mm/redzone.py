"""Finding wrong uses of objects of the heap, in debug builds."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from kernel.console.console import Console
from pykasm import *


class Poison(IntEnum):
    """Bytes that fill an object, and the red zone behind it, as long as nobody writes there."""

    NEW = 0x5A
    FREE = 0x6B
    ZONE_IN_USE = 0xCC
    ZONE_FREE = 0xBB


REDZONE_SIZE = 8
"""Bytes behind every object, at least."""


class RedZones(Subsystem):
    """Paints objects, and looks whether the paint is still there. Context: any; the object is
    nobody else's."""

    def __init__(self, console: Console, panic: Any) -> None:
        self.console = console
        self.panic = panic

    @function
    def paint_new(
        self, object: Keep[U64], size: Keep[U32], slot: Keep[U32], name: Keep[Ptr[U8]]
    ) -> None:
        """An object of `size` bytes, with `slot` bytes to the next one, leaves a cache."""
        sound = self.is_painted(object, size, Poison.FREE)
        with if_(sound == 0):
            self.report(object, name, text("was written to after it was freed"))
        self.check_zone(object, size, slot, name)
        self._fill(object, size, Poison.NEW)
        self._fill_zone(object, size, slot, Poison.ZONE_IN_USE)

    @function
    def check_zone(self, object: Keep[U64], size: U32, slot: U32, name: Keep[Ptr[U8]]) -> None:
        """See that the red zone of a free object is as it was."""
        lea(rdi, bare[object + u64(size)])
        sub(slot, size)
        mov(esi, slot)
        sound = self.is_painted(rdi, esi, Poison.ZONE_FREE)
        with if_(sound == 0):
            self.report(object, name, text("was written beyond its end after it was freed"))

    @function
    def paint_free(
        self, object: Keep[U64], size: Keep[U32], slot: Keep[U32], name: Keep[Ptr[U8]]
    ) -> None:
        """An object comes back to a cache."""
        with if_(u8[object + u64(size)] == Poison.ZONE_FREE):
            self.report(object, name, text("was freed twice"))
        lea(rdi, bare[object + u64(size)])
        mov(esi, slot)
        sub(esi, size)
        sound = self.is_painted(rdi, esi, Poison.ZONE_IN_USE)
        with if_(sound == 0):
            self.report(object, name, text("was written beyond its end"))
        tail(self.fill_free, object, size, slot)

    @function
    def fill_free(self, object: U64, size: U32, slot: U32) -> None:
        """Poison an object that nobody has."""
        object, size, slot = scratch(object), scratch(size), scratch(slot)
        self._fill(object, size, Poison.FREE)
        self._fill_zone(object, size, slot, Poison.ZONE_FREE)

    def _fill(self, object: U64, size: U32, paint: Poison) -> None:
        """Fill an object. Changes rax, rcx and rdi."""
        mov(ecx, size)
        mov(rdi, object)
        mov(al, paint)
        rep.stosb()

    def _fill_zone(self, object: U64, size: U32, slot: U32, paint: Poison) -> None:
        """Fill what is behind an object. Changes rax, rcx and rdi."""
        mov(ecx, slot)
        sub(ecx, size)
        lea(rdi, bare[object + u64(size)])
        mov(al, paint)
        rep.stosb()

    @function
    def is_painted(self, start: U64, length: U32, paint: U8) -> U32:
        """Whether all bytes are `paint`: 1 or 0."""
        mov(ecx, length)
        mov(rdi, start)
        mov(al, paint)
        cmp(ecx, ecx)  # no byte differs where there is none
        repe.scasb()
        with if_(~ZF):
            ret(0)
        ret(1)

    @function
    def report(self, object: U64, name: Ptr[U8], fault: Ptr[U8]) -> None:
        """Say what is wrong with which object, and stop."""
        self.console.print("\nheap: %s at 0x%x %s\n", name, object, fault)
        self.panic.stop(text("the heap is damaged"))
