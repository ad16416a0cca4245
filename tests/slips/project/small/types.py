"""What lies in memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum, IntFlag

from pykasm import *

NAME_LENGTH = 16
ENOMEM = 12


class State(IntEnum):
    """What a block is used for."""

    FREE = 0
    USED = 1
    LOST = 2


class Rights(IntFlag):
    """What may be done with a block."""

    READ = 1
    WRITE = 2


class Link(Struct):
    """A place in a list."""

    next: Ptr["Link"]
    previous: Ptr["Link"]


class SpinLock(Struct):
    """A lock that is waited for awake."""

    taken: U32

    @inline
    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock in the block."""
        self.acquire()
        yield
        self.release()

    @inline
    def acquire(self) -> None:
        """Wait for the lock."""
        old = scratch(U32)
        mov(old, 1)
        taking(self)
        with while_(old != 0):
            xchg(self.taken, old)
        release(old)

    @inline
    def release(self) -> None:
        """Release the lock."""
        releasing(self)
        mov(self.taken, 0)


class Range(Struct, packed=True):
    """A stretch of memory."""

    low: U32
    high: U32


class Place(Union):
    """An address in two readings."""

    address: U64
    range: Range


class Block(Struct, align=16):
    """A block of memory."""

    link: Link
    size: U64
    state: U8 = field(State)
    rights: U32 = field(Rights)
    place: Place
    name: Array[U8] = field(count=NAME_LENGTH)
    lock: SpinLock
    users: U64 = field(guarded_by="lock")
    device: U32 = field(at=96)

    @inline
    def is_used(self) -> Condition:
        """Whether somebody has the block."""
        return self.state == State.USED

    @inline(changes=rax)
    def grow(self, bytes: U64) -> None:
        """Add `bytes`, a register."""
        mov(rax, self.size)
        add(rax, bytes)
        mov(self.size, rax)


@inline(changes=(rax, rdx))
def divide(number: U64, by: U64) -> tuple[U64, U64]:
    """Quotient and rest."""
    mov(rax, number)
    xor(edx, edx)
    div(by)
    return rax, rdx


@inline
@contextmanager
def interrupts_off() -> Iterator[None]:
    """Keep interrupts off in the block."""
    pushfq()
    cli()
    yield
    popfq()
