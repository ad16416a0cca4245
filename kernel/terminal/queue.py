"""A lock-free queue of bytes between one writer and one reader."""

from __future__ import annotations

from pykasm import *

SLOTS = 256
"""Slots of a queue: as many as 8-bit indexes count, so that these wrap around by themselves."""

CAPACITY = SLOTS - 1
"""Bytes that fit into a queue: one slot stays free, as a full queue would look empty without it."""


class ByteQueue(Struct):
    """A queue for one writer and one reader, which need no lock and may interrupt each other.

    Zeros are an empty queue. Bytes are passed in registers. The writer stores a byte before it
    moves `tail`, and the reader loads it before it moves `head`; x86 keeps either order.
    """

    slots: Array[U8] = field(count=SLOTS)
    head: U8
    """The index of the first byte; only the reader writes it."""
    tail: U8
    """The index after the last byte; only the writer writes it."""

    @inline
    def enqueue(self, byte: U8) -> None:
        """Append `byte`; there must be space."""
        slot = scratch(U32)
        movzx(slot, self.tail)
        mov(self.slots[slot], byte)
        inc(self.tail)
        release(slot)

    @inline(changes="byte")
    def dequeue(self, byte: U8) -> None:
        """Remove the first byte, to `byte`; there must be one."""
        slot = scratch(U32)
        movzx(slot, self.head)
        mov(byte, self.slots[slot])
        inc(self.head)
        release(slot)

    @inline(changes="register")
    def count(self, register: U8) -> None:
        """Load the number of bytes in the queue into `register`."""
        mov(register, self.tail)
        sub(register, self.head)
