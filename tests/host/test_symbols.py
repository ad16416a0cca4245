"""Lookups in the embedded symbol table against Python's."""

from bisect import bisect_right
from typing import NamedTuple

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kernel.text.symbols import SymbolLocation, Symbols
from pykasm.hostrun import Host
from pykasm.lang.codemodel import VIRTUAL_BASE
from pykasm.link.embedded import EmbeddedTable, line_program
from pykasm.link.layout import LOAD_ADDRESS
from pykasm.link.symbols import LinkedSymbol
from pykasm.objects.debug import DebugFunction
from pykasm.objects.leb128 import unsigned
from pykasm.objects.model import SymbolKind
from pykasm.source import Source

TABLE = 0x10_0000_0000
ROOM = 1 << 16
IMAGE = VIRTUAL_BASE + LOAD_ADDRESS
ROOT = "/project"


class Shape(NamedTuple):
    """A symbol to come: the gap before it, its rows (bytes, file, line); none make it data."""

    gap: int
    size: int
    rows: list[tuple[int, int, int]]


ROW = st.tuples(st.integers(1, 300), st.integers(0, 2), st.integers(1, 100_000))
SHAPES = st.lists(
    st.builds(Shape, st.integers(0, 20), st.integers(1, 40), st.lists(ROW, max_size=6)),
    max_size=8,
)
NAMES = st.lists(
    st.text(st.characters(categories=["L", "N"], include_characters="._"), min_size=1),
    min_size=8,
    max_size=8,
    unique=True,
)


class Model:
    """The symbols that shapes and names make, half of them before paging, and Python's lookups."""

    def __init__(self, shapes: list[Shape], names: list[str]) -> None:
        self.symbols: list[LinkedSymbol] = []
        self.functions: dict[str, DebugFunction] = {}
        end = LOAD_ADDRESS
        for number, (shape, name) in enumerate(zip(shapes, names, strict=False)):
            start = (IMAGE if number == len(shapes) // 2 else end) + shape.gap
            size = sum(row[0] for row in shape.rows) or shape.size
            kind = SymbolKind.FUNC if shape.rows else SymbolKind.OBJECT
            self.symbols.append(LinkedSymbol(name, start, size, kind, True, False))
            if shape.rows:
                self.functions[name] = _function(name, size, shape.rows)
            end = start + size

    def lookup(self, address: int) -> tuple[str, int, str | None, int] | None:
        """Name, offset, file and line of `address`."""
        index = bisect_right([one.address for one in self.symbols], address) - 1
        if index < 0 or address >= self.symbols[index].address + self.symbols[index].size:
            return None
        name, offset = self.symbols[index].name, address - self.symbols[index].address
        if name not in self.functions:
            return name, offset, None, 0
        rows = self.functions[name].rows
        source = rows[bisect_right([start for start, _ in rows], offset) - 1][1]
        return name, offset, source.file.removeprefix(f"{ROOT}/"), source.line

    def edges(self) -> list[int]:
        """Addresses at and around every border, and some that no symbol can have."""
        borders = {0, LOAD_ADDRESS, IMAGE, 1 << 63, (1 << 64) - 1}
        for one in self.symbols:
            borders |= {one.address, one.address + one.size, one.address ^ 1 << 40}
            rows = self.functions[one.name].rows if one.name in self.functions else []
            borders |= {one.address + start for start, _ in rows}
        return sorted({(b + d) % (1 << 64) for b in borders for d in (-1, 0, 1)})


def _function(name: str, size: int, rows: list[tuple[int, int, int]]) -> DebugFunction:
    starts, offset = [], 0
    for length, file, line in rows:
        starts.append((offset, Source(f"{ROOT}/file{file}.py", line)))
        offset += length
    return DebugFunction(name, ".text", 0, bytes(size), starts[0][1], starts)


class Loaded:
    """A host whose table can be changed."""

    def __init__(self) -> None:
        self.symbols = Symbols()
        self.host = Host(self.symbols)
        self.host.map(TABLE, ROOM)
        self.host.define("symbols_start", TABLE)
        self.host.define("symbols_end", TABLE + ROOM)
        self.host.checkpoint()
        self.contents = b""

    def load(self, model: Model) -> None:
        """Put the table of `model` where the kernel looks for it."""
        self.host.reset()
        functions = {name: line_program(one) for name, one in model.functions.items()}
        table = EmbeddedTable({one.name: functions.get(one.name) for one in model.symbols}, ROOT)
        (section,) = table.room.sections
        linked = bytearray(section.data)
        for one in section.relocations:
            linked[one.offset : one.offset + 8] = (TABLE + one.addend).to_bytes(8, "little")
        self.contents = table.completed(bytes(linked), model.symbols)
        self.host.write(TABLE, self.contents)

    def lookup(self, address: int) -> tuple[str, int, str | None, int] | None:
        """As `Model.lookup`, by the kernel."""
        place = self.host.new(SymbolLocation)
        if not self.host.call(self.symbols.lookup, address, place):
            return None
        file = self.host.read_text(place.file) if place.file else None
        return self.host.read_text(place.name), place.offset, file, place.line


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    return Loaded()


UNKNOWN = st.text(st.characters(min_codepoint=1, exclude_categories=["Cs"]))
"""Any text: surrogates are no characters, and have no bytes."""


@given(shapes=SHAPES, names=NAMES)
def test_every_address_has_its_name_offset_file_and_line(
    loaded: Loaded, shapes: list[Shape], names: list[str]
) -> None:
    model = Model(shapes, names)
    loaded.load(model)
    for address in model.edges():
        assert loaded.lookup(address) == model.lookup(address), hex(address)


@given(shapes=SHAPES, names=NAMES, unknown=UNKNOWN)
def test_every_name_has_its_address_and_no_other_has_one(
    loaded: Loaded, shapes: list[Shape], names: list[str], unknown: str
) -> None:
    model = Model(shapes, names)
    loaded.load(model)
    addresses = {one.name: one.address for one in model.symbols}
    for name in [*names, *(name[:-1] for name in names), unknown]:
        assert loaded.host.call(loaded.symbols.find, name) == addresses.get(name, 0)


@given(shapes=SHAPES, names=NAMES, change=st.integers(1, 255), data=st.data())
def test_a_table_that_was_written_over_knows_nothing(
    loaded: Loaded, shapes: list[Shape], names: list[str], change: int, data: st.DataObject
) -> None:
    model = Model(shapes, names)
    assume(model.symbols)
    loaded.load(model)
    loaded.host.call(loaded.symbols.check)
    address = model.symbols[0].address
    assert loaded.lookup(address) == model.lookup(address)
    damaged = bytearray(loaded.contents)
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= change
    loaded.host.write(TABLE, bytes(damaged))
    loaded.host.call(loaded.symbols.check)
    assert loaded.lookup(address) is None


@given(value=st.integers(0, (1 << 64) - 1))
def test_numbers_of_any_length_are_read(loaded: Loaded, value: int) -> None:
    loaded.host.reset()
    encoded = loaded.host.bytes(unsigned(value) + b"\xff")
    got, following = loaded.host.call(loaded.symbols._uleb128, encoded)
    assert (got, int(following) - int(encoded)) == (value, len(unsigned(value)))


def test_an_image_without_a_table_knows_nothing() -> None:
    symbols = Symbols()
    host = Host(symbols)
    host.define("symbols_start", TABLE)
    host.define("symbols_end", TABLE)
    assert host.call(symbols.lookup, IMAGE, host.new(SymbolLocation)) == 0
    assert host.call(symbols.find, "Panic.stop") == 0


def test_lookups_take_few_instructions(loaded: Loaded) -> None:
    count, lines = 300, 40
    shape = Shape(0, 0, [(4, 0, line) for line in range(1, lines + 1)])
    model = Model([shape] * count, [f"Subsystem.function_{n}" for n in range(count)])
    loaded.load(model)
    last = model.symbols[-1]
    assert loaded.lookup(last.address + last.size - 1) == (last.name, 159, "file0.py", lines)
    assert loaded.host.instructions < 70 * lines
