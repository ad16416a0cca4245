"""The ISO: starts under BIOS and UEFI, from a CD and, written as it is, from a USB stick."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, StrictUndefined, TemplateError

from pykasm.build import grub
from pykasm.errors import PykasmError
from pykasm.toolchain import QUIET, Reporter, run

KERNEL_ON_ISO = "/boot/kernel.elf"
MODULES_ON_ISO = "/boot/modules"
VOLUME_NAME_LENGTH = 32
"""Characters of a volume identifier (ECMA-119, 8.4.7)."""

TOOLS = (*grub.TOOLS, "xorriso")


@dataclass(frozen=True, slots=True)
class BootModule:
    """A file that GRUB loads beside the kernel: `path` on the ISO, `name` for the kernel."""

    name: str
    path: str


def make_iso(
    kernel: Path,
    output: Path,
    menu: Path,
    *,
    cache: Path,
    name: str = "pykasm",
    command_line: str = "",
    modules: Sequence[Path] = (),
    reporter: Reporter = QUIET,
) -> None:
    """Write the ISO `output`, whose boot loader starts `kernel` with `command_line`.

    `menu` is the Jinja template of GRUB's menu; `cache` keeps GRUB's own images from one ISO to
    the next; the `modules` are handed to the kernel under their file names. GRUB puts a backslash
    before quotes and backslashes of the command line.

    The same input makes the same bytes. Raises `PykasmError` for a file that is missing or a
    template with mistakes.
    """
    files = {KERNEL_ON_ISO: kernel, **_modules_on_iso(modules)}
    check_files([menu, *files.values()])
    text = render_menu(menu, name, command_line, [module.name for module in modules])
    images = grub.boot_images(cache, reporter=reporter)
    with tempfile.TemporaryDirectory(dir=output.parent) as folder:
        config = Path(folder) / "grub.cfg"
        config.write_text(text)
        files[f"{grub.FOLDER_ON_ISO}/grub.cfg"] = config
        unfinished = Path(folder) / "iso"
        _join(images, files, _volume_name(name), unfinished, reporter)
        os.replace(unfinished, output)


def check_files(files: Sequence[Path]) -> None:
    """Raise `PykasmError` for the first of `files` that is not there."""
    for file in files:
        if not file.is_file():
            raise PykasmError(f"{file}, which belongs on the ISO, is not a file")


def render_menu(menu: Path, name: str, command_line: str, modules: Sequence[str]) -> str:
    """The text of GRUB's configuration from the template `menu`.

    The template sees `name`, `kernel` (its path on the ISO), `command_line` (a list of words),
    `modules` (each with `path` and `name`) and the filter `quoted`.
    """
    templates = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    templates.filters["quoted"] = quoted
    try:
        return templates.from_string(menu.read_text()).render(
            name=name,
            kernel=KERNEL_ON_ISO,
            command_line=command_line.split(),
            modules=[BootModule(module, f"{MODULES_ON_ISO}/{module}") for module in modules],
        )
    except TemplateError as mistake:
        raise PykasmError(f"the boot menu's template {menu} has a mistake: {mistake}") from None


def quoted(text: str) -> str:
    """`text` as one word of GRUB's script language (GRUB manual, 6.2 "Quoting")."""
    return "'" + text.replace("'", r"'\''") + "'"


def _modules_on_iso(modules: Sequence[Path]) -> dict[str, Path]:
    placed: dict[str, Path] = {}
    for module in modules:
        place = f"{MODULES_ON_ISO}/{module.name}"
        if place in placed:
            raise PykasmError(
                f"two modules have the file name {module.name}: {placed[place]} and {module}\n"
                "help: rename one of them, since the kernel knows them by these names"
            )
        placed[place] = module
    return placed


def _volume_name(name: str) -> str:
    return re.sub(r"[^A-Z0-9_]", "_", name.upper())[:VOLUME_NAME_LENGTH]


def _join(
    images: grub.BootImages,
    files: dict[str, Path],
    volume: str,
    output: Path,
    reporter: Reporter,
) -> None:
    bios, efi = f"{grub.FOLDER_ON_ISO}/bios.img", f"{grub.FOLDER_ON_ISO}/efi.img"
    placed = {**files, bios: images.bios, efi: images.efi}
    run(
        *("xorriso", "-as", "mkisofs", "-quiet", "-graft-points", "-V", volume),
        # Owner, mode and date of the files say nothing of where they were built.
        *("-r", "-file-mode", "0444", "-dir-mode", "0555"),
        *("--set_all_file_dates", f"={grub.SOURCE_DATE}"),
        # An El Torito entry for BIOS; the table in it tells GRUB where its second half lies.
        *("-b", bios, "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table"),
        *("--grub2-boot-info", "--grub2-mbr", images.mbr, "--protective-msdos-label"),
        # One for UEFI, and the same file as a GPT partition for USB sticks.
        *("--efi-boot", efi, "-efi-boot-part", "--efi-boot-image"),
        *("-o", output),
        *(f"{_graft(place)}={_graft(str(file))}" for place, file in sorted(placed.items())),
        environment=grub.FIXED_DATE,
        reporter=reporter,
    )


def _graft(path: str) -> str:
    """`path` in a graft point, where `=` and a backslash have a meaning (man xorrisofs)."""
    return path.replace("\\", "\\\\").replace("=", r"\=")
