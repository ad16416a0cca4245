"""The ISO: starts under BIOS and UEFI, from a CD and, written as it is, from a USB stick."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pykasm.build import grub, iso9660
from pykasm.errors import PykasmError
from pykasm.files import alone, fingerprint, write_if_changed
from pykasm.toolchain import QUIET, Reporter, identity, run

KERNEL_ON_ISO = "/boot/kernel.elf"
MODULES_ON_ISO = "/boot/modules"
BIOS_ON_ISO, EFI_ON_ISO = f"{grub.FOLDER_ON_ISO}/bios.img", f"{grub.FOLDER_ON_ISO}/efi.img"
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
) -> bool:
    """Make `output` the ISO whose boot loader starts `kernel` with `command_line`; whether it was
    not so before.

    `menu` is the Jinja template of GRUB's menu; `cache` keeps GRUB's own images from one ISO to
    the next, and the last ISO, where the next kernel takes the place of the last one if it fits;
    the `modules` are handed to the kernel under their file names. GRUB puts a backslash before
    quotes and backslashes of the command line.

    The same input makes the same bytes. Raises `PykasmError` for a file that is missing or a
    template with mistakes.
    """
    files = {KERNEL_ON_ISO: kernel, **_modules_on_iso(modules)}
    check_files([menu, *files.values()])
    settings = repr((name, command_line, [module.name for module in modules]))
    with alone(cache / "iso.lock"):
        images = grub.boot_images(cache, reporter=reporter)
        frame = cache / f"frame-{_frame_key(images, settings, kernel, [menu, *modules])}.iso"
        if not frame.exists():
            text = render_menu(menu, name, command_line, [module.name for module in modules])
            for old in cache.glob("frame-*.iso"):
                old.unlink()
            _join(images, files, text, _volume_name(name), frame, reporter)
        volume = bytearray(frame.read_bytes())
    iso9660.exchange(volume, KERNEL_ON_ISO, kernel.read_bytes())
    return write_if_changed(output, bytes(volume))


def _frame_key(images: grub.BootImages, settings: str, kernel: Path, others: list[Path]) -> str:
    """What an ISO depends on beside the contents of `kernel`, of which only the size in sectors
    counts. `images` have the version of GRUB in their path."""
    made_by = f"{images} {identity('xorriso')}"
    room = iso9660.sectors(kernel.stat().st_size)
    return fingerprint(Path(__file__), made_by, settings, f"{room}", *others)[:16]


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
    from jinja2 import Environment, StrictUndefined, TemplateError  # slow, and seldom needed

    templates = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    templates.filters["quoted"] = quoted
    try:
        return templates.from_string(menu.read_text(encoding="utf-8")).render(
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
    menu: str,
    volume: str,
    output: Path,
    reporter: Reporter,
) -> None:
    with tempfile.TemporaryDirectory(dir=output.parent) as folder:
        config = Path(folder) / "grub.cfg"
        config.write_text(menu, encoding="utf-8")
        unfinished = Path(folder) / "iso"
        placed = {
            **files,
            f"{grub.FOLDER_ON_ISO}/grub.cfg": config,
            BIOS_ON_ISO: images.bios,
            EFI_ON_ISO: images.efi,
        }
        _write(placed, images.mbr, volume, unfinished, reporter)
        os.replace(unfinished, output)


def _write(
    files: dict[str, Path], mbr: Path, volume: str, output: Path, reporter: Reporter
) -> None:
    run(
        *("xorriso", "-as", "mkisofs", "-quiet", "-graft-points", "-V", volume),
        # Owner, mode and date of the files say nothing of where they were built.
        *("-r", "-file-mode", "0444", "-dir-mode", "0555"),
        *("--set_all_file_dates", f"={grub.SOURCE_DATE}"),
        # An El Torito entry for BIOS; the table in it tells GRUB where its second half lies.
        *("-b", BIOS_ON_ISO, "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table"),
        *("--grub2-boot-info", "--grub2-mbr", mbr, "--protective-msdos-label"),
        # One for UEFI, and the same file as a GPT partition for USB sticks.
        *("--efi-boot", EFI_ON_ISO, "-efi-boot-part", "--efi-boot-image"),
        *("-o", output),
        *(f"{_graft(place)}={_graft(str(file))}" for place, file in sorted(files.items())),
        environment=grub.FIXED_DATE,
        reporter=reporter,
    )


def _graft(path: str) -> str:
    """`path` in a graft point, where `=` and a backslash have a meaning (man xorrisofs)."""
    return path.replace("\\", "\\\\").replace("=", r"\=")
