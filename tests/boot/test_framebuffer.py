"""The screen on framebuffers, read back by the glyphs."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kernel.boot.memorykind import MemoryKind
from kernel.boot.multiboot2 import (
    TAG_ALIGNMENT,
    FramebufferTag,
    InformationHeader,
    MemoryMapTag,
    TagType,
)
from kernel.boot.multiboot2 import Multiboot2MemoryMapEntry as Entry
from kernel.boot.record import MESSAGES, Damage
from kernel.debug.panic import END
from pykasm import U32, offsetof, sizeof
from pykasm.build.iso import make_iso
from pykasm.machine.gdb import Gdb
from pykasm.machine.images import Images
from pykasm.machine.pytest_plugin import MakeMachine
from pykasm.machine.qemu import MachineOptions
from pykasm.machine.session import PROMPT, Machine
from pykasm.machine.symbols import SymbolTable
from tests.boot.test_memory import large
from tests.boot.waiting import eventually
from tests.letters import LARGE, SMALL, Picture, Screen

MENU = """set timeout=0
menuentry kernel {{
    multiboot2 /boot/kernel.elf {command_line}
    set gfxpayload={mode}
}}
"""

MODE = "800x600x32"


def seen(machine: Machine, size: tuple[int, int]) -> Screen:
    """The text that the machine's display shows."""
    return Screen(Picture.of(machine.pixels()), size)


def said(machine: Machine, columns: int, rows: int) -> list[str]:
    """The last rows of what the serial line said, as a screen shows it."""
    lines = [
        line[start : start + columns].rstrip()
        for line in machine.output.split("\n")
        for start in range(0, max(len(line), 1), columns)  # a full row goes on when more comes
    ]
    return (lines + [""] * rows)[:rows] if len(lines) < rows else lines[-rows:]


def shows_what_it_says(machine: Machine, size: tuple[int, int]) -> Screen:
    """Have the machine say more than fits its display, and compare that with the serial line."""
    machine.expect_prompt()
    machine.command("help")
    machine.command("regs")
    screen = seen(machine, size)
    columns, rows = len(screen.colours[0]), len(screen.rows)
    assert screen.rows == said(machine, columns, rows)
    assert screen.cursor is not None
    assert screen.rows[screen.cursor[0]] == PROMPT.rstrip()
    assert screen.cursor[1] == len(PROMPT)
    return screen


def test_under_uefi_the_screen_shows_what_the_serial_line_says(machine: MakeMachine) -> None:
    shows_what_it_says(machine(uefi=True), LARGE)


def test_a_panic_is_seen_under_uefi(machine: MakeMachine) -> None:
    failing = machine(uefi=True, command_line="")
    failing.expect_prompt()
    failing.send_line("crash gp")
    failing.expect(f"{END}\r\n")
    screen = seen(failing, LARGE)
    assert screen.rows == said(failing, len(screen.colours[0]), len(screen.rows))
    assert any("backtrace" in row for row in screen.rows)


def iso_in_mode(kernel_images: Images, folder: Path, mode: str, command_line: str = "test") -> Path:
    """An ISO in `folder` whose loader starts the kernel in a `mode` of the display."""
    iso, menu = folder / "kernel.iso", folder / "menu"
    menu.write_text(MENU.format(mode=mode, command_line=command_line))
    make_iso(kernel_images.project.kernel, iso, menu, cache=folder)
    return iso


@pytest.mark.parametrize(
    ("mode", "size"), [("640x480", SMALL), ("800x600", SMALL), ("1920x1080", LARGE)]
)
def test_any_mode_of_the_loader_under_uefi_is_used(
    kernel_images: Images, tmp_path: Path, mode: str, size: tuple[int, int]
) -> None:
    iso = iso_in_mode(kernel_images, tmp_path, mode)
    with Machine(MachineOptions(iso=iso, uefi=True)) as made:
        screen = shows_what_it_says(made, size)
    width, height = map(int, mode.split("x"))
    assert (len(screen.colours[0]), len(screen.rows)) == (width // size[0], height // size[1])


@pytest.mark.parametrize(
    ("mode", "size"),
    [
        ("640x480x15", SMALL),
        ("800x600x16", SMALL),
        ("1024x768x24", SMALL),
        ("1280x1024x32", LARGE),
    ],
)
def test_any_mode_of_the_loader_under_a_bios_is_used(
    kernel_images: Images,
    tmp_path: Path,
    mode: str,
    size: tuple[int, int],
) -> None:
    iso = iso_in_mode(kernel_images, tmp_path, mode)
    with Machine(MachineOptions(iso=iso)) as made:
        screen = shows_what_it_says(made, size)
    width, height, _ = map(int, mode.split("x"))
    assert (len(screen.colours[0]), len(screen.rows)) == (width // size[0], height // size[1])


LACK = "pykasm: can't start: the processor has no SSE2 (the clock needs it)"


def registers(machine: Machine) -> str:
    """QEMU's words on the registers and the state of the processor."""
    return str(machine.qmp("human-monitor-command", **{"command-line": "info registers"}))


def shows_what_it_lacks(machine: Machine, columns: int) -> None:
    """Have the machine, whose processor lacks SSE2, say so on its display of so many columns, and
    nothing else."""
    machine.expect(re.escape(f"{LACK}\r\n"))
    rows = [LACK[start : start + columns].rstrip() for start in range(0, len(LACK), columns)]
    eventually(machine, lambda: "HLT=1" in registers(machine))
    assert [row for row in seen(machine, SMALL).rows if row] == rows


def test_what_a_processor_lacks_is_seen_under_uefi(machine: MakeMachine) -> None:
    shows_what_it_lacks(machine(uefi=True, cpu="qemu64,-sse2"), 1280 // 8)


@pytest.mark.parametrize(
    "mode", ["640x480x15", "800x600x16", "1024x768x24", "1280x1024x32", "320x200x32"]
)
def test_what_a_processor_lacks_is_seen_in_any_mode_of_the_loader(
    kernel_images: Images, tmp_path: Path, mode: str
) -> None:
    iso = iso_in_mode(kernel_images, tmp_path, mode)
    with Machine(MachineOptions(iso=iso, cpu="qemu64,-sse2")) as made:
        shows_what_it_lacks(made, int(mode.partition("x")[0]) // 8)


Tags = dict[int, int]
"""Where the loader's tags are, by their types."""


@pytest.fixture
def start_with_tags(
    kernel_images: Images, kernel_symbols: SymbolTable, tmp_path: Path
) -> Iterator[Callable[..., Machine]]:
    """Starts a machine whose loader's information was changed: `edit` gets its bytes, and where in
    them the tags are."""
    made: list[Machine] = []
    iso = iso_in_mode(kernel_images, tmp_path, MODE, command_line="")

    def start(edit: Callable[[bytearray, Tags], None], **options: Any) -> Machine:
        machine = Machine(MachineOptions(iso=iso, gdb_wait=True, **options))
        made.append(machine)
        with Gdb(kernel_images.project.kernel, machine.gdb_address, Path.cwd()) as gdb:
            gdb.console(f"hbreak *{kernel_symbols.address('Start.multiboot2'):#x}")
            gdb.resume()
            place = int(gdb.evaluate("(unsigned int) $rbx"))
            size = int.from_bytes(machine.memory(place, sizeof(U32)), "little")
            information = bytearray(machine.memory(place, size))
            edit(information, tags_of(information))
            (tmp_path / "information").write_bytes(information)
            gdb.console(f"restore {tmp_path / 'information'} binary {place:#x}")
            gdb.console("delete")
            gdb.console("detach")
        return machine

    yield start
    for machine in made:
        machine.close()


def tags_of(information: bytearray) -> Tags:
    """Where the tags are (Multiboot2, 3.6)."""
    found, place = {}, offsetof(InformationHeader, "tags")
    while place < len(information):
        kind, size = struct.unpack_from("<II", information, place)
        found[kind] = place
        place += -(-size // TAG_ALIGNMENT) * TAG_ALIGNMENT
    return found


def without_memory(information: bytearray, tags: Tags) -> None:
    """Have no tag tell of memory."""
    for kind in (TagType.BASIC_MEMORY, TagType.MEMORY_MAP, TagType.EFI_MEMORY_MAP):
        if kind in tags:
            struct.pack_into("<I", information, tags[kind], 0xFFFF)


def without_room(information: bytearray, tags: Tags) -> None:
    """Leave only what is below 1 MiB of available memory."""
    place = tags[TagType.MEMORY_MAP]
    size = struct.unpack_from("<I", information, place + sizeof(U32))[0]
    for entry in range(place + sizeof(MemoryMapTag), place + size, sizeof(Entry)):
        if struct.unpack_from("<Q", information, entry)[0]:
            at = entry + offsetof(Entry, "type")
            struct.pack_into("<I", information, at, MemoryKind.RESERVED)


EARLY = pytest.mark.parametrize(
    ("edit", "message"),
    [
        (without_memory, MESSAGES[Damage.NO_MEMORY]),
        (without_room, MESSAGES[Damage.NO_SPACE]),
    ],
    ids=["no memory", "no room"],
)


@EARLY
def test_a_panic_before_the_memory_map_is_seen(
    start_with_tags: Callable[..., Machine],
    edit: Callable[[bytearray, Tags], None],
    message: str,
) -> None:
    made = start_with_tags(edit)
    made.expect(f"{END}\r\n")
    screen = seen(made, SMALL)
    assert screen.rows == said(made, len(screen.colours[0]), len(screen.rows))
    assert f"panic: boot information: {message}" in screen.rows


def far_picture(made: Machine, place: int) -> Picture:
    """What is in memory at `place`, as a display with the pixels of MODE would show it."""
    width, height, bits = map(int, MODE.split("x"))
    pixels = made.memory(place, width * height * bits // 8)
    blue, green, red = (pixels[number :: bits // 8] for number in range(3))
    colours = bytes(part for one in zip(red, green, blue, strict=True) for part in one)
    return Picture(width, height, colours)


@EARLY
@pytest.mark.parametrize(
    ("gibibytes", "place"),
    [(6, 0x1_4000_0000), (6, 0x1_7FF0_0000), (768, 0xA0_0000_0000)],
    ids=["5 GiB", "6 GiB", "640 GiB"],
)
def test_a_panic_before_the_memory_map_is_seen_on_a_display_beyond_4_gib(
    start_with_tags: Callable[..., Machine],
    edit: Callable[[bytearray, Tags], None],
    message: str,
    gibibytes: int,
    place: int,
) -> None:
    """What is taken for the display is memory, as nothing tells that there is any."""

    def move(information: bytearray, tags: Tags) -> None:
        edit(information, tags)
        at = tags[TagType.FRAMEBUFFER] + offsetof(FramebufferTag, "address")
        struct.pack_into("<Q", information, at, place)

    made = start_with_tags(move, **large(gibibytes, "max"))
    made.expect(f"{END}\r\n")
    screen = Screen(far_picture(made, place), SMALL)
    assert screen.rows == said(made, len(screen.colours[0]), len(screen.rows))
    assert f"panic: boot information: {message}" in screen.rows


@pytest.mark.parametrize(
    "device", ["bochs-display", "secondary-vga", "VGA,romfile=", "ramfb"], ids=lambda one: one[:5]
)
def test_a_display_without_a_picture_gets_one(machine: MakeMachine, device: str) -> None:
    made = machine(arguments=("-vga", "none", "-device", device))
    shows_what_it_says(made, SMALL)


def test_what_was_said_before_there_was_a_picture_is_shown(machine: MakeMachine) -> None:
    made = machine(arguments=("-vga", "none", "-device", "bochs-display"))
    made.expect_prompt()
    assert seen(made, SMALL).rows[0] == "loader: PVH"


def test_under_a_bios_the_loader_leaves_text(machine: MakeMachine) -> None:
    made = machine(direct=False)
    made.expect_prompt()
    assert any(row.startswith("loader: GRUB ") for row in made.screen())


def test_a_vga_that_shows_text_stays_as_it_is(machine: MakeMachine) -> None:
    made = machine(arguments=("-device", "bochs-display"))
    made.expect_prompt()
    assert made.screen()[0] == "loader: PVH"
    assert "display:" not in made.command("dmesg")
