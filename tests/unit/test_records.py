"""Walks over records of different lengths, against Python's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykasm import *
from pykasm.hostrun import Host
from tests.unit.checking import findings
from tests.unit.messages import message_of

MOST = 64


class Entry(Struct, packed=True):
    """A record with a length of 8 bits."""

    kind: U8
    length: U8
    bytes: Array[U8]


class Head(Struct):
    """A part of a tag."""

    type: U32
    size: U32


class Tag(Struct):
    """A record with a length of 32 bits, in a part of it."""

    head: Head
    words: Array[U64]


class Option(Struct, packed=True):
    """A record with a length in the other order of bytes."""

    length: U16BE


class Pair(Struct):
    """A record that has no length."""

    first: U32
    second: U32


class Walks(Subsystem):
    """Notes where records are."""

    count = bss(U64)
    found = bss(U64 * (MOST + 1))

    @function
    def note(self, address: U64) -> None:
        """Note that there is a record at `address`."""
        mov(rax, self.count)
        mov(self.found[rax], address)
        inc(self.count)
        for register in (rcx, rdx, rsi, rdi, r8, r9, r10, r11):
            mov(register, -1)
        xor(eax, eax)

    @function(exported=True)
    def entries(self, first: Ptr[Entry], end: Keep[U64]) -> None:
        with records(first, end) as entry:
            continue_if(entry.kind == 0xFF)
            self.note(u64(entry))

    @function(exported=True)
    def tags(self, first: Ptr[Tag], end: Keep[U64]) -> None:
        with records(first, end, "head.size", align=8) as tag:
            break_if(tag.head.type == 0xFF)
            self.note(u64(tag))

    @function(exported=True)
    def options(self, first: Ptr[Option], end: Keep[U64]) -> None:
        with records(first, end) as option:
            self.note(u64(option))

    @function(exported=True)
    def pairs(self, first: Ptr[Pair], end: Keep[U64]) -> None:
        with records(first, end, sizeof(Pair)) as pair:
            self.note(u64(pair))

    @function(exported=True)
    def strides(self, first: Ptr[Pair], end: Keep[U64], step: Keep[U32]) -> None:
        with records(first, end, step) as pair:
            self.note(u64(pair))

    @function(exported=True)
    def sum(self, first: Ptr[Entry], end: U64) -> U64:
        sum = scratch(U64)
        xor(u32(sum), u32(sum))
        with records(first, end, place=scratch) as entry:
            movzx(eax, entry.bytes[0])
            add(sum, rax)
        ret(sum)


walks = Walks()
host = Host(walks)


def walked(raw: bytes, least: int, length: Any, align: int = 1) -> Iterator[int]:
    """Where records lie in `raw` that have at least `least` bytes, by `length(record)`."""
    at = 0
    while at <= len(raw) and len(raw) - at >= least:
        size = length(raw[at:])
        if size < least or size > len(raw) - at:
            return
        yield at
        at += size
        at += -at % align


def found(function: Any, kind: Any, raw: bytes, *rest: int) -> list[int]:
    """Where `function` sees records in memory with `raw`, of which nothing behind may be read."""
    host.reset()
    start = int(host.new(U8 * len(raw), raw, fenced=True)) if raw else 0x1000
    host.call(function, host.at(kind, start), start + len(raw), *rest)
    return [host[walks.found[n]] - start for n in range(host[walks.count])]


small = st.lists(
    st.tuples(st.integers(0, 255), st.integers(0, 9)).map(
        lambda one: bytes([*one, *bytes(max(one[1] - 2, 0))])
    ),
    max_size=8,
)


words = st.integers(0, 2).flatmap(lambda count: st.binary(min_size=8 * count, max_size=8 * count))


@given(small, st.binary(max_size=6))
def test_records_end_with_the_memory_or_an_impossible_length(
    entries: list[bytes], rest: bytes
) -> None:
    raw = b"".join(entries) + rest
    expected = [at for at in walked(raw, 2, lambda one: one[1]) if raw[at] != 0xFF]
    assert found(walks.entries, Entry, raw) == expected


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 40)), max_size=5), words)
def test_records_may_be_aligned(tags: list[tuple[int, int]], rest: bytes) -> None:
    raw = b""
    for type, size in tags:
        raw += type.to_bytes(4, "little") + size.to_bytes(4, "little") + bytes(max(size - 8, 0))
        raw += bytes(-len(raw) % 8)
    raw += rest
    expected = []
    for at in walked(raw, 8, lambda one: int.from_bytes(one[4:8], "little"), 8):
        if raw[at : at + 4] == b"\xff\0\0\0":
            break
        expected.append(at)
    assert found(walks.tags, Tag, raw) == expected


@given(st.binary(max_size=40).map(lambda raw: bytes(one % 5 for one in raw)))
def test_lengths_may_have_their_bytes_in_the_other_order(raw: bytes) -> None:
    expected = [*walked(raw, 2, lambda one: int.from_bytes(one[:2], "big"))]
    assert found(walks.options, Option, raw) == expected


@given(st.integers(0, 60), st.integers(0, 30))
def test_all_may_have_one_length(size: int, step: int) -> None:
    raw = bytes(size)
    assert found(walks.pairs, Pair, raw) == [*walked(raw, 8, lambda one: 8)]
    assert found(walks.strides, Pair, raw, step) == [*walked(raw, 8, lambda one: step)]


@pytest.mark.parametrize("start", [0xFFFF_FFFF_FFFF_F000, 0xFFFF_FFFF_FFFF_FF80])
def test_lengths_that_lead_past_the_last_address(start: int) -> None:
    host.reset()
    host.map(0xFFFF_FFFF_FFFF_F000, 0x1000)
    host.write(start, (1).to_bytes(4, "little") + (0xFFFF_FFFF).to_bytes(4, "little"))
    host.call(walks.tags, host.at(Tag, start), start + 16)
    assert host[walks.count] == 0


def test_an_end_before_the_first_record() -> None:
    host.reset()
    entry = host.new(Entry, kind=1, length=4, bytes=[5, 6])
    host.call(walks.entries, entry, int(entry) - 1)
    assert host[walks.count] == 0


def test_scratch_registers_do_where_nothing_is_called() -> None:
    raw = host.new(U8 * 6, [0, 3, 40, 0, 3, 2])
    assert host.call(walks.sum, int(raw), int(raw) + 6) == 42


def test_names_and_findings() -> None:
    class Checked(Walks):
        @function(exported=True)
        def run(self) -> None:
            nop()

    checked = Checked()
    assert [one for one in findings(checked) if "error" in one] == []
    program = Image(entry=checked.run, subsystems=[checked]).assemble()
    routine = next(one for one in program.units[0].routines if one.symbol == "Checked.tags")
    assert "tag" in [one.name for one in routine.roles]


def wrong(write: Any) -> str:
    """What is said of a function that `write` writes."""

    class Wrong(Subsystem):
        @function(exported=True)
        def wrong(self, first: Ptr[Entry], end: Ptr[Void], number: U32) -> None:
            write(first, end, number)

    return message_of(Wrong)


def test_a_walk_without_with() -> None:
    assert wrong(lambda f, e, n: records(f, e)).startswith("error[flow]: `records` without `with`")


class Unbounded(Subsystem):
    @function(exported=True)
    def wrong(self, first: Ptr[Entry], count: U32) -> None:
        with records(first, count):
            nop()


def test_an_end_that_is_no_address() -> None:
    assert (
        message_of(Unbounded)
        == """\
error[type]: `records` ends at an address
  FILE:LINE
  LINE |         with records(first, count):
        |              ^^^^^^^^^^^^^^^^^^^^^
expected: a register or memory of 64 bits, or `address_of(…)`
got: count: U32"""
    )


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda f, e, n: records(e, f), "error[type]: `records` begins at a record"),
        (lambda f, e, n: records(5, e), "error[type]: `records` begins at a record"),
        (lambda f, e, n: records(f, 5), "error[type]: `records` ends at an address"),
        (
            lambda f, e, n: records(f, rax),
            "error[registers]: `records` changes rax",
        ),
        (
            lambda f, e, n: records(f, e, eax),
            "error[registers]: `records` changes rax",
        ),
        (
            lambda f, e, n: records(f, e, "lenght"),
            "error[unknown-field]: `Entry` has no field",
        ),
        (lambda f, e, n: records(f, e, "bytes"), "error[type]: `Entry.bytes` is no number of byt"),
        (lambda f, e, n: records(f, e, "kind.x"), "error[type]: `Entry` has no length at `kind.x`"),
        (lambda f, e, n: records(f, e, 1), "error[value-range]: a `Entry` is longer than 1 by"),
        (lambda f, e, n: records(f, e, None), "error[type]: `records` has to know how long a rec"),
        (lambda f, e, n: records(f, e, align=3), "error[value-range]: an alignment is a power of"),
    ],
)
def test_wrong_walks(write: Any, message: str) -> None:
    assert wrong(write).startswith(message)
