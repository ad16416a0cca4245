"""Rule E084 over calls: who passes on what somebody else chose bounds it first."""

from pykasm import *
from pykasm.check.checker import check
from pykasm.encode.encoder import Encoder
from pykasm.lang.image import Image
from pykasm.lang.objects import assemble_program
from pykasm.lang.stubs import stub_address
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


class Handler(Fn[..., U64], untrusted=True):
    """What a program calls, with any numbers."""


class Calls(Base):
    """Is called by programs."""

    def __init__(self) -> None:
        self.handlers = rodata(Handler * 5, [self.run, self.add, self.bound, self.put, self.show])

    @function
    def run(self, number: U64) -> U64:
        ret(self.sums[number])

    @function
    def add(self, number: U64) -> U64:
        self.count(number)
        ret(0)

    @function
    def bound(self, place: Ptr[U64], number: U64) -> U64:
        with if_(number < 8):
            inc(self.sums[number])
        ret(place[0])

    @function
    def put(self, length: U64) -> U64:
        self.store(length)
        ret(0)

    @function
    def show(self, length: U64) -> U64:
        with if_(length <= 8):
            self.store(length)
        ret(0)

    @function
    def store(self, length: Bounded[U64]) -> None:
        mov(self.sum, length)


def test_what_programs_call_bounds_its_arguments() -> None:
    assert faults(Calls()) == {("run", "E084"), ("add", "E084"), ("put", "E084")}


class Entered(Base):
    """Is called by programs by way of a stub."""

    def __init__(self) -> None:
        self.handlers = rodata(Handler * 1, [stub_address("Entered", "enter")])

    @emits
    def make(self) -> None:
        """Clear what programs leave in the upper half."""
        with stub("enter"):
            mov(edi, edi)
            jmp(self.run)

    @function
    def run(self, number: U32) -> U64:
        ret(self.sums[number])


def test_what_stubs_lead_programs_to_bounds_its_arguments() -> None:
    assert faults(Entered()) == {("run", "E084")}


class Shared(Base):
    """Leaves out the bound where all need it."""

    def __init__(self) -> None:
        self.handlers = rodata(Handler * 3, [self.run, self.second, self.third])

    @function
    def run(self, number: U64) -> U64:
        self.count(number)
        ret(1)

    @function
    def second(self, number: U64) -> U64:
        self.count(number)
        ret(2)

    @function
    def third(self, number: U64) -> U64:
        self.count(number)
        ret(3)


def test_who_relies_on_what_all_pass_is_shown_once() -> None:
    assert findings(Shared()) == [
        """\
error[E084]: an index is what somebody else chose
  FILE:LINE
  LINE |         inc(self.sums[number])
        |         ^^^^^^^^^^^^^^^^^^^^^^ on some path to here, nothing has bounded it
  LINE |         self.count(number)
        |         ^^^^^^^^^^^^^^^^^^ `Shared.run` passes `number` as it comes
  LINE |     def run(self, number: U64) -> U64:
        |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ its address is given for what somebody else calls
help: compare it with a bound first, or say what bounds it: `trust(…, reason)`"""
    ]


class Followed(Base):
    """Lets others follow a program's pointer as a number."""

    @function
    def run(self, place: User[U64]) -> U64:
        ret(self.look(u64(place)))

    @function
    def look(self, address: U64) -> U64:
        ret(self.follow(address))

    @function
    def follow(self, address: U64) -> U64:
        ret(u64[address])

    @function(exported=True, copies_user=True)
    def copy_in(self, address: U64) -> U64:
        ret(u64[address])

    @function(exported=True)
    def fetch(self, place: User[U64]) -> U64:
        ret(self.copy_in(u64(place)))


def test_a_programs_pointer_is_followed_as_a_number() -> None:
    assert faults(Followed()) == {("run", "E084")}


class Asserting(Base):
    """Stops the machine where a packet is longer than it may be."""

    @function
    def run(self, packet: Ptr[Packet]) -> U64:
        length = scratch(packet.length)
        asserts(length < 8)
        ret(self.sums[length])

    @function
    def failed(self, message: Ptr[U8]) -> None:
        hlt()


def test_an_assertion_bounds_nothing() -> None:
    part = Asserting()
    image = Image(entry=part.run, subsystems=[part], on_assert=part.failed)
    program = image.assemble(debug=True)
    found = check(program, assemble_program(program, Encoder(), "."))
    assert "E084" in [one.rule for one in found]
