"""The boot information, read from sound and from damaged input of both protocols."""

import struct
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.boot.information import MAX_INFORMATION, BootInformation
from kernel.boot.loaderframebuffer import LoaderFramebuffer
from kernel.boot.memorykind import MemoryKind
from kernel.boot.memorymap import REGIONS_OF_ENTRY, MemoryRegion
from kernel.boot.multiboot2 import FramebufferType, InformationHeader, TagType
from kernel.boot.pvh import START_MAGIC, StartInfo
from kernel.boot.record import NAME_SIZE, RSDP_SIZE, TEXT_SIZE, BootModule, Damage
from kernel.console.screen import Display
from kernel.contents import CONTENTS
from kernel.cpu.pagetable import PAGE
from kernel.paging.addresses import Area
from pykasm import Parts, sizeof
from pykasm.hostrun import Host, HostFault
from tests.host.record_support import Range, modules_of, regions_of, settled

IMAGE_START, IMAGE_END = 0x100000, 0x140000
PHYSICAL = 0x200000
"""Where the loader of the tests puts things."""
ROOM = 1 << 16
LIMIT = 1 << 64
HIGH = 1 << 32
"""From here on the record can't be."""
START_INFO = PHYSICAL + ROOM - sizeof(StartInfo)
SOME = [Range(0, 0xA0000, 1), Range(0x100000, 0x1000000, 1)]

RANGES = st.lists(
    st.builds(
        Range,
        st.integers(0, 1 << 40) | st.integers(0, LIMIT - 1) | st.integers(0, 1 << 24),
        st.integers(0, 1 << 40) | st.integers(0, LIMIT - 1),
        st.integers(0, 7) | st.integers(0, (1 << 32) - 1),
    ),
    max_size=12,
)


def made_sound(given: list[Range]) -> list[Range]:
    """The regions that a loader gives, but for what makes no sense."""
    kinds = {int(kind) for kind in MemoryKind}
    return [
        Range(
            one.address,
            min(one.length, LIMIT - one.address),
            one.kind if one.kind in kinds else MemoryKind.RESERVED,
        )
        for one in given
        if one.length
    ]


def is_usable(given: list[Range]) -> bool:
    """Whether there is available memory among the regions that a loader gives."""
    return any(one.length and one.kind == MemoryKind.AVAILABLE for one in given)


def expected_regions(given: list[Range], used: list[Range]) -> list[Range]:
    """What the record makes of them, if there is room besides what is `used`."""
    sound = made_sound(given)
    if (
        not is_usable(given)
        or room_for([*sound, *used], len(sound) * REGIONS_OF_ENTRY * sizeof(MemoryRegion)) is None
    ):
        return []
    return settled(sound)


def room_for(regions: list[Range], wanted: int) -> int | None:
    """The first place behind the image in available memory that nothing else touches."""
    size = max(rounded(wanted), PAGE)
    available = settled(one for one in regions if one.kind == MemoryKind.AVAILABLE)
    used = [one for one in regions if one.kind != MemoryKind.AVAILABLE and one.length]
    ends = {rounded(one.address + one.length) for one in used}
    for place in sorted({IMAGE_END, *ends, *(rounded(one.address) for one in available)}):
        if (
            IMAGE_END <= place <= HIGH - size
            and any(contains(one, place, size) for one in available)
            and not any(touches(one, place, size) for one in used)
        ):
            return place
    return None


def rounded(value: int) -> int:
    """The next multiple of a page."""
    return -(-value // PAGE) * PAGE


def contains(region: Range, place: int, size: int) -> bool:
    """Whether `size` bytes at `place` lie in the region."""
    return region.address <= place and place + size <= region.address + region.length


def touches(region: Range, place: int, size: int) -> bool:
    """Whether one of them does."""
    return region.address < place + size and place < region.address + region.length


class Loader:
    """A host with the record, and memory where loaders can put what they tell."""

    def __init__(self, room: int = ROOM, limit: int = 50_000_000) -> None:
        parts = Parts(CONTENTS)
        self.record, self.framebuffer = parts[BootInformation], parts[LoaderFramebuffer]
        self.room = room
        self.host = Host(self.record, self.framebuffer, limit=limit, traced=room == ROOM)
        self.host.define("image_load_start", IMAGE_START)
        self.host.define("image_load_end", IMAGE_END)
        self.host.map(Area.DIRECT_MAP + PHYSICAL, room)
        self.host.map(Area.DIRECT_MAP + IMAGE_END, PHYSICAL - IMAGE_END)
        self.host.checkpoint()

    def multiboot2(self, *tags: bytes, size: int | None = None) -> None:
        """Start as by Multiboot2 with these tags; `size` is what the loader claims."""
        body = b"".join(tag + bytes(-len(tag) % 8) for tag in tags)
        claimed = 8 + len(body) if size is None else size
        self.raw_multiboot2(struct.pack("<II", claimed, 0) + body)

    def raw_multiboot2(self, information: bytes) -> None:
        """Start as by Multiboot2 with this information."""
        start = Area.DIRECT_MAP + PHYSICAL + self.room - len(information)

        def put() -> Any:
            self.host.write(start, information)
            return self.host.at(InformationHeader, start)

        self.read(self.record.from_multiboot2, put)

    def pvh(self, memory: bytes = b"", **fields: int) -> None:
        """Start as by PVH with these fields; `memory` lies at PHYSICAL."""
        settings: dict[str, Any] = {"magic": START_MAGIC, "version": 1, **fields}

        def put() -> Any:
            self.host.write(Area.DIRECT_MAP + PHYSICAL, memory)
            return self.host.new(StartInfo, at=Area.DIRECT_MAP + START_INFO, **settings)

        self.read(self.record.from_pvh, put)

    def read(self, function: Any, put: Callable[[], Any]) -> None:
        """Have `function` read what `put` gives, if need be once more with memory where it found
        room for the record."""
        self.host.reset()
        try:
            self.host.call(function, put())
        except HostFault:
            room = range(
                self.placement, self.placement + self.host[self.record.placement.size], PAGE
            )
            missing = [page for page in room if not IMAGE_END <= page < PHYSICAL + self.room]
            if not missing:
                raise
            self.host.reset()
            for page in missing:
                self.host.map(Area.DIRECT_MAP + page, PAGE)
            self.host.call(function, put())

    @property
    def placement(self) -> int:
        """Where the record found room."""
        return int(self.host[self.record.placement.start])

    @property
    def regions(self) -> list[Range]:
        """The memory map of the record."""
        return regions_of(self.host, self.record)

    @property
    def modules(self) -> list[tuple[int, int, str]]:
        """Address, size and name of each module of the record."""
        return modules_of(self.host, self.record)

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


SOME_MEMORY = memory_map(SOME)
BASIC = [Range(0, 639 << 10, 1), Range(1 << 20, 16 << 20, 1)]
BASIC_MEMORY = tag(TagType.BASIC_MEMORY, struct.pack("<II", 639, 0x4000))
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
    assert loader.regions == SOME
    assert loader.damage == Damage(0)


@given(ranges=RANGES, entry_size=st.sampled_from([24, 32, 40]))
def test_memory_regions_are_ordered_and_made_sound(
    loader: Loader, ranges: list[Range], entry_size: int
) -> None:
    tags = [memory_map(ranges, entry_size), END]
    size = 8 + sum(len(one) for one in tags)
    loader.multiboot2(*tags)
    used = Range(PHYSICAL + ROOM - size, size, MemoryKind.RESERVED)
    assert loader.regions == expected_regions(ranges, [used])
    usable = is_usable(ranges)
    cut = any(one.length and one.address + one.length > LIMIT for one in ranges)
    assert bool(loader.damage & Damage.REGION) == (usable and cut)
    without_room = loader.host[loader.record.placement.size] == 0
    assert bool(loader.damage & Damage.NO_MEMORY) == (without_room or not usable)
    assert bool(loader.damage & Damage.NO_SPACE) == (without_room and usable)


@given(ranges=RANGES, bits=st.integers(32, 52))
def test_no_memory_is_left_that_the_processor_can_not_reach(
    loader: Loader, ranges: list[Range], bits: int
) -> None:
    end = 1 << bits
    loader.multiboot2(memory_map(ranges), END)
    before = loader.regions
    loader.host.call(loader.record.limit_memory, end)
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
        ([tag(TagType.MEMORY_MAP)], Damage.TAG),
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


def framebuffer(
    kind: int = FramebufferType.DIRECT, address: int = 0xFD00_0000, pitch: int = 2560
) -> bytes:
    """The tag of a framebuffer of 640 by 480 pixels of 32 bits."""
    pixels = struct.pack("<QIIIBBH", address, pitch, 640, 480, 32, kind, 0)
    return tag(TagType.FRAMEBUFFER, pixels + bytes([16, 8, 8, 8, 0, 8]))


def test_a_framebuffer_is_noted(loader: Loader) -> None:
    loader.multiboot2(framebuffer(), SOME_MEMORY, END)
    mode = loader.record.framebuffer.mode
    values = [mode.address, mode.pitch, mode.width, mode.height, mode.bits_per_pixel]
    assert [loader.host[one] for one in values] == [0xFD00_0000, 2560, 640, 480, 32]
    fields = [(one.position, one.size) for one in (mode.fields[n] for n in range(3))]
    assert [(loader.host[a], loader.host[b]) for a, b in fields] == [(16, 8), (8, 8), (0, 8)]


@pytest.mark.parametrize(
    "refused",
    [
        framebuffer(FramebufferType.EGA_TEXT),
        framebuffer(FramebufferType.INDEXED),
        tag(TagType.FRAMEBUFFER, framebuffer()[8:-1]),
        tag(TagType.FRAMEBUFFER, bytes(29)),
    ],
    ids=["text", "indexed", "cut", "short"],
)
def test_a_framebuffer_without_colours_is_not_noted(loader: Loader, refused: bytes) -> None:
    loader.multiboot2(SOME_MEMORY, refused, END)
    assert loader.host[loader.record.framebuffer.mode.address] == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"address": 0x200000},
        {"address": 0x10FFFFF},
        {"address": 0x9FFFF},
        {"pitch": 2559},
    ],
    ids=["in memory", "at its end", "over its end", "pitch"],
)
def test_a_framebuffer_where_none_can_be_is_refused(loader: Loader, wrong: dict[str, int]) -> None:
    loader.multiboot2(framebuffer(**wrong), SOME_MEMORY, END)
    loader.host.call(loader.framebuffer.start)
    assert loader.host[loader.record.framebuffer.mode.address] == 0
    assert loader.host[loader.framebuffer.screen.display] == Display.NONE


@pytest.mark.parametrize("kind", [TagType.MEMORY_MAP, TagType.EFI_MEMORY_MAP])
@pytest.mark.parametrize("size", [0, 16, 23, 25, 39, 44, (1 << 32) - 1])
def test_entries_of_impossible_sizes_are_none(loader: Loader, kind: int, size: int) -> None:
    map = tag(kind, struct.pack("<II", size, 0) + struct.pack("<QQQ", 0, 1 << 30, 1) * 4)
    loader.multiboot2(map, BASIC_MEMORY, END)
    assert loader.damage == Damage.TAG
    assert loader.regions == BASIC


def test_entries_of_unknown_fields_are_read(loader: Loader) -> None:
    loader.multiboot2(memory_map(SOME, 64), END)
    assert loader.regions == SOME


def test_overlapping_and_repeated_entries_are_merged(loader: Loader) -> None:
    whole = Range(0x100000, 0x1000000, 1)
    ranges = [
        whole,
        whole,
        Range(0x180000, 0x1000, 2),
        Range(0x1100000, 0x1000, 1),
        Range(0x10F0000, 0x100, 3),
        Range(0x10F0080, 0x100, 2),
    ]
    loader.multiboot2(memory_map(ranges), END)
    assert loader.regions == [
        Range(0x100000, 0x80000, 1),
        Range(0x180000, 0x1000, 2),
        Range(0x181000, 0xF6F000, 1),
        Range(0x10F0000, 0x100, 3),
        Range(0x10F0100, 0x80, 2),
        Range(0x10F0180, 0x10E80, 1),
    ]


EFI = {1: 1, 2: 1, 3: 1, 4: 1, 7: 1, 0: 2, 5: 2, 6: 2, 11: 2, 12: 2, 14: 2, 9: 3, 10: 4, 8: 5}
"""What the types of UEFI's memory are."""


@pytest.mark.parametrize("size", [40, 48])
def test_the_map_of_uefi_is_used_where_there_is_no_other(loader: Loader, size: int) -> None:
    types = sorted(EFI, key=lambda one: -one)
    descriptors = b"".join(
        struct.pack("<IIQQQQ", one, 0, 0x100000 * (20 - n), 1 << 60, 0x80, 15).ljust(size, b"\xff")
        for n, one in enumerate(types)
    )
    map = tag(TagType.EFI_MEMORY_MAP, struct.pack("<II", size, 1) + descriptors)
    ranges = [Range(0x100000 * (20 - n), 0x80000, EFI[one]) for n, one in enumerate(types)]
    loader.multiboot2(BASIC_MEMORY, map, END)
    assert (loader.regions, loader.damage) == (settled(ranges), Damage(0))
    loader.multiboot2(map, memory_map([Range(0x100000, 0x80000, 2)]), BASIC_MEMORY, END)
    assert loader.regions == settled(ranges), "a map without available memory is worth nothing"
    loader.multiboot2(BASIC_MEMORY, map, SOME_MEMORY, END)
    assert loader.regions == SOME


def test_basic_memory_is_used_where_there_is_no_map(loader: Loader) -> None:
    loader.multiboot2(BASIC_MEMORY, END)
    assert (loader.regions, loader.damage) == (BASIC, Damage(0))
    loader.multiboot2(tag(TagType.BASIC_MEMORY, struct.pack("<II", 0, 0x4000)), END)
    assert loader.regions == BASIC[1:]


def test_a_region_may_reach_the_last_address(loader: Loader) -> None:
    last = Range(LIMIT - 0x1000, 0x1000, MemoryKind.RESERVED)
    loader.multiboot2(memory_map([last, *SOME]), END)
    assert (loader.regions, loader.damage) == ([*SOME, last], Damage(0))


@pytest.mark.parametrize("size", [0, 7, (1 << 20) + 1, (1 << 32) - 1])
def test_with_a_senseless_size_there_is_no_memory(loader: Loader, size: int) -> None:
    loader.multiboot2(SOME_MEMORY, END, size=size)
    assert loader.damage == Damage.SIZE | Damage.NO_MEMORY


@given(body=st.binary(max_size=200), size=st.integers(8, 208))
def test_no_input_makes_reading_leave_what_the_size_says(
    loader: Loader, body: bytes, size: int
) -> None:
    information = struct.pack("<II", min(size, 8 + len(body)), 0) + body
    loader.raw_multiboot2(information)  # it ends where the mapped memory ends
    assert loader.regions or loader.damage & Damage.NO_MEMORY


@given(
    kinds=st.lists(st.sampled_from([*TagType]) | st.integers(0, 30), max_size=8),
    contents=st.binary(max_size=64),
    claimed=st.integers(0, 80),
)
def test_no_tag_makes_reading_leave_what_its_size_says(
    loader: Loader, kinds: list[int], contents: bytes, claimed: int
) -> None:
    loader.multiboot2(*(tag(kind, contents, min(claimed, 8 + len(contents))) for kind in kinds))
    assert loader.regions or loader.damage & Damage.NO_MEMORY


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
    used = [
        Range(PHYSICAL, len(entries), MemoryKind.RESERVED),
        Range(START_INFO, sizeof(StartInfo), MemoryKind.RESERVED),
    ]
    assert loader.regions == expected_regions(ranges, used)


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


@pytest.mark.parametrize("size", [MAX_INFORMATION + 1, 1 << 36, 24 * ((1 << 32) - 1)])
def test_a_pvh_list_of_senseless_length_is_left_out(loader: Loader, size: int) -> None:
    loader.pvh(memory_map=PHYSICAL, memory_map_entries=-(-size // 24))
    assert loader.damage == Damage.POINTER | Damage.NO_MEMORY


@given(
    version=st.integers(0, (1 << 32) - 1),
    module_count=st.integers(0, 100) | st.integers(MAX_INFORMATION, (1 << 32) - 1),
    entries=st.integers(0, 100) | st.integers(MAX_INFORMATION, (1 << 32) - 1),
    command_line=st.integers(HIGH, LIMIT - 1),
)
def test_no_pvh_count_makes_reading_take_long(
    loader: Loader, version: int, module_count: int, entries: int, command_line: int
) -> None:
    loader.pvh(
        version=version,
        module_count=module_count,
        modules=PHYSICAL + 0x1000,
        command_line=command_line,
        memory_map=PHYSICAL,
        memory_map_entries=entries,
    )
    assert loader.regions or loader.damage & Damage.NO_MEMORY


# Many


class Described:
    """Many regions and modules in the first 64 MiB, some of them on top of each other."""

    def __init__(self, seed: int, regions: int, modules: int) -> None:
        random = Random(seed)
        self.regions = [*SOME, *(self._region(random) for _ in range(regions))]
        random.shuffle(self.regions)
        starts = [random.randrange(1 << 26) for _ in range(modules)]
        self.modules = [
            (start, random.randrange(1 << 14), f"module {number}")
            for number, start in enumerate(starts)
        ]

    def _region(self, random: Random) -> Range:
        return Range(random.randrange(1 << 26), random.randrange(1, 1 << 16), random.randint(1, 5))

    def check(self, loader: Loader, used: list[Range]) -> None:
        """See that all is kept where nothing else is."""
        assert loader.damage == Damage(0)
        assert loader.regions == settled(made_sound(self.regions))
        assert loader.modules == self.modules
        room = len(self.regions) * REGIONS_OF_ENTRY * sizeof(MemoryRegion)
        size = room + len(self.modules) * sizeof(BootModule)
        used = [*used, *(Range(start, size, 2) for start, size, _ in self.modules)]
        assert loader.placement == room_for([*self.regions, *used], size)
        assert size <= loader.host[loader.record.placement.size] < size + PAGE


MANY = st.builds(Described, st.integers(0, (1 << 32) - 1), st.integers(0, 400), st.integers(0, 300))


@given(MANY)
def test_hundreds_of_regions_and_modules_of_multiboot2_are_kept(
    loader: Loader, told: Described
) -> None:
    modules = [
        module(start, start + size, name.encode() + b"\0") for start, size, name in told.modules
    ]
    tags = [*modules, memory_map(told.regions), END]
    length = 8 + sum(len(one) + -len(one) % 8 for one in tags)
    loader.multiboot2(*tags)
    told.check(loader, [Range(PHYSICAL + ROOM - length, length, 2)])


@given(MANY)
def test_hundreds_of_regions_and_modules_of_pvh_are_kept(loader: Loader, told: Described) -> None:
    names = b"".join(name.encode().ljust(NAME_SIZE, b"\0") for _, _, name in told.modules)
    modules = b"".join(
        struct.pack("<QQQQ", start, size, PHYSICAL + number * NAME_SIZE, 0)
        for number, (start, size, _) in enumerate(told.modules)
    )
    regions = b"".join(struct.pack("<QQII", *one, 0) for one in told.regions)
    memory = names + modules + regions
    loader.pvh(
        memory,
        modules=PHYSICAL + len(names),
        module_count=len(told.modules),
        memory_map=PHYSICAL + len(names + modules),
        memory_map_entries=len(told.regions),
    )
    told.check(loader, [Range(PHYSICAL, len(memory), 2), Range(START_INFO, sizeof(StartInfo), 2)])


ENTRIES = 20_000


class Entries:
    """A memory map of very many entries below 4 GiB, behind the image."""

    ALTERNATING = "pages in turn available and reserved"
    ADJACENT = "available pages behind each other"
    ISLANDS = "reserved pages in available memory"

    def __init__(self, form: str) -> None:
        first, last = 0x400000, 1 << 31
        pages = [first + number * 16 * PAGE for number in range(ENTRIES)]
        rest = Range(pages[-1] + PAGE, last - pages[-1] - PAGE, MemoryKind.AVAILABLE)
        if form == self.ADJACENT:
            adjacent = range(first, first + ENTRIES * PAGE, PAGE)
            self.ranges = [Range(page, PAGE, MemoryKind.AVAILABLE) for page in adjacent]
        elif form == self.ISLANDS:
            whole = Range(first, last - first, MemoryKind.AVAILABLE)
            self.ranges = [whole, *(Range(page, PAGE, MemoryKind.RESERVED) for page in pages)]
        else:
            self.ranges = [Range(page, PAGE, 1 + n % 2) for n, page in enumerate(pages)] + [rest]


@pytest.mark.parametrize(
    ("form", "order"),
    [(Entries.ALTERNATING, 1), (Entries.ISLANDS, -1), (Entries.ADJACENT, 0), (Entries.ISLANDS, 0)],
)
def test_a_map_of_20000_entries_is_read_in_little_time(form: str, order: int) -> None:
    """`order` is 1 for ascending, -1 for descending addresses, 0 for neither."""
    ranges = Entries(form).ranges[:: order or 1]
    if order == 0:
        Random(1).shuffle(ranges)
    loader = Loader(room=1 << 20, limit=2000 * ENTRIES)
    loader.multiboot2(memory_map(ranges), END)
    assert loader.damage == Damage(0)
    assert loader.regions == settled(ranges)


# RecordPlacement

FAR = Range(0x900000, 0x100000, MemoryKind.AVAILABLE)


def page_of(address: int) -> Range:
    """The page that `address` is in, as available memory."""
    return Range(address & -PAGE, PAGE, MemoryKind.AVAILABLE)


def test_what_multiboot2_told_is_not_overwritten(loader: Loader) -> None:
    loader.multiboot2(memory_map([page_of(PHYSICAL + ROOM - 1), FAR]), END)
    assert loader.placement == FAR.address


@pytest.mark.parametrize("place", [0, PAGE, 2 * PAGE, ROOM - 1])
def test_nothing_that_a_pvh_loader_told_is_overwritten(loader: Loader, place: int) -> None:
    regions = [page_of(PHYSICAL + place), FAR]
    parts = (
        b"name",
        struct.pack("<QQQQ", 0x300000, 7, PHYSICAL, 0),
        b"".join(struct.pack("<QQII", *one, 0) for one in regions),
    )
    loader.pvh(
        b"".join(part.ljust(PAGE, b"\0") for part in parts),
        modules=PHYSICAL + PAGE,
        module_count=1,
        memory_map=PHYSICAL + 2 * PAGE,
        memory_map_entries=2,
    )
    assert loader.placement == FAR.address
    assert loader.modules == [(0x300000, 7, "name")]
    assert loader.regions == regions


@pytest.mark.parametrize("kind", [*MemoryKind][1:])
def test_the_room_is_where_nothing_but_available_memory_is(loader: Loader, kind: int) -> None:
    ranges = [Range(FAR.address + PAGE, 1, kind), FAR, Range(FAR.address, 1, kind)]
    tags = [module(FAR.address + 2 * PAGE, FAR.address + 3 * PAGE + 1, b"\0"), memory_map(ranges)]
    loader.multiboot2(*tags, END)
    assert loader.placement == FAR.address + 4 * PAGE


def test_memory_from_4_gib_on_is_no_room(loader: Loader) -> None:
    high = [Range(HIGH - 1, PAGE, 1), Range(HIGH, 1 << 30, 1)]
    loader.multiboot2(memory_map(high), END)
    assert loader.damage == Damage.NO_SPACE | Damage.NO_MEMORY


def test_the_search_ends_when_all_below_4_gib_is_in_use(loader: Loader) -> None:
    used = [Range(2 << 20, 1 << 36, 2), Range(0, 1 << 30, 2), FAR]
    loader.multiboot2(memory_map(used), END)
    assert loader.damage == Damage.NO_SPACE | Damage.NO_MEMORY


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
