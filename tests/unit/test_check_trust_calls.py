"""Rule E084 over calls: who passes on what somebody else chose bounds it first."""

from pykasm import *
from tests.unit.checking import faults, faults_by_name, findings


class Packet(Struct):
    """What came over the wire."""

    length: Untrusted[U64]


class Base(Subsystem):
    """What packets are handed to."""

    sum = bss(U64)
    sums = bss(U64 * 8)

    @function(exported=True)
    def run(self) -> None:
        nop()

    @function(exported=True)
    def copy(self, to: Ptr[U8], source: Ptr[U8], length: U64) -> None:
        mov(rcx, length)
        rep.movsb()

    @function(exported=True)
    def count(self, number: U64) -> None:
        inc(self.sums[number])

    @function(exported=True)
    def count_later(self, number: U64) -> None:
        self.count(number)

    @function(exported=True)
    def count_if_small(self, number: U64) -> None:
        with if_(number < 8):
            inc(self.sums[number])

    @function(exported=True)
    def note(self, number: U64) -> None:
        add(self.sum, number)


class Right(Base):
    """Bounds what others rely on."""

    @function(exported=True)
    def bounded_here(self, packet: Keep[Ptr[Packet]], to: Ptr[U8]) -> None:
        length = keep(packet.length)
        with if_(length > 100):
            mov(length, 100)
        self.copy(to, cast(packet, Ptr[U8]), length)

    @function(exported=True)
    def bounded_there(self, packet: Ptr[Packet]) -> None:
        self.count_if_small(packet.length)

    @function(exported=True)
    def only_added(self, packet: Ptr[Packet]) -> None:
        self.note(packet.length)


class Wrong(Base):
    """Passes on what is not bounded."""

    @function(exported=True)
    def e084_length(self, packet: Ptr[Packet], to: Ptr[U8]) -> None:
        self.copy(to, cast(packet, Ptr[U8]), packet.length)

    @function(exported=True)
    def e084_index(self, packet: Ptr[Packet]) -> None:
        self.count(packet.length)

    @function(exported=True)
    def e084_index_of_another(self, packet: Ptr[Packet]) -> None:
        self.count_later(packet.length)


def test_correct_code() -> None:
    assert findings(Right()) == []


def test_every_fault_is_found() -> None:
    assert faults(Wrong()) == faults_by_name(Wrong)


class Example(Base):
    """Has one fault."""

    @function
    def run(self, packet: Ptr[Packet]) -> None:
        self.count_later(packet.length)


def test_the_call_is_shown_with_what_relies_on_it() -> None:
    assert findings(Example()) == [
        """\
error[E084]: `Example.count_later` takes this for an index, and somebody else chose it
  FILE:LINE
  LINE |         self.count_later(packet.length)
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ on some path to here, nothing has bounded `number`
  LINE |         self.count_later(packet.length)
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ it comes from here
  LINE |         inc(self.sums[number])
        |         ^^^^^^^^^^^^^^^^^^^^^^ `Example.count` relies on it here
help: compare it with a bound first, or say what bounds it: `trust(…, reason)`"""
    ]
