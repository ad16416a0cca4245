"""Finding wrong uses of objects, in debug builds."""

from __future__ import annotations

from enum import IntEnum

from kernel.console.console import Console
from kernel.debug.panic import Panic
from pykasm import *


class Poison(IntEnum):
    """Bytes that fill an object, and the red zone after it, as long as nobody writes there."""

    NEW = 0x5A
    FREE = 0x6B
    ZONE_IN_USE = 0xCC
    ZONE_FREE = 0xBB


REDZONE_SIZE = 8
"""Bytes after every object, at least."""


class RedZones(Subsystem):
    """Poisons objects and the red zones after them, and checks that the poison is intact.

    A write to a free object is found when that is allocated, one beyond an object's end when it is
    freed. Context: any; nobody else has the object.
    """

    def __init__(self, console: Console, panic: Panic) -> None:
        self.console = console
        self.panic = panic

    @function
    def check_allocated(
        self, object: Keep[U64], size: Keep[U32], slot: Keep[U32], name: Keep[Ptr[U8]]
    ) -> None:
        """Check an object of the cache `name` that is about to be allocated, and fill it as a new
        one. It has `size` bytes, and `slot` bytes to the next one."""
        with if_(~self._is_filled(object, size, Poison.FREE)):
            self.report(object, name, text("was written to after it was freed"))
        self._check_free_zone(object, size, slot, name)
        self._fill(object, size, Poison.NEW)
        self._fill_zone(object, size, slot, Poison.ZONE_IN_USE)

    @function
    def _check_free_zone(
        self, object: Keep[U64], size: U32, slot: U32, name: Keep[Ptr[U8]]
    ) -> None:
        """Check the red zone of a free object."""
        sub(slot, size)
        with if_(~self._is_filled(address_of(u8[object + u64(size)]), slot, Poison.ZONE_FREE)):
            self.report(object, name, text("was written beyond its end after it was freed"))

    @function
    def check_freed(
        self, object: Keep[U64], size: Keep[U32], slot: Keep[U32], name: Keep[Ptr[U8]]
    ) -> None:
        """Check an object of the cache `name` that is about to be freed, and fill it as a free one.
        It has `size` bytes, and `slot` bytes to the next one."""
        # The first byte of the zone tells twice freed from overwritten
        with if_(u8[object + u64(size)] == Poison.ZONE_FREE):
            self.report(object, name, text("was freed twice"))
        length = scratch(slot)
        sub(length, size)
        zone = address_of(u8[object + u64(size)])
        with if_(~self._is_filled(zone, length, Poison.ZONE_IN_USE)):
            self.report(object, name, text("was written beyond its end"))
        tail(self.fill_free, object, size, slot)

    @function
    def fill_free(self, object: U64, size: U32, slot: U32) -> None:
        """Fill an object of `size` bytes, with `slot` bytes to the next one, as a free one."""
        object, size, slot = scratch(object), scratch(size), scratch(slot)
        self._fill(object, size, Poison.FREE)
        self._fill_zone(object, size, slot, Poison.ZONE_FREE)

    @inline(changes=(rax, rcx, rdi))
    def _fill(self, object: U64, size: U32, poison: Poison) -> None:
        """Fill an object."""
        mov(ecx, size)
        mov(rdi, object)
        mov(al, poison)
        rep.stosb()

    @inline(changes=(rax, rcx, rdi))
    def _fill_zone(self, object: U64, size: U32, slot: U32, poison: Poison) -> None:
        """Fill the red zone of an object."""
        mov(ecx, slot)
        sub(ecx, size)
        lea(rdi, bare[object + u64(size)])
        mov(al, poison)
        rep.stosb()

    @function
    def _is_filled(self, start: U64, length: U32, poison: U8) -> Bool:
        """Return whether `length` bytes at `start` are all `poison`."""
        mov(ecx, length)
        mov(rdi, start)
        mov(al, poison)
        cmp(ecx, ecx)  # sets ZF, which stays if there is no byte to compare
        repe.scasb()
        ret(ZF)

    @function
    def report(self, object: U64, name: Ptr[U8], fault: Ptr[U8]) -> None:
        """Print that the `object` of the cache `name` has this `fault`, and panic."""
        self.console.print("\nheap: %s at 0x%x %s\n", name, object, fault)
        self.panic.stop(text("the heap is damaged"))
