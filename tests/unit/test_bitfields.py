"""Bits with names, against numbers of Python's."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykasm import *
from pykasm.hostrun import Host
from pykasm.lang.field import BitRange
from tests.unit.checking import findings
from tests.unit.messages import message_of, refusal

LAYOUTS: dict[Any, dict[str, int]] = {
    U8: {"low": 4, "high": 4},
    U16: {"first": 1, "_free": 2, "second": 9, "third": 4},
    U32: {"first": 1, "second": 1, "_free": 10, "third": 20},
    U64: {"first": 1, "second": 32, "_free": 1, "third": 1, "fourth": 29},
    U16BE: {"first": 3, "second": 1, "third": 12},
    U32BE: {"first": 7, "second": 25},
    U64BE: {"first": 1, "second": 40, "third": 20},
}
KINDS = [*LAYOUTS]
CONSTANTS = [0, (1 << 64) - 1, 1, 0x0123_4567_89AB_CDEF, 0xFEDC_BA98_7654_3210]


def whole(kind: Any) -> st.SearchStrategy[int]:
    """Numbers of a `kind`, its limits among them."""
    most = (1 << (kind._size * 8)) - 1
    return st.sampled_from([0, most]) | st.integers(0, most)


def parts(kind: Any) -> list[BitRange]:
    """The bits of the layout of a `kind`."""
    found, shift = [], 0
    for name, width in LAYOUTS[kind].items():
        found.append(BitRange(name, shift, width))
        shift += width
    return [one for one in found if not one.name.startswith("_")]


def struct_of(kind: Any) -> Any:
    """A struct with something before and behind a number with named bits."""
    before = {"before": U64, "number": kind, "behind": U64}
    return type("Made", (Struct,), {"__annotations__": before, "number": bits(**LAYOUTS[kind])})


@cache
def machine(kind: Any, constant: int) -> Any:
    """A struct, and a host with a subsystem that loads, stores and compares each of its bits."""
    struct = struct_of(kind)
    members: dict[str, Any] = {}
    for one in parts(kind):
        wide = U32 if one.width <= 32 else U64
        value = constant & one.largest
        bodies = {
            "load": (lambda self, p, one=one: ret(getattr(p.number, one.name)), {"p": Ptr[struct]}),
            "wide": (
                lambda self, p, one=one: (mov(rax, getattr(p.number, one.name)), ret(rax)),
                {"p": Ptr[struct]},
            ),
            "store": (
                lambda self, p, v, one=one: mov(getattr(p.number, one.name), v),
                {"p": Ptr[struct], "v": wide},
            ),
            "byte": (
                lambda self, p, v, one=one: mov(getattr(p.number, one.name), v),
                {"p": Ptr[struct], "v": U8},
            ),
            "set": (
                lambda self, p, one=one, value=value: mov(getattr(p.number, one.name), value),
                {"p": Ptr[struct]},
            ),
            "equal": (
                lambda self, p, one=one, value=value: ret(getattr(p.number, one.name) == value),
                {"p": Ptr[struct]},
            ),
            "differ": (
                lambda self, p, one=one, value=value: ret(getattr(p.number, one.name) != value),
                {"p": Ptr[struct]},
            ),
        }
        if 0 < value < one.largest:
            bodies["less"] = (
                lambda self, p, one=one, value=value: ret(getattr(p.number, one.name) < value),
                {"p": Ptr[struct]},
            )
            bodies["more"] = (
                lambda self, p, one=one, value=value: ret(getattr(p.number, one.name) > value),
                {"p": Ptr[struct]},
            )
        results = {"load": wide, "wide": U64, "equal": Bool, "differ": Bool}
        results |= {"less": Bool, "more": Bool}
        for name, (body, takes) in bodies.items():
            made = as_function(f"{name}_{one.name}", body, takes, results.get(name))
            members[f"{name}_{one.name}"] = function(exported=True)(made)
    made = type("Machine", (Subsystem,), members)()
    return struct, made, Host(made)


def as_function(name: str, body: Any, annotations: dict[str, Any], result: Any) -> Any:
    """`body` as the body of a function with these parameters."""
    arguments = ", ".join(annotations)
    scope: dict[str, Any] = {"body": body}
    exec(f"def {name}(self, {arguments}):\n    body(self, {arguments})\n", scope)
    made = scope[name]
    made.__annotations__ = {**annotations, "return": result}
    return made


@pytest.mark.parametrize("kind", KINDS)
@given(st.data())
def test_bits_are_what_python_makes_of_the_number(kind: Any, data: Any) -> None:
    constant, number = data.draw(st.sampled_from(CONSTANTS)), data.draw(whole(kind))
    value = data.draw(st.integers(0, (1 << 64) - 1))
    struct, made, host = machine(kind, constant)
    for one in parts(kind):
        host.reset()
        object = host.new(struct, before=(1 << 64) - 1, number=number, behind=(1 << 64) - 1)
        kept, held = constant & one.largest, (number & one.mask) >> one.shift

        def call(name: str, *rest: int, name_of: str = one.name, object: Any = object) -> Any:
            return host.call(getattr(made, f"{name}_{name_of}"), object, *rest)

        assert call("load") == call("wide") == held == getattr(object.number, one.name)
        assert call("equal") is (held == kept)
        assert call("differ") is (held != kept)
        if 0 < kept < one.largest:
            assert call("less") is (held < kept)
            assert call("more") is (held > kept)
        call("set")
        assert object.number == number & ~one.mask | kept << one.shift
        object.number = number
        call("store", value & (0xFFFF_FFFF if one.width <= 32 else (1 << 64) - 1))
        assert object.number == number & ~one.mask | (value & one.largest) << one.shift
        call("byte", value & 0xFF)
        low = value & 0xFF & one.largest
        assert object.number == number & ~one.mask | low << one.shift
        assert (object.before, object.behind) == ((1 << 64) - 1, (1 << 64) - 1)


class PageEntry(Struct):
    """An entry of a page table."""

    flags: U64 = bits(present=1, writable=1, user=1, _free=9, frame=40, _more=11, no_execute=1)


class Device(Struct):
    """A register of a device."""

    control: U32 = bits(enable=1, mode=3, _free=12, count=16)


class Entries(Subsystem):
    """Uses bits in all ways."""

    initial = data(PageEntry, PageEntry(flags={"present": 1, "frame": 0x1234, "no_execute": 1}))
    table = bss(PageEntry * 4)

    @function(exported=True)
    def is_writable(self, entry: Ptr[PageEntry]) -> Bool:
        with if_(entry.flags.present & ~entry.flags.user & entry.flags.writable):
            ret(1)
        ret(0)

    @function(exported=True)
    def any_of(self, entry: Ptr[PageEntry]) -> Bool:
        ret(entry.flags.user | (entry.flags.frame & 0xF00))

    @function(exported=True)
    def both(self, ready: Bool, entry: Ptr[PageEntry]) -> Bool:
        ret(ready & entry.flags.present)

    @function(exported=True)
    def frame_at(self, index: U64) -> U64:
        frame = scratch(self.table[index].flags.frame)
        ret(frame)

    @function(exported=True)
    def pass_on(self, device: Ptr[Device]) -> U32:
        ret(self.sum(device.control.mode, 1, 0, 0, 0, 0, device.control.count, 5))

    @function
    def sum(self, a: U32, b: U32, c: U32, d: U32, e: U32, f: U32, g: U32, h: U32) -> U32:
        mov(eax, a)
        add(eax, b)
        add(eax, g)
        add(eax, h)
        ret(eax)


entries = Entries()
host = Host(entries)


@given(st.booleans(), st.booleans(), st.booleans(), st.integers(0, (1 << 40) - 1))
def test_single_bits_are_conditions(p: bool, w: bool, u: bool, frame: int) -> None:
    host.reset()
    entry = host.new(PageEntry, flags={"present": p, "writable": w, "user": u, "frame": frame})
    assert host.call(entries.is_writable, entry) is (p and not u and w)
    assert host.call(entries.both, u, entry) is (u and p)
    assert host.call(entries.any_of, entry) is (u or bool(frame & 0xF00))
    host[entries.table][2].flags = entry.flags
    assert host.call(entries.frame_at, 2) == frame


def test_initial_values_by_names() -> None:
    host.reset()
    assert host[entries.initial].flags == 1 | 0x1234 << 12 | 1 << 63
    assert host[entries.initial].flags.frame == 0x1234
    host[entries.initial].flags.frame = 5
    assert repr(host[entries.initial].flags) == (
        "(present=0x1, writable=0x0, user=0x0, frame=0x5, no_execute=0x1)"
    )


@given(st.integers(0, 7), st.integers(0, 0xFFFF))
def test_bits_are_arguments(mode: int, count: int) -> None:
    host.reset()
    device = host.new(Device, control={"mode": mode, "count": count})
    assert host.call(entries.pass_on, device) == mode + count + 6


def test_the_checker_has_nothing_to_say() -> None:
    class Checked(Entries):
        @function(exported=True)
        def run(self) -> None:
            nop()

    assert findings(Checked()) == []


class TooLarge(Subsystem):
    @function(exported=True)
    def wrong(self, device: Ptr[Device]) -> None:
        mov(device.control.mode, 8)


def test_a_value_that_needs_more_bits() -> None:
    assert (
        message_of(TooLarge)
        == """\
error[value-range]: 8 is outside of what `device.control.mode` can be
  FILE:LINE
  LINE |         mov(device.control.mode, 8)
        |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: 0 to 7
got: 8 for 3 bits"""
    )


def wrong(write: Any) -> str:
    """What is said of a function that `write` writes."""

    class Wrong(Subsystem):
        @function(exported=True)
        def wrong(self, device: Ptr[Device], number: U32) -> None:
            write(device.control, number)

    return message_of(Wrong)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (
            lambda c, n: mov(eax, c.moed),
            "error[unknown-field]: `Device.control` has no bits",
        ),
        (
            lambda c, n: inc(c.count),
            "error[type]: `inc` does not work on the bits",
        ),
        (
            lambda c, n: add(c.count, n),
            "error[type]: `add` does not work on the bits",
        ),
        (
            lambda c, n: lea(rax, c.count),
            "error[type]: `lea` does not work on the bits",
        ),
        (lambda c, n: mov(al, c.mode), "error[type]: `al` has no room for `device.control.mode`"),
        (lambda c, n: mov(c.mode, c.count), "error[type]: `mov` does not work on the bits `device"),
        (lambda c, n: c.count == n, "error[type]: `device.control.count` compares with numbers al"),
        (lambda c, n: n == c.count, "error[type]: `device.control.count` compares with numbers al"),
        (lambda c, n: c.mode == 9, "error[value-range]: 9 is outside of what `device.control.mod"),
        (lambda c, n: c.mode <= 7, "error[condition]: `device.control.mode <= 7` always holds"),
        (lambda c, n: c.count & 0x1_0000, "error[value-range]: 65536 is outside of what `device"),
        (lambda c, n: c.enable == 1, "error[condition]: nothing looks at `device.control & 1`"),
        (lambda c, n: if_(c.mode), "error[condition]: this is no condition"),
    ],
)
def test_what_has_no_meaning(write: Any, message: str) -> None:
    assert wrong(write).startswith(message)


def test_wrong_declarations() -> None:
    class Wide(Struct):
        flags: U8 = bits(first=4, second=5)

    class Signed(Struct):
        flags: I32 = bits(first=4)

    assert refusal(lambda: sizeof(Wide)).startswith("error[value-range]: `Wide.flags` has no room")
    assert refusal(lambda: sizeof(Signed)).startswith("error[declaration]: `Signed.flags` is no nu")
    assert refusal(lambda: bits(first=0)).startswith("error[declaration]: `first` has no number of")
    assert refusal(lambda: Host(Wrongly())).startswith("error[value-range]: 8 is outside of what")


class Wrongly(Subsystem):
    device = data(Device, Device(control={"mode": 8}))
