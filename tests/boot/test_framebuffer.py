"""The screen on framebuffers, read back by the glyphs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kernel.debug.panic import END
from pykasm.build.iso import make_iso
from pykasm.machine.images import Images
from pykasm.machine.pytest_plugin import MakeMachine
from pykasm.machine.qemu import MachineOptions
from pykasm.machine.session import PROMPT, Machine
from tests.boot.waiting import eventually
from tests.letters import LARGE, SMALL, Picture, Screen

MENU = """set timeout=0
menuentry kernel {{
    multiboot2 /boot/kernel.elf test
    set gfxpayload={mode}
}}
"""


def seen(machine: Machine, size: tuple[int, int]) -> Screen:
    """The text that the machine's display shows."""
    return Screen(Picture.of(machine.pixels()), size)


def said(machine: Machine, columns: int, rows: int) -> list[str]:
    """The last rows of what the serial line said, as a screen shows it."""
    lines = [
        line[start : start + columns].rstrip()
        for line in machine.output.split("\n")
        for start in range(0, len(line) + 1, columns)  # the cursor is at once in the next row
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


def iso_in_mode(kernel_images: Images, folder: Path, mode: str) -> Path:
    """An ISO in `folder` whose loader starts the kernel in a `mode` of the display."""
    iso, menu = folder / "kernel.iso", folder / "menu"
    menu.write_text(MENU.format(mode=mode))
    make_iso(kernel_images.project.kernel, iso, menu, cache=folder)
    return iso


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
