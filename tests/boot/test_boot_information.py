"""What the kernel prints of its start, against what QEMU and GRUB gave it."""

import re
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from kernel.boot.pvh import MemmapTableEntry, StartInfo
from kernel.boot.report import MAX_SHOWN
from pykasm import offsetof, sizeof
from pykasm.build.iso import make_iso
from pykasm.machine.gdb import Gdb
from pykasm.machine.images import Images
from pykasm.machine.qemu import MachineOptions
from pykasm.machine.session import Machine
from pykasm.machine.symbols import SymbolTable

MakeMachine = Callable[..., Machine]

MIB = 1 << 20
UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
REGION = re.compile(r"^  ([0-9a-f]{16})-([0-9a-f]{16}) +([\d.]+) (\w+)  (.+)$", re.MULTILINE)
KINDS = {"available", "reserved", "ACPI tables", "ACPI storage", "defective"}
WAYS = pytest.mark.parametrize(
    "way", [{}, {"direct": False}, {"uefi": True}], ids=["direct", "bios", "uefi"]
)


def regions(text: str) -> list[tuple[int, int, str]]:
    """First byte, length and kind of each region of the memory map in `text`."""
    found = []
    for first, last, size, unit, kind in REGION.findall(text):
        length = int(last, 16) + 1 - int(first, 16)
        tenth = UNITS[unit] / 10
        assert 0 <= length - float(size) * UNITS[unit] <= tenth, "the size is cut at a tenth"
        found.append((int(first, 16), length, kind))
    return found


@WAYS
def test_the_memory_map_is_printed_in_order_with_sizes_and_kinds(
    machine: MakeMachine, way: dict[str, bool]
) -> None:
    said = machine(memory=192, **way).expect_prompt()
    found = regions(said)
    assert found == sorted(found)
    assert {kind for _, _, kind in found} <= KINDS
    assert any(
        first <= 1 * MIB < first + size for first, size, kind in found if kind == "available"
    )
    available = sum(size for _, size, kind in found if kind == "available")
    assert 170 * MIB < available < 192 * MIB
    assert f"{available / MIB:.1f}"[:3] in said.split("MiB available")[0].splitlines()[-1]


def test_the_monitor_prints_the_same_map(machine: MakeMachine) -> None:
    made = machine()
    said = regions(made.expect_prompt())
    assert said
    assert regions(made.command("mem")) == said


@WAYS
def test_the_command_line_is_printed(machine: MakeMachine, way: dict[str, bool]) -> None:
    said = machine(command_line="test one=1 two", **way).expect_prompt()
    assert re.search(r"^command line: test one=1 two$", said, re.MULTILINE)


@WAYS
def test_the_acpi_root_is_found(machine: MakeMachine, way: dict[str, bool]) -> None:
    said = machine(**way).expect_prompt()
    assert re.search(r"^ACPI root at 0x[0-9a-f]+$", said, re.MULTILINE)


def test_a_long_command_line_is_cut_with_a_warning(machine: MakeMachine) -> None:
    said = machine(command_line="test " + "x" * 2000).expect_prompt()
    assert said.startswith("boot information: a text is too long, and is cut\n")
    assert "x" * 1000 in said


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Two files to be loaded as modules."""
    sizes = {"disk.img": 1536 << 10, "notes": 5}
    for name, size in sizes.items():
        (tmp_path / name).write_bytes(bytes(size))
    return [tmp_path / name for name in sizes]


def test_modules_of_grub_are_printed(
    kernel_images: Images, files: list[Path], tmp_path: Path
) -> None:
    project = kernel_images.project
    iso = tmp_path / "modules.iso"
    make_iso(project.kernel, iso, project.menu, cache=project.cache, modules=files)
    with Machine(MachineOptions(iso=iso)) as made:
        said = made.expect_prompt()
    modules = said.partition("modules\n")[2]
    assert re.match(r"  [0-9a-f]{13}000 +1\.5 MiB  \S*disk\.img\n", modules)
    assert re.search(r"^  [0-9a-f]{13}000 +5 B  \S*notes$", modules, re.MULTILINE)


def test_any_number_of_modules_is_kept(kernel_images: Images, tmp_path: Path) -> None:
    count = 60
    files = [tmp_path / f"module{number}" for number in range(count)]
    for number, file in enumerate(files):
        file.write_bytes(bytes(number + 1))
    project = kernel_images.project
    iso = tmp_path / "many.iso"
    make_iso(project.kernel, iso, project.menu, cache=project.cache, modules=files)
    with Machine(MachineOptions(iso=iso)) as made:
        said = made.expect_prompt()
        assert "0 failed" in made.command("test pages", timeout=60)
    assert "boot information" not in said
    found = re.findall(r"^  [0-9a-f]{13}000 +(\d+) B  \S*module(\d+)$", said, re.MULTILINE)
    assert found == [(str(number + 1), str(number)) for number in range(count)]


def test_a_module_of_a_pvh_loader_is_printed(kernel_images: Images, files: list[Path]) -> None:
    kernel = kernel_images.project.kernel
    with Machine(MachineOptions(kernel=kernel, modules=tuple(files[:1]))) as made:
        said = made.expect_prompt()
    assert re.search(r"^modules\n  [0-9a-f]{16} +1\.5 MiB  ", said, re.MULTILINE)


MAP_PLACE = 480 * MIB
"""Where a map of the tests is put, at the end of the memory that it tells of."""


@pytest.fixture
def start_with_map(
    machine: MakeMachine, kernel_images: Images, kernel_symbols: SymbolTable, tmp_path: Path
) -> Callable[[list[tuple[int, int, int]]], Machine]:
    """Starts a machine whose loader tells of this memory: address, length and kind of each part.
    Its clock counts instructions."""
    kernel = kernel_images.project.kernel
    entry = kernel_symbols.address("Start.pvh")

    def start(parts: list[tuple[int, int, int]]) -> Machine:
        entries = b"".join(struct.pack("<QQII", *part, 0) for part in parts)
        assert len(entries) == len(parts) * sizeof(MemmapTableEntry)
        file = tmp_path / "map"
        file.write_bytes(entries or b"none")
        loaded = ("-device", f"loader,file={file},addr={MAP_PLACE:#x},force-raw=on")
        made = machine(memory=512, gdb_wait=True, count_instructions=True, arguments=loaded)
        with Gdb(kernel, made.gdb_address, Path.cwd()) as gdb:
            gdb.console(f"hbreak *{entry:#x}")
            gdb.resume()
            for name, kind, value in (
                ("memory_map", "long", MAP_PLACE),
                ("memory_map_entries", "int", len(parts)),
            ):
                place = f"{{unsigned {kind}}}($rbx + {offsetof(StartInfo, name)})"
                gdb.console(f"set {place} = {value:#x}")
            gdb.console("delete")
            gdb.console("detach")
        return made

    return start


def test_a_map_of_20000_entries_takes_less_than_two_seconds(
    start_with_map: Callable[[list[tuple[int, int, int]]], Machine],
) -> None:
    pages = [(64 * MIB + number * 0x4000, 0x2000, 1 + number % 2) for number in range(20_000)]
    made = start_with_map([*reversed(pages), (0x100000, 63 * MIB, 1), (0, 0x9F000, 1)])
    said = made.expect_prompt()
    assert len(regions(said)) == MAX_SHOWN
    assert f"and {20_001 - MAX_SHOWN} more\n" in said  # the first page joins what is below
    assert re.match(r"up +0 days 00:00:0[01]\.", made.command("time"))


@pytest.mark.parametrize("parts", [[], [(0x100000, 63 * MIB, 2)]], ids=["empty", "reserved"])
def test_without_usable_memory_the_first_line_says_so(
    start_with_map: Callable[[list[tuple[int, int, int]]], Machine],
    parts: list[tuple[int, int, int]],
) -> None:
    made = start_with_map(parts)
    made.expect("end of report\r\n")
    assert made.output.lstrip().startswith(
        "panic: boot information: there is no usable memory map, so nothing tells what memory"
    )
