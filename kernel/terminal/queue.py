"""Bytes on their way from one place of the kernel to another."""

from __future__ import annotations

from pykasm import *

CAPACITY = 256
"""Slots of a queue: as many as an index of 8 bits tells apart, so that indexes wrap by themselves.
One slot stays empty, or a full queue would look like an empty one."""

ROOM = CAPACITY - 1
"""Bytes that a queue takes."""


class ByteQueue(Struct):
    """A queue for one writer and one reader, who need no lock and may interrupt each other.

    Zero is an empty one. Bytes are given and taken in registers.
    """

    slots: Array[U8] = field(count=CAPACITY)
    first: U8
    """Where the reader goes on; only the reader writes it."""
    end: U8
    """Where the writer goes on; only the writer writes it."""

    def append(self, byte: U8) -> None:
        """Put `byte` last; there must be room. Changes a scratch register."""
        slot = scratch(U32)
        movzx(slot, self.end)
        mov(self.slots[slot], byte)
        inc(self.end)
        release(slot)

    def take(self, byte: U8) -> None:
        """Move the first byte into `byte`; the queue must not be empty. Changes a scratch
        register."""
        slot = scratch(U32)
        movzx(slot, self.first)
        mov(byte, self.slots[slot])
        inc(self.first)
        release(slot)

    def count(self, register: U8) -> None:
        """Put the number of bytes that wait into `register`."""
        mov(register, self.end)
        sub(register, self.first)
