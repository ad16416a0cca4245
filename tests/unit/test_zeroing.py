"""Records full of zeros: `zero`."""

from __future__ import annotations

from pykasm import *
from pykasm.hostrun import Host
from tests.unit.messages import message_of


class Event(Struct):
    """A record of whole quadwords."""

    when: U64
    who: U32
    what: U32


class Letter(Struct, packed=True):
    """A record of a number of bytes that no wider unit divides."""

    text: U8 * 5


class Pair(Struct):
    """A record of doublewords."""

    numbers: U32 * 3


class Records(Subsystem):
    """Fills records with zeros."""

    events = bss(Event * 3)
    letters = bss(Letter * 3)
    pairs = bss(Pair * 3)

    @function(exported=True)
    def zero_event(self, event: Ptr[Event]) -> None:
        """Clear what a pointer points to."""
        zero(event)

    @function(exported=True)
    def zero_letter(self, letter: Ptr[Letter]) -> None:
        """Clear one whose size is odd."""
        zero(letter)

    @function(exported=True)
    def zero_pair(self) -> None:
        """Clear one at a place in memory."""
        zero(self.pairs[1])

    @function(exported=True)
    def zero_local(self) -> U64:
        """Clear a local."""
        event = local(Event)
        mov(event.who, 7)
        zero(event)
        mov(eax, event.who)
        ret(rax)


def test_a_record_becomes_zeros_and_its_neighbours_stay() -> None:
    records = Records()
    host = Host(records)
    for data, size, clear in (
        (records.events, 16, lambda record: host.call(records.zero_event, record)),
        (records.letters, 5, lambda record: host.call(records.zero_letter, record)),
        (records.pairs, 12, lambda record: host.call(records.zero_pair)),
    ):
        start = int(host.address(data))
        host.write(start, b"\xff" * 3 * size)
        clear(start + size)
        assert host.read(start, 3 * size) == b"\xff" * size + bytes(size) + b"\xff" * size
    assert host.call(records.zero_local) == 0


def test_what_is_no_record_is_refused() -> None:
    class Counting(Subsystem):
        count = bss(U64)

        @function
        def wrong(self) -> None:
            """Clear a number."""
            zero(self.count)
            ret()

    assert (
        message_of(Counting)
        == """\
error[type]: `Counting.count` is no struct
  FILE:LINE
  LINE |             zero(self.count)
        |             ^^^^^^^^^^^^^^^^
expected: a struct in memory, or a pointer to one in a register
got: Counting.count"""
    )


def test_a_record_in_another_segment_is_refused() -> None:
    class Counting(Subsystem):
        event = percpu(Event)

        @function
        def wrong(self) -> None:
            """Clear a record of this processor."""
            zero(self.event)
            ret()

    assert "zero(self.event)" in message_of(Counting)
