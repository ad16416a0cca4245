"""Numbers whose bytes lie in memory in the opposite order, against Python's own."""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykasm import *
from pykasm.hostrun import Host
from pykasm.isa.code import Line
from tests.unit.checking import findings
from tests.unit.messages import message_of

SIZES = {2: U16BE, 4: U32BE, 8: U64BE}


class EtherType(IntEnum):
    IPV4 = 0x0800
    ARP = 0x0806


class Fragment(IntFlag):
    MORE = 1 << 13
    DONT = 1 << 14


class Packet(Struct, packed=True):
    """What a network has."""

    type: U16BE = field(EtherType)
    fragment: U16BE = field(Fragment)
    length: U32BE
    serial: U64BE
    ports: Array[U16BE] = field(count=4)


class Network(Subsystem):
    """Loads, stores, compares."""

    defaults = rodata(Packet, Packet(type=EtherType.ARP, length=0x1234_5678, ports=[1, 2, 3]))
    last = bss(Packet)

    @function(exported=True)
    def type_of(self, packet: Ptr[Packet]) -> U16:
        type = scratch(packet.type)
        ret(type)

    @function(exported=True)
    def widened(self, packet: Ptr[Packet]) -> U64:
        movzx(rax, packet.type)
        ret(rax)

    @function(exported=True)
    def length_of(self, packet: Ptr[Packet]) -> U32:
        mov(eax, packet.length)
        ret(eax)

    @function(exported=True)
    def serial_of(self, packet: Ptr[Packet]) -> U64:
        ret(packet.serial)

    @function(exported=True)
    def port_at(self, packet: Ptr[Packet], index: U64) -> U16:
        ret(packet.ports[index])

    @function(exported=True)
    def third_default(self) -> U16:
        mov(ax, self.defaults.ports[2])
        ret(ax)

    @function(exported=True)
    def store(self, packet: Ptr[Packet], type: U16, length: U32, serial: U64) -> U64:
        mov(packet.type, type)
        mov(packet.length, length)
        mov(packet.serial, serial)
        mov(self.last.ports[1], type)
        ret(serial)  # as it was

    @function(exported=True)
    def store_constants(self, packet: Ptr[Packet]) -> None:
        mov(packet.type, EtherType.IPV4)
        mov(packet.length, 0x8000_0001)
        mov(packet.serial, 0x0102_0304_0506_0708)
        mov(packet.ports[3], -2)

    @function(exported=True)
    def is_ipv4(self, packet: Ptr[Packet]) -> Bool:
        ret(packet.type == EtherType.IPV4)

    @function(exported=True)
    def is_serial(self, packet: Ptr[Packet]) -> Bool:
        ret(packet.serial != 0x1122_3344_5566_7788)

    @function(exported=True)
    def is_fragment(self, packet: Ptr[Packet]) -> Bool:
        ret(packet.fragment & Fragment.MORE)

    @function(exported=True)
    def has_serial_bits(self, packet: Ptr[Packet]) -> Bool:
        ret(packet.serial & 0xFF00_0000_0000_0001)

    @function(exported=True)
    def mask(self, packet: Ptr[Packet]) -> None:
        and_(packet.fragment, ~int(Fragment.DONT))
        or_(packet.length, 0x100)
        xor(packet.ports[0], 0xFF)
        not_(packet.serial)

    @function(exported=True)
    def pass_on(self, packet: Ptr[Packet]) -> U64:
        ret(self.sum(packet.type, packet.length, 0, 0, 0, 0, packet.ports[0], packet.serial))

    @function
    def sum(
        self, type: U16, length: U32, a: U64, b: U64, c: U64, d: U64, port: U16, serial: U64
    ) -> U64:
        movzx(eax, type)
        mov(ecx, length)
        add(rax, rcx)
        movzx(ecx, port)
        add(rax, rcx)
        add(rax, serial)
        ret(rax)

    @function(exported=True)
    def by_address(self, bytes: Ptr[U8]) -> U32:
        mov(eax, u32be[u64(bytes) + 1])
        ret(eax)


network = Network()
host = Host(network)
words = {size: st.integers(0, (1 << (size * 8)) - 1) for size in SIZES}


@given(words[2], words[4], words[8], st.lists(words[2], min_size=4, max_size=4))
def test_loads_give_what_python_reads(
    type: int, length: int, serial: int, ports: list[int]
) -> None:
    host.reset()
    packet = host.new(Packet)
    fragment = Fragment.MORE
    raw = b"".join(
        number.to_bytes(size, "big")
        for number, size in [(type, 2), (fragment, 2), (length, 4), (serial, 8)]
    )
    host.write(int(packet), raw + b"".join(one.to_bytes(2, "big") for one in ports))
    assert host.call(network.type_of, packet) == type
    assert host.call(network.widened, packet) == type
    assert host.call(network.length_of, packet) == length
    assert host.call(network.serial_of, packet) == serial
    assert [host.call(network.port_at, packet, n) for n in range(4)] == ports
    assert (packet.type, packet.length, packet.serial) == (type, length, serial)
    assert packet.ports == ports
    total = type + length + ports[0] + serial
    assert host.call(network.pass_on, packet) == total % (1 << 64)
    assert host.call(network.is_ipv4, packet) is (type == EtherType.IPV4)
    assert host.call(network.is_serial, packet) is (serial != 0x1122_3344_5566_7788)
    assert host.call(network.has_serial_bits, packet) is bool(serial & 0xFF00_0000_0000_0001)
    assert host.call(network.by_address, int(packet)) == int.from_bytes(
        host.read(int(packet) + 1, 4), "big"
    )


@given(words[2], words[4], words[8])
def test_stores_write_what_python_would(type: int, length: int, serial: int) -> None:
    host.reset()
    packet = host.new(Packet)
    assert host.call(network.store, packet, type, length, serial) == serial
    raw = type.to_bytes(2, "big") + bytes(2) + length.to_bytes(4, "big") + serial.to_bytes(8, "big")
    assert host.read(int(packet), 16) == raw
    assert host[network.last.ports[1]] == type


def test_constants_are_swapped_in_the_build() -> None:
    host.reset()
    packet = host.new(Packet)
    host.call(network.store_constants, packet)
    assert host.read(int(packet), 16).hex() == "08000000800000010102030405060708"
    assert packet.type is EtherType.IPV4
    assert packet.ports == [0, 0, 0, 0xFFFE]
    assert host.call(network.is_ipv4, packet) is True
    assert host.call(network.third_default) == 3
    program = Image(entry=network.is_ipv4, subsystems=[network]).assemble()
    routine = next(one for one in program.units[0].routines if one.symbol == "Network.is_ipv4")
    lines = [one for one in routine.items if isinstance(one, Line)]
    compare = next(one for one in lines if one.statement.mnemonic == "cmp")
    assert compare.statement.operands[1] == 0x0008


@given(words[2], words[4], words[8])
def test_bits_change_where_they_are(fragment: int, length: int, serial: int) -> None:
    host.reset()
    packet = host.new(Packet, fragment=fragment & 0x7FFF, length=length, serial=serial)
    is_fragment = host.call(network.is_fragment, packet)
    assert is_fragment is bool(fragment & Fragment.MORE)
    host.call(network.mask, packet)
    assert int(packet.fragment) == fragment & 0x7FFF & ~Fragment.DONT
    assert packet.length == length | 0x100
    assert packet.serial == serial ^ (1 << 64) - 1
    assert packet.ports[0] == 0xFF


def test_the_checker_has_nothing_to_say() -> None:
    class Checked(Network):
        @function(exported=True)
        def run(self) -> None:
            nop()

    assert findings(Checked()) == []


def body(write: Any) -> type[Any]:
    """A subsystem whose function `wrong` is written by `write`."""

    class Wrong(Subsystem):
        @function(exported=True)
        def wrong(self, packet: Ptr[Packet], number: U32) -> None:
            write(packet, number)

    return Wrong


class Ordered(Subsystem):
    @function(exported=True)
    def wrong(self, packet: Ptr[Packet]) -> None:
        with if_(packet.length < 1500):
            ret()


def test_an_order_that_the_bytes_do_not_have() -> None:
    assert (
        message_of(Ordered)
        == """\
error[type]: `packet.length` has its bytes in the opposite order
  FILE:LINE
  LINE |         with if_(packet.length < 1500):
        |                  ^^^^^^^^^^^^^^^^^^^^
expected: `==`, `!=` or `&` with a constant, whose bytes are swapped in a build
got: packet.length < 1500
help: load it first: `scratch(packet.length)` is a U32"""
    )


class Added(Subsystem):
    @function(exported=True)
    def wrong(self, packet: Ptr[Packet], number: U32) -> None:
        add(packet.length, number)


def test_arithmetic_in_memory() -> None:
    assert (
        message_of(Added)
        == """\
error[type]: `add` would take the bytes of `packet.length` in the wrong order
  FILE:LINE
  LINE |         add(packet.length, number)
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: `mov` to or from a register, or bits and a constant
got: packet.length: U32BE
help: load it first: `scratch(packet.length)` is a U32"""
    )


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda p, n: mov(rax, p.length), "error[operand-size]: the operands of `mov` do not fit"),
        (lambda p, n: mov(p.length, rax), "error[operand-size]: the operands of `mov` do not fit"),
        (lambda p, n: mov(p.length, 1 << 33), "error["),
        (lambda p, n: mov(p.type, 5), "error[value-range]: 5 is none of the values that `p"),
        (lambda p, n: and_(p.length, n), "error[type]: `and` would take the bytes of `packet.le"),
        (lambda p, n: or_(n, p.length), "error[type]: `or` would take the bytes of `packet.leng"),
        (lambda p, n: cmp(p.length, 5), "error[type]: `cmp` would take the bytes of `packet.len"),
        (lambda p, n: xchg(p.length, n), "error[type]: `xchg` would take the bytes of `packet.l"),
        (lambda p, n: push(p.serial), "error[type]: `push` would take the bytes of `packet.seri"),
        (lambda p, n: movsx(n, p.type), "error[type]: `movsx` would take the bytes of `packet.t"),
        (lambda p, n: p.length == n, "error[type]: `packet.length` has its bytes in the opposi"),
        (lambda p, n: n == p.length, "error[type]: `packet.length` has its bytes in the opposi"),
        (lambda p, n: p.length & n, "error[type]: `packet.length` has its bytes in the opposi"),
        (lambda p, n: cast(n, U32BE), "error[type]: registers hold numbers in the machine's ord"),
        (lambda p, n: scratch(U32BE), "error[type]: a register can't hold a U32BE"),
    ],
)
def test_what_has_no_meaning(write: Any, message: str) -> None:
    assert message_of(body(write)).startswith(message)


def test_a_parameter_of_such_a_type() -> None:
    class Wrong(Subsystem):
        @function(exported=True)
        def wrong(self, port: U16BE) -> None:
            nop()

    assert message_of(Wrong).endswith("got: U16BE\nhelp: `port: U16`")


def test_an_address_as_such_a_number() -> None:
    class Wrong(Subsystem):
        word = bss(U64)

        def __init__(self) -> None:
            self.pointer = data(U64BE, address_of(self.word))

        @function(exported=True)
        def wrong(self) -> None:
            nop()

    assert message_of(Wrong).startswith("error[type]: this can't be the value of a U64BE")


def test_names_of_a_register_that_clobbers_leave_out() -> None:
    class Wrong(Subsystem):
        @function(exported=True, clobbers=(rax,))
        def wrong(self, packet: Ptr[Packet], number: U32) -> None:
            mov(packet.length, number)

    assert message_of(Wrong).startswith("error[registers]: no register is left for `scratch`")
