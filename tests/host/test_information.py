"""The boot information, read from sound and from damaged input of both protocols."""

import struct
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.boot.information import BootInformation
from kernel.boot.memorykind import MemoryKind
from kernel.boot.multiboot2 import InformationHeader, TagType
from kernel.boot.pvh import START_MAGIC, StartInfo
from kernel.boot.record import (
    MAX_MODULES,
    MAX_REGIONS,
    NAME_SIZE,
    RSDP_SIZE,
    TEXT_SIZE,
    Damage,
)
from kernel.mm.addresses import Area
from pykasm.hostrun import Host

IMAGE_START, IMAGE_END = 0x100000, 0x140000
PHYSICAL = 0x200000
"""Where the loader of the tests puts things."""
ROOM = 1 << 16
LIMIT = 1 << 64


class Range(NamedTuple):
    """A memory region as a loader gives it."""

    address: int
    length: int
    kind: int


RANGES = st.lists(
    st.builds(
        Range,
        st.integers(0, 1 << 40) | st.integers(0, LIMIT - 1),
        st.integers(0, 1 << 40) | st.integers(0, LIMIT - 1),
        st.integers(0, 7) | st.integers(0, (1 << 32) - 1),
    ),
    max_size=12,
)


def expected_regions(given: list[Range]) -> list[Range]:
    """What the record makes of the regions that a loader gives."""
    kinds = {int(kind) for kind in MemoryKind}
    sound = [
        Range(
            one.address,
            min(one.length, LIMIT - one.address),
            one.kind if one.kind in kinds else MemoryKind.RESERVED,
        )
        for one in given
        if one.length
    ]
    ordered = sorted(sound, key=lambda one: one.address)
    return ordered or [Range(IMAGE_START, IMAGE_END - IMAGE_START, MemoryKind.AVAILABLE)]


class Loader:
    """A host with the record, and memory where loaders can put what they tell."""

    def __init__(self) -> None:
        self.record = BootInformation()
        self.host = Host(self.record)
        self.host.define("image_load_start", IMAGE_START)
        self.host.define("image_load_end", IMAGE_END)
        self.host.map(Area.DIRECT_MAP + PHYSICAL, ROOM)
        self.host.checkpoint()

    def multiboot2(self, *tags: bytes, size: int | None = None) -> None:
        """Start as by Multiboot2 with these tags; `size` is what the loader claims."""
        body = b"".join(tag + bytes(-len(tag) % 8) for tag in tags)
        claimed = 8 + len(body) if size is None else size
        self.raw_multiboot2(struct.pack("<II", claimed, 0) + body)

    def raw_multiboot2(self, information: bytes) -> None:
        """Start as by Multiboot2 with this information."""
        self.host.reset()
        start = Area.DIRECT_MAP + PHYSICAL + ROOM - len(information)
        self.host.write(start, information)
        self.host.call(self.record.from_multiboot2, self.host.at(InformationHeader, start))

    def pvh(self, memory: bytes = b"", **fields: int) -> None:
        """Start as by PVH with these fields; `memory` lies at PHYSICAL."""
        self.host.reset()
        self.host.write(Area.DIRECT_MAP + PHYSICAL, memory)
        settings = {"magic": START_MAGIC, "version": 1, **fields}
        self.host.call(self.record.from_pvh, self.host.new(StartInfo, **settings))

    @property
    def regions(self) -> list[Range]:
        """The memory map of the record."""
        count = self.host[self.record.region_count]
        found = [self.host[self.record.regions][n] for n in range(count)]
        return [Range(one.address, one.length, one.kind) for one in found]

    @property
    def modules(self) -> list[tuple[int, int, str]]:
        """Address, size and name of each module of the record."""
        count = self.host[self.record.module_count]
        found = [self.host[self.record.modules][n] for n in range(count)]
        return [(one.address, one.size, self.host.read_text(one.name)) for one in found]

    @property
    def damage(self) -> Damage:
        """What was wrong."""
        return Damage(self.host[self.record.damage])

    @property
    def command_line(self) -> str:
        """The record's command line."""
        return self.host.read_text(self.host.address(self.record.command_line))

    @property
    def loader_name(self) -> str:
        """The record's name of the loader."""
        return self.host.read_text(self.host.address(self.record.loader_name))


def tag(kind: int, contents: bytes = b"", size: int | None = None) -> bytes:
    """A Multiboot2 tag; `size` is what it claims."""
    return struct.pack("<II", kind, 8 + len(contents) if size is None else size) + contents


def memory_map(ranges: list[Range], entry_size: int = 24) -> bytes:
    """The tag with a memory map."""
    entries = (struct.pack("<QQII", *one, 0) + bytes(entry_size - 24) for one in ranges)
    return tag(TagType.MEMORY_MAP, struct.pack("<II", entry_size, 0) + b"".join(entries))


def module(start: int, end: int, name: bytes) -> bytes:
    """The tag of a module."""
    return tag(TagType.MODULE, struct.pack("<II", start, end) + name)


SOME_MEMORY = memory_map([Range(0, 0xA0000, 1), Range(0x100000, 0x1000000, 1)])
END = tag(TagType.END)


@pytest.fixture(scope="module")
def loader() -> Loader:
    return Loader()


# Multiboot2


def test_all_that_a_multiboot2_loader_tells_is_kept(loader: Loader) -> None:
    loader.multiboot2(
        tag(TagType.COMMAND_LINE, b"test colour=off\0"),
        tag(TagType.BOOT_LOADER_NAME, b"GRUB 2.06\0"),
        module(0x300000, 0x300123, b"disk.img\0"),
        module(0x400000, 0x400000, b"\0"),
        tag(99, b"unknown"),
        SOME_MEMORY,
        END,
    )
    assert loader.command_line == "test colour=off"
    assert loader.loader_name == "GRUB 2.06"
    assert loader.modules == [(0x300000, 0x123, "disk.img"), (0x400000, 0, "")]
    assert loader.regions == [Range(0, 0xA0000, 1), Range(0x100000, 0x1000000, 1)]
    assert loader.damage == Damage(0)


@given(ranges=RANGES, entry_size=st.sampled_from([24, 32, 40]))
def test_memory_regions_are_ordered_and_made_sound(
    loader: Loader, ranges: list[Range], entry_size: int
) -> None:
    loader.multiboot2(memory_map(ranges, entry_size), END)
    assert loader.regions == expected_regions(ranges)
    cut = any(one.length and one.address + one.length > LIMIT for one in ranges)
    assert bool(loader.damage & Damage.REGION) == cut
    assert bool(loader.damage & Damage.NO_MEMORY) == (not any(one.length for one in ranges))


@given(st.lists(st.sampled_from(MemoryKind), min_size=MAX_REGIONS, max_size=MAX_REGIONS + 20))
def test_of_too_many_regions_available_ones_are_left_out(
    loader: Loader, kinds: list[MemoryKind]
) -> None:
    given = [Range(number << 20, 1 << 20, kind) for number, kind in enumerate(kinds)]
    loader.multiboot2(memory_map(given), END)
    expected: list[Range] = []
    for one in given:
        if len(expected) == MAX_REGIONS:
            spare = [old for old in expected if old.kind == MemoryKind.AVAILABLE]
            if one.kind == MemoryKind.AVAILABLE or not spare:
                continue
            expected.remove(spare[-1])
        expected.append(one)
    assert loader.regions == expected
    assert bool(loader.damage & Damage.MANY_REGIONS) == (len(given) > MAX_REGIONS)


@given(ranges=RANGES, bits=st.integers(32, 52))
def test_no_memory_is_left_that_the_processor_can_not_reach(
    loader: Loader, ranges: list[Range], bits: int
) -> None:
    end = 1 << bits
    loader.multiboot2(memory_map(ranges), END)
    before = loader.regions
    loader.host.call(loader.record.limit_to, end)
    expected = [one if one.kind == MemoryKind.RESERVED else cut_at(one, end) for one in before]
    assert loader.regions == expected
    assert bool(loader.damage & Damage.UNREACHABLE) == (before != expected)


def cut_at(region: Range, end: int) -> Range:
    """What is left of memory that ends with the processor's addresses."""
    if region.address >= end:
        return region._replace(kind=MemoryKind.RESERVED)
    return region._replace(length=min(region.length, end - region.address))


@pytest.mark.parametrize(
    ("tags", "damage"),
    [
        ([tag(TagType.COMMAND_LINE, b"x\0", size=7)], Damage.TAG),
        ([tag(TagType.COMMAND_LINE, b"x\0", size=0)], Damage.TAG),
        ([tag(TagType.COMMAND_LINE, b"x\0", size=1 << 31)], Damage.TAG),
        ([tag(TagType.COMMAND_LINE, b"x\0", size=(1 << 32) - 1)], Damage.TAG),
        ([tag(TagType.COMMAND_LINE, b"y" * TEXT_SIZE), END], Damage.TEXT),
        ([module(2, 1, b"\0"), END], Damage.MODULE),
        ([tag(TagType.MODULE, b"\0"), END], Damage.MODULE),
        ([module(1, 2, b"n" * NAME_SIZE), END], Damage.TEXT),
        ([module(1, 2, b"\0")] * (MAX_MODULES + 1) + [END], Damage.MANY_MODULES),
        ([memory_map([Range(1, 2, 1)] * (MAX_REGIONS + 1)), END], Damage.MANY_REGIONS),
        ([tag(TagType.MEMORY_MAP)], Damage.TAG),
        ([tag(TagType.MEMORY_MAP, struct.pack("<II", 23, 0) + bytes(23)), END], Damage.TAG),
        ([tag(TagType.MEMORY_MAP, struct.pack("<II", 0, 0) + bytes(48)), END], Damage.TAG),
        ([], Damage.TAG),
    ],
    ids=lambda value: value.name if isinstance(value, Damage) else "tags",
)
def test_damaged_tags_are_noted_and_what_came_before_is_kept(
    loader: Loader, tags: list[bytes], damage: Damage
) -> None:
    loader.multiboot2(SOME_MEMORY, *tags)
    assert loader.damage == damage
    assert loader.regions[0] == Range(0, 0xA0000, 1)


def test_a_region_may_reach_the_last_address(loader: Loader) -> None:
    last = Range(LIMIT - 0x1000, 0x1000, MemoryKind.RESERVED)
    loader.multiboot2(memory_map([last]), END)
    assert (loader.regions, loader.damage) == ([last], Damage(0))


@pytest.mark.parametrize("size", [0, 7, (1 << 20) + 1, (1 << 32) - 1])
def test_a_senseless_size_leaves_the_kernels_own_memory(loader: Loader, size: int) -> None:
    loader.multiboot2(SOME_MEMORY, END, size=size)
    assert loader.damage == Damage.SIZE | Damage.NO_MEMORY
    assert loader.regions == [Range(IMAGE_START, IMAGE_END - IMAGE_START, 1)]


@given(body=st.binary(max_size=200), size=st.integers(8, 208))
def test_no_input_makes_reading_leave_what_the_size_says(
    loader: Loader, body: bytes, size: int
) -> None:
    information = struct.pack("<II", min(size, 8 + len(body)), 0) + body
    loader.raw_multiboot2(information)  # it ends where the mapped memory ends
    assert loader.regions


@given(
    kinds=st.lists(st.sampled_from([*TagType]) | st.integers(0, 30), max_size=8),
    contents=st.binary(max_size=64),
    claimed=st.integers(0, 80),
)
def test_no_tag_makes_reading_leave_what_its_size_says(
    loader: Loader, kinds: list[int], contents: bytes, claimed: int
) -> None:
    loader.multiboot2(*(tag(kind, contents, min(claimed, 8 + len(contents))) for kind in kinds))
    assert loader.regions


@given(line=st.binary(max_size=TEXT_SIZE + 10))
def test_texts_are_kept_without_control_characters(loader: Loader, line: bytes) -> None:
    loader.multiboot2(tag(TagType.COMMAND_LINE, line), SOME_MEMORY, END)
    kept = line.split(b"\0")[0]
    shown = bytes(ord("?") if one < 0x20 or one == 0x7F else one for one in kept[: TEXT_SIZE - 1])
    address = loader.host.address(loader.record.command_line)
    assert loader.host.read(address, len(shown) + 1) == shown + b"\0"
    assert bool(loader.damage & Damage.TEXT) == (len(kept) >= TEXT_SIZE)


@pytest.mark.parametrize("kinds", [(14, 15), (15, 14), (15,), (14,)])
def test_the_newer_acpi_root_counts(loader: Loader, kinds: tuple[int, ...]) -> None:
    roots = {14: b"o" * 20, 15: b"n" * RSDP_SIZE}
    loader.multiboot2(*(tag(kind, roots[kind]) for kind in kinds), SOME_MEMORY, END)
    kept = bytes(loader.host[loader.record.rsdp])
    assert kept == roots[max(kinds)].ljust(RSDP_SIZE, b"\0")
    rsdp = int(loader.host.address(loader.record.rsdp))
    assert loader.host[loader.record.acpi_root] == rsdp - Area.IMAGE


@pytest.mark.parametrize("more", [1, 28])
def test_of_a_long_acpi_root_only_the_known_part_is_kept(loader: Loader, more: int) -> None:
    root = bytes(range(1, RSDP_SIZE + more + 1))
    loader.multiboot2(tag(TagType.ACPI_NEW_RSDP, root), SOME_MEMORY, END)
    start = loader.host.address(loader.record.rsdp)
    assert loader.host.read(start, len(root)) == root[:RSDP_SIZE] + bytes(more)


# PVH


def test_all_that_a_pvh_loader_tells_is_kept(loader: Loader) -> None:
    line, name = b"test quiet\0".ljust(0x100, b"\0"), b"disk.img\0".ljust(0x100, b"\0")
    modules = struct.pack("<QQQQ", 0x300000, 0x123, PHYSICAL + 0x100, 0) + struct.pack(
        "<QQQQ", 0x400000, 7, 0, 0
    )
    entries = struct.pack("<QQII", 0x100000, 0x1000000, 1, 0) + struct.pack("<QQII", 0, 9, 2, 0)
    loader.pvh(
        line + name + modules.ljust(0x100, b"\0") + entries,
        command_line=PHYSICAL,
        module_count=2,
        modules=PHYSICAL + 0x200,
        memory_map=PHYSICAL + 0x300,
        memory_map_entries=2,
        rsdp=0xF0000,
    )
    assert loader.command_line == "test quiet"
    assert loader.loader_name == "PVH"
    assert loader.modules == [(0x300000, 0x123, "disk.img"), (0x400000, 7, "")]
    assert loader.regions == [Range(0, 9, 2), Range(0x100000, 0x1000000, 1)]
    assert loader.host[loader.record.acpi_root] == 0xF0000
    assert loader.damage == Damage(0)


@given(ranges=RANGES)
def test_pvh_regions_are_ordered_and_made_sound(loader: Loader, ranges: list[Range]) -> None:
    entries = b"".join(struct.pack("<QQII", *one, 0) for one in ranges)
    loader.pvh(entries, memory_map=PHYSICAL, memory_map_entries=len(ranges))
    assert loader.regions == expected_regions(ranges)


def test_a_pvh_loader_of_version_0_tells_of_no_memory(loader: Loader) -> None:
    loader.pvh(version=0, memory_map=1 << 40, memory_map_entries=9)
    assert loader.damage == Damage.NO_MEMORY


@pytest.mark.parametrize("address", [1 << 32, (1 << 32) - 1, LIMIT - 1, 1 << 63])
@pytest.mark.parametrize("count", [1, 50, (1 << 32) - 1])
def test_pvh_lists_that_cannot_be_read_are_left_out(
    loader: Loader, address: int, count: int
) -> None:
    loader.pvh(memory_map=address, memory_map_entries=count, modules=address, module_count=count)
    assert loader.damage == Damage.POINTER | Damage.NO_MEMORY
    assert loader.modules == []


def test_a_pvh_text_that_cannot_be_read_is_left_out(loader: Loader) -> None:
    loader.pvh(command_line=1 << 40)
    assert loader.damage & Damage.POINTER
    assert loader.command_line == ""


def test_a_pvh_text_without_an_end_is_cut(loader: Loader) -> None:
    loader.pvh(b"x" * 2 * TEXT_SIZE, command_line=PHYSICAL)
    assert loader.damage & Damage.TEXT
    assert loader.command_line == "x" * (TEXT_SIZE - 1)


@given(
    fields=st.fixed_dictionaries(
        {},
        optional={
            name: st.integers(0, (1 << bits) - 1)
            for name, bits in (
                ("version", 32),
                ("module_count", 32),
                ("command_line", 64),
                ("memory_map_entries", 32),
            )
        },
    )
)
def test_no_pvh_count_makes_reading_take_long(loader: Loader, fields: dict[str, int]) -> None:
    command_line = fields.pop("command_line", 0) | 1 << 33  # what is lower is mapped on machines
    loader.pvh(memory_map=PHYSICAL, modules=PHYSICAL + 0x1000, command_line=command_line, **fields)
    assert loader.regions


# Options


@given(
    words=st.lists(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=6)),
    name=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=6),
    blanks=st.integers(1, 3),
)
def test_an_option_is_a_whole_word_of_the_command_line(
    loader: Loader, words: list[str], name: str, blanks: int
) -> None:
    line = (" " * blanks).join(words)
    loader.multiboot2(tag(TagType.COMMAND_LINE, line.encode()), SOME_MEMORY, END)
    for wanted in {name, *filter(None, words)}:
        has = loader.host.call(loader.record.has_option, wanted)
        assert has == (wanted in line[: TEXT_SIZE - 1].split())


def test_options_can_be_asked_before_anything_is_known(loader: Loader) -> None:
    loader.host.reset()
    assert loader.host.call(loader.record.has_option, "test") == 0
