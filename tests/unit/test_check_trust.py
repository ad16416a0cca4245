"""Rule E084: what somebody else chose is bounded before it is relied on."""

import pytest

from pykasm import *
from pykasm.errors import BuildFailed, DeclarationMistake
from pykasm.hostrun import Host
from tests.unit.checking import broken, findings, mended, rules


def test_an_index_that_somebody_else_chose() -> None:
    assert broken("E084") == [
        """\
error[E084]: an index is what somebody else chose
  FILE:LINE
  LINE |         mov(self.values[slot], value)
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ on some path to here, nothing has bounded it
  LINE |         slot, value = scratch(request.slot), scratch(request.value)
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ it comes from here
help: compare it with a bound first, or say what bounds it: `trust(…, reason)`"""
    ]
    assert mended("E084") == []


class Packet(Struct):
    """What came over the wire."""

    length: Untrusted[U32]
    kind: Untrusted[U8]
    shift: Untrusted[U32]


class Network(Subsystem):
    """Reads packets."""

    table = bss(U64 * 256)
    most = bss(U32)
    sum = bss(U64)


class Length(Network):
    """Copies as many bytes as the packet says."""

    @function(exported=True)
    def run(self, packet: Ptr[Packet], to: Ptr[U8]) -> None:
        mov(ecx, packet.length)
        mov(rsi, packet)
        mov(rdi, to)
        rep.movsb()


class Divisor(Network):
    """Divides by what the packet says."""

    @function(exported=True)
    def run(self, packet: Ptr[Packet]) -> U32:
        by = scratch(packet.length)
        mov(eax, 100)
        xor(edx, edx)
        div(by)
        ret(eax)


class Shift(Network):
    """Shifts by what the packet says."""

    @function(exported=True)
    def run(self, packet: Ptr[Packet]) -> U32:
        mov(ecx, packet.shift)
        mov(eax, 1)
        shl(eax, cl)
        ret(eax)


class Wrong(Network):
    """Goes on where the bound is not kept."""

    @function(exported=True)
    def run(self, packet: Ptr[Packet]) -> U64:
        kind = scratch(U32)
        mov(kind, packet.length)
        with if_(kind < 256):
            ret(0)
        ret(self.table[kind])


class Computed(Network):
    """Computes an index of it."""

    @function(exported=True)
    def run(self, packet: Ptr[Packet]) -> U64:
        kind = scratch(packet.length)
        add(kind, 4)
        ret(self.table[kind])


class Given(Network):
    """Takes a parameter as an index."""

    @function(exported=True)
    def run(self, number: Untrusted[U64]) -> U64:
        ret(self.table[number])


class Address(Network):
    """Adds it to an address."""

    @function(exported=True)
    def run(self, packet: Ptr[Packet]) -> U8:
        end, length = scratch(u64(packet)), scratch(packet.length)
        add(end, u64(length))
        ret(u8[end])


@pytest.mark.parametrize("wrong", [Length, Divisor, Shift, Wrong, Computed, Given, Address])
def test_faults(wrong: type[Network]) -> None:
    found = rules(wrong())  # type: ignore[call-arg]
    assert [one for one in found if one == "E084"] == ["E084"]


class Compared(Network):
    """Looks first, at a number or at what memory says."""

    @function(exported=True)
    def run(self, packet: Ptr[Packet], number: Untrusted[U64]) -> U64:
        kind = scratch(packet.length)
        with if_((kind >= self.most) | (number > 255)):
            ret(0)
        mov(rax, self.table[number])
        add(rax, self.table[kind])
        ret(rax)


class Turned(Network):
    """The bound stands first."""

    @function(exported=True)
    def run(self, packet: Ptr[Packet], most: U32) -> U64:
        kind = scratch(packet.length)
        with if_(most <= kind):
            ret(0)
        ret(self.table[kind])


class Masked(Network):
    """Keeps only some bits."""

    @function(exported=True)
    def run(self, packet: Ptr[Packet]) -> U64:
        kind = scratch(packet.length)
        and_(kind, 255)
        ret(self.table[kind])


class Known(Network):
    """Is one of a few."""

    @function(exported=True)
    def run(self, packet: Ptr[Packet]) -> U64:
        kind = scratch(packet.length)
        with if_(kind == 4):
            ret(self.table[kind])
        ret(0)


class Floored(Network):
    """Divides by what is not 0."""

    @function(exported=True)
    def run(self, packet: Ptr[Packet]) -> U32:
        by = scratch(packet.length)
        with if_(by < 4):
            ret(0)
        mov(eax, 100)
        xor(edx, edx)
        div(by)
        ret(eax)


class Trusted(Network):
    """Is small enough, in a way that only its author knows."""

    @function(exported=True)
    def run(self, packet: Ptr[Packet]) -> U64:
        kind = scratch(U32)
        movzx(kind, packet.kind)
        trust(kind, "a byte is below 256")
        ret(self.table[kind])


class MaskedByWord(Network):
    """Takes another element where there is none of that number."""

    @function(exported=True)
    def run(self, packet: Ptr[Packet]) -> U64:
        kind = scratch(U32)
        movzx(kind, packet.kind)
        ret(self.table[bounded(kind, 8)])


class Shown(Network):
    """Only adds it up."""

    @function(exported=True)
    def run(self, packet: Ptr[Packet]) -> None:
        length = scratch(packet.length)
        add(self.sum, u64(length))


@pytest.mark.parametrize(
    "right", [Compared, Turned, Masked, Known, Floored, Trusted, MaskedByWord, Shown]
)
def test_correct_code(right: type[Network]) -> None:
    assert findings(right()) == []  # type: ignore[call-arg]


class Bounds(Subsystem):
    """Bounds a number by a word."""

    @function
    def below(self, number: U64) -> U64:
        ret(bounded(number, 8))


class NarrowBounds(Subsystem):
    """Bounds a byte."""

    @function
    def narrow(self, number: U8) -> U8:
        ret(bounded(number, 8))


@pytest.mark.parametrize(("number", "found"), [(0, 0), (7, 7), (8, 0), (1 << 63, 0)])
def test_a_bounded_number_is_0_unless_it_is_below(number: int, found: int) -> None:
    bounds = Bounds()
    assert Host(bounds).call(bounds.below, number) == found


def test_only_whole_registers_are_bounded() -> None:
    with pytest.raises(BuildFailed, match="`bounded` takes a whole register and a number"):
        Host(NarrowBounds())


class WithoutReason(Network):
    """Does not say why."""

    @function(exported=True)
    def run(self, number: Untrusted[U64]) -> U64:
        trust(number, "")
        ret(self.table[number])


def test_trust_needs_a_reason() -> None:
    with pytest.raises(BuildFailed, match="`trust` needs a reason"):
        findings(WithoutReason())  # type: ignore[call-arg]


def test_addresses_of_programs_have_a_type_of_their_own() -> None:
    with pytest.raises(DeclarationMistake, match=r"`Untrusted\[…\]` takes another type"):
        Untrusted[Ptr[U8]]  # type: ignore[type-arg]


def test_what_code_in_place_gives_is_bounded() -> None:
    class Receiving(Network):
        @inline(changes=rax)
        def kind_of(self) -> Untrusted[U64]:
            mov(rax, self.sum)
            return cast(rax, U64)

    class Wrong(Receiving):
        @function(exported=True)
        def run(self) -> U64:
            kind = scratch(self.kind_of())
            ret(self.table[kind])

    class Right(Receiving):
        @function(exported=True)
        def run(self) -> U64:
            kind = scratch(self.kind_of())
            with if_(kind >= 256):
                ret(0)
            ret(self.table[kind])

    assert rules(Wrong()) == ["E084"]
    assert rules(Right()) == []
