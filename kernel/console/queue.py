"""Bytes on their way from one place of the kernel to another."""

from __future__ import annotations

from pykasm import *
from pykasm.lang.operand import Operand

CAPACITY = 256
"""Slots of a queue: as many as an index of 8 bits tells apart, so that indexes wrap by themselves.
One slot stays empty, or a full queue would look like an empty one."""


class ByteQueue(Component):
    """A queue for one writer and one reader, who need no lock and may interrupt each other."""

    slots = bss(U8 * CAPACITY)
    first = bss(U8)
    """Where the reader goes on; only the reader writes it."""
    end = bss(U8)
    """Where the writer goes on; only the writer writes it."""

    def append(self, byte: Operand) -> None:
        """Put `byte` (a register) last; a full queue drops it. Uses two scratch registers."""
        slot, after = scratch(U32), scratch(U8)
        movzx(slot, self.end)
        mov(after, u8(slot))
        inc(after)
        with if_(after != self.first):
            mov(self.slots[slot], byte)
            mov(self.end, after)
        release(slot, after)

    def take(self, byte: Operand) -> None:
        """Move the first byte into `byte`, a register; the queue must not be empty."""
        slot = scratch(U32)
        movzx(slot, self.first)
        mov(byte, self.slots[slot])
        inc(self.first)
        release(slot)

    def count(self, register: Operand) -> None:
        """Put the number of bytes that wait into `register`."""
        mov(register, self.end)
        sub(register, self.first)
