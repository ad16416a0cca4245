"""GRUB's core images: what the firmware loads, made once for all kernels.

`grub-mkrescue` does the same work anew for every ISO, copies modules that GRUB then loads one by
one while the machine starts, and puts the time and random numbers into what it makes. Here GRUB
and the modules in use are one image each for BIOS and UEFI, kept in the build's cache.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pykasm.toolchain import QUIET, Reporter, identity, located, run

SOURCE_DATE = os.environ.get("SOURCE_DATE_EPOCH", "315532800")
"""The time that goes into all files, in seconds since 1970 (reproducible-builds.org,
"SOURCE_DATE_EPOCH"); unless told otherwise 1980-01-01, the first day that a FAT file system
knows."""

FIXED_DATE = {"SOURCE_DATE_EPOCH": SOURCE_DATE}
"""What tells mtools and xorriso that time."""

MENU_MODULES = ("normal", "multiboot2", "serial", "terminal", "test", "iso9660")
BIOS_MODULES = ("biosdisk", *MENU_MODULES)
EFI_MODULES = ("efi_gop", *MENU_MODULES)
"""UEFI has no text mode to hand over: without a frame buffer GRUB complains before it starts a
kernel."""

FOLDER_ON_ISO = "/boot/grub"

FLOPPY = "1440"
"""KiB of the UEFI partition, as a disk size that mformat knows; GRUB takes a third of it."""

PROGRAMS = ("grub-mkimage", "mformat", "mmd", "mcopy")
TOOLS = (*PROGRAMS, "GRUB for BIOS", "GRUB for UEFI")


@dataclass(frozen=True, slots=True)
class BootImages:
    """GRUB for one machine: `bios` is an El Torito image, `efi` a FAT file system with an EFI
    program, `mbr` the boot sector for disks."""

    bios: Path
    efi: Path
    mbr: Path


def boot_images(cache: Path, *, reporter: Reporter = QUIET) -> BootImages:
    """GRUB's images from the folder `cache`, made first if this GRUB's are not there yet."""
    bios_modules, efi_modules = located("GRUB for BIOS"), located("GRUB for UEFI")
    folder = cache / f"grub-{_key(bios_modules, efi_modules)}"
    images = BootImages(folder / "bios.img", folder / "efi.img", bios_modules / "boot_hybrid.img")
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as name:
            unfinished = Path(name) / "grub"
            unfinished.mkdir()
            _make_bios(bios_modules, unfinished / images.bios.name, reporter)
            _make_efi(efi_modules, unfinished / images.efi.name, reporter)
            unfinished.rename(folder)
    return images


def _make_bios(modules: Path, image: Path, reporter: Reporter) -> None:
    _make_core(modules, "i386-pc-eltorito", FOLDER_ON_ISO, BIOS_MODULES, image, reporter)


def _make_efi(modules: Path, image: Path, reporter: Reporter) -> None:
    program = image.with_name("bootx64.efi")
    # "()" is the disk that GRUB came from, as a whole: the ISO rather than the EFI partition.
    _make_core(modules, "x86_64-efi", f"(){FOLDER_ON_ISO}", EFI_MODULES, program, reporter)
    for command in (
        ("mformat", "-C", "-f", FLOPPY, "-N", "0", "-i", image.name, "::"),
        ("mmd", "-i", image.name, "::/EFI", "::/EFI/BOOT"),
        ("mcopy", "-i", image.name, program.name, "::/EFI/BOOT/BOOTX64.EFI"),
    ):
        # In the folder itself: to mtools, `$`, `@@` and a backslash in a path have a meaning.
        run(*command, environment=FIXED_DATE, folder=image.parent, reporter=reporter)
    program.unlink()


def _make_core(
    modules: Path, form: str, prefix: str, names: tuple[str, ...], image: Path, reporter: Reporter
) -> None:
    run(
        *("grub-mkimage", "-d", modules, "-O", form, "-p", prefix, "-o", image),
        *names,
        reporter=reporter,
    )


def _key(*folders: Path) -> str:
    """A name for the outcome: it changes with the installed GRUB and with how we use it."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    digest.update(SOURCE_DATE.encode())
    for program in PROGRAMS:
        digest.update(identity(program).encode())
    for folder in folders:
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            facts = entry.stat()
            digest.update(f"{entry.path} {facts.st_size} {facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]
