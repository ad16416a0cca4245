"""Rules E081 and E089: what fields own."""

from __future__ import annotations

import pytest

from pykasm import *
from tests.unit.checking import broken, findings, mended, rules


def test_an_overwritten_field_owned_something() -> None:
    assert broken("E089") == [
        """\
error[E089]: what a field owned is lost
  FILE:LINE
  LINE |         mov(buffer.memory, memory)
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^ its field has it no more, and nobody gets it
  LINE |         old = scratch(buffer.memory)
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^ it is taken here
help: free it, give it to who owns it from then on, or say who does: `disown(…)`"""
    ]
    assert mended("E089") == []


class Buffer(Struct):
    """Memory, and what is in it."""

    size: U64


class Stream(Struct):
    """What has a buffer."""

    buffer: Owned[Ptr[Buffer]]
    position: U64
    next: Ptr[Stream]


class Memory(Subsystem):
    """Gives memory and takes it back."""

    spare = bss(Owned[U64])
    first = bss(Ptr[Stream])
    count = bss(U64)

    @function(exported=True)
    def allocate(self) -> Owned[U64]:
        """Return memory, or 0."""
        xor(eax, eax)
        xchg(self.spare, rax)
        ret(rax)

    @function(exported=True)
    def free(self, memory: Owned[U64]) -> None:
        """Free memory alone."""
        mov(self.spare, memory)

    @function(exported=True)
    def destroy(self, stream: Keep[Owned[Ptr[Stream]]]) -> None:
        """Free a stream with its buffer."""
        buffer = scratch(stream.buffer)
        with if_(buffer != 0):
            self.free(u64(buffer))
        self.free(u64(stream))

    @function(exported=True)
    def reset(self, stream: Ptr[Stream]) -> None:
        """Begin again, with another buffer if need be."""
        mov(stream.position, 0)

    @function(exported=True)
    def is_ready(self) -> Bool:
        """Return whether it is."""
        ret(self.count != 0)


class FreedWithoutBuffer(Memory):
    """Forgets the buffer where something else fails."""

    @function(exported=True)
    def run(self) -> Owned[Ptr[Stream]]:
        stream = keep(cast(try_(self.allocate()), Ptr[Stream]))
        errdefer(self.free, u64(stream))
        buffer = keep(cast(try_(self.allocate()), Ptr[Buffer]))
        mov(stream.buffer, buffer)
        fail_if(~self.is_ready())
        ret(stream)


class Emptied(Memory):
    """Says that the stream has no buffer any more."""

    @function(exported=True)
    def run(self, stream: Ptr[Stream]) -> None:
        with if_(scratch(stream.buffer) != 0):
            mov(stream.buffer, 0)


class OverwrittenDatum(Memory):
    """Forgets what a datum owns, which there is."""

    @function(exported=True)
    def run(self, memory: Owned[U64]) -> None:
        with if_(scratch(self.spare) != 0):
            mov(self.spare, memory)
        with else_():
            self.free(memory)


class UsedBehindOwner(Memory):
    """Uses the buffer of a stream that is no more."""

    @function(exported=True)
    def run(self, stream: Owned[Ptr[Stream]]) -> U64:
        buffer = keep(stream.buffer)
        self.destroy(stream)
        ret(buffer.size)


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        (FreedWithoutBuffer, "E089"),
        (Emptied, "E089"),
        (OverwrittenDatum, "E089"),
        (UsedBehindOwner, "E081"),
    ],
)
def test_faults(wrong: type[Memory], rule: str) -> None:
    assert rules(wrong()) == [rule]  # type: ignore[call-arg]


class Replaced(Memory):
    """Frees the old buffer once the new one is in its place."""

    @function(exported=True)
    def run(self, stream: Ptr[Stream], buffer: Owned[Ptr[Buffer]]) -> None:
        old = scratch(stream.buffer)
        mov(stream.buffer, buffer)
        with if_(old != 0):
            tail(self.free, u64(old))


class UndoneInOrder(Memory):
    """Undoes all where something fails."""

    @function(exported=True)
    def run(self) -> Owned[Ptr[Stream]]:
        stream = keep(cast(try_(self.allocate()), Ptr[Stream]))
        errdefer(self.free, u64(stream))
        buffer = keep(cast(try_(self.allocate()), Ptr[Buffer]))
        mov(stream.buffer, buffer)
        errdefer(self.free, u64(stream.buffer))
        fail_if(~self.is_ready())
        ret(stream)


class FreedByAnotherName(Memory):
    """Frees what it reads from the field again."""

    @function(exported=True)
    def run(self, memory: Keep[Owned[U64]]) -> None:
        stream = keep(cast(self.allocate(), Ptr[Stream]))
        with if_(stream == 0):
            self.free(memory)
            ret()
        with if_(memory == 0):
            self.free(u64(stream))
            ret()
        mov(stream.buffer, cast(memory, Ptr[Buffer]))
        with if_(self.is_ready()):
            self.destroy(stream)
            ret()
        self.free(u64(stream.buffer))
        self.free(u64(stream))


class FreedByItsPlace(Memory):
    """Frees what it reads from where the field is."""

    @function(exported=True)
    def run(self, stream: Keep[Ptr[Stream]], buffer: Keep[Owned[Ptr[Buffer]]]) -> None:
        place = keep(address_of(stream.buffer))
        with if_(stream.buffer != 0):
            old = scratch(stream.buffer)
            with if_(old != 0):
                self.free(u64(at(place)))
        mov(stream.buffer, buffer)


class Gathered(Memory):
    """Puts the addresses of what it forgets together."""

    sum = bss(U64)

    @function(exported=True)
    def run(self, stream: Ptr[Stream]) -> None:
        with if_(scratch(stream.buffer) != 0):
            xor(eax, eax)
            add(rax, u64(stream.buffer))
            mov(stream.buffer, 0)
            mov(self.sum, rax)


class FreedInAnyOrder(Memory):
    """Frees the memory of a stream before that of its buffer."""

    @function(exported=True)
    def run(self, stream: Owned[Ptr[Stream]]) -> None:
        buffer = keep(stream.buffer)
        self.free(u64(stream))
        self.free(u64(buffer))


class Moved(Memory):
    """Moves a buffer from one stream to another, or to somebody else."""

    other = bss(Ptr[Buffer])

    @function(exported=True)
    def run(self, stream: Ptr[Stream], other: Ptr[Stream]) -> None:
        buffer = scratch(stream.buffer)
        with if_(buffer == 0):
            ret()
        mov(stream.buffer, 0)
        with if_(other != 0):
            mov(other.buffer, buffer)
            ret()
        mov(self.other, buffer)


class GivenByCaller(Memory):
    """Takes the buffer out that the caller knows already."""

    @function(exported=True)
    def run(self, stream: Ptr[Stream], buffer: Ptr[Buffer]) -> None:
        found = scratch(stream.buffer)
        with if_((found != 0) & (found == buffer)):
            mov(stream.buffer, 0)


class ChangedByCallee(Memory):
    """Overwrites what a callee may have changed."""

    @function(exported=True)
    def run(self, stream: Keep[Ptr[Stream]]) -> None:
        buffer = scratch(stream.buffer)
        with if_(buffer != 0):
            self.reset(stream)
            mov(stream.buffer, 0)


class UsedBefore(Memory):
    """Uses the buffer before it frees the stream, and behind the memory of that alone."""

    @function(exported=True)
    def run(self, stream: Keep[Owned[Ptr[Stream]]]) -> U64:
        buffer = keep(stream.buffer)
        with if_(self.is_ready()):
            size = keep(buffer.size)
            self.destroy(stream)
            ret(size)
        mov(stream.buffer, 0)
        self.free(u64(stream))
        ret(buffer.size)


class InRounds(Memory):
    """Frees one stream after the other."""

    @function(exported=True)
    def run(self, stream: Keep[Ptr[Stream]]) -> None:
        with while_(stream != 0):
            buffer = scratch(stream.buffer)
            with if_(buffer != 0):
                mov(stream.buffer, 0)
                self.free(u64(buffer))
            mov(stream, stream.next)


@pytest.mark.parametrize(
    "right",
    [
        *(Replaced, UndoneInOrder, FreedByAnotherName, FreedByItsPlace, Gathered),
        *(FreedInAnyOrder, Moved, GivenByCaller),
        *(ChangedByCallee, UsedBefore, InRounds),
    ],
)
def test_correct_code(right: type[Memory]) -> None:
    assert findings(right()) == []  # type: ignore[call-arg]
