"""What packages are called elsewhere."""

import subprocess
import sys
from pathlib import Path

import pytest

from pykasm import packages
from pykasm.packages import ARCH, DEBIAN, FEDORA, MACOS, OPENSUSE, System, this_system
from pykasm.toolchain import TOOLS

DEBIANS_OWN = {
    *("grub-common", "grub-pc-bin", "grub-efi-amd64-bin", "ovmf"),
    *("qemu-system-gui", "fonts-spleen", "python3-venv"),
}
"""Names that no other system has."""
ALL = ["binutils", "grub-common", "grub-pc-bin", "grub-efi-amd64-bin", "mtools", "xorriso"]
ALL += ["qemu-system-x86", "ovmf", "gdb"]


@pytest.mark.parametrize(
    ("release", "system"),
    [
        ("ID=debian\n", DEBIAN),
        ("NAME=Ubuntu\nID=ubuntu\nID_LIKE=debian\n", DEBIAN),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', DEBIAN),
        ("ID=fedora\n", FEDORA),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', FEDORA),
        ("ID=arch\n", ARCH),
        ("ID=manjaro\nID_LIKE=arch\n", ARCH),
        ('ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"\n', OPENSUSE),
        ("ID=unheard-of\n", DEBIAN),
        ("", DEBIAN),
    ],
)
def test_systems_are_known_by_what_they_say(release: str, system: System, tmp_path: Path) -> None:
    file = tmp_path / "os-release"
    file.write_text(release)
    assert this_system("linux", file) is system


def test_macos_is_known(tmp_path: Path) -> None:
    assert this_system("darwin", tmp_path / "none") is MACOS
    assert this_system("linux", tmp_path / "none") is DEBIAN


@pytest.mark.parametrize(
    ("system", "line"),
    [
        (
            DEBIAN,
            "help: on Debian or Ubuntu: sudo apt install binutils gdb grub-common"
            " grub-efi-amd64-bin grub-pc-bin mtools ovmf qemu-system-x86 xorriso",
        ),
        (
            FEDORA,
            "help: on Fedora: sudo dnf install binutils edk2-ovmf gdb grub2-efi-x64-modules"
            " grub2-pc-modules grub2-tools-extra mtools qemu-system-x86 xorriso",
        ),
        (
            ARCH,
            "help: on Arch Linux: sudo pacman -S binutils edk2-ovmf gdb grub libisoburn mtools"
            " qemu-system-x86",
        ),
        (
            OPENSUSE,
            "help: on openSUSE: sudo zypper install binutils gdb grub2 grub2-i386-pc"
            " grub2-x86_64-efi mtools qemu-ovmf-x86_64 qemu-x86 xorriso",
        ),
        (
            MACOS,
            "help: on macOS: brew install gdb i686-elf-grub mtools qemu x86_64-elf-binutils"
            " x86_64-elf-grub xorriso",
        ),
    ],
    ids=lambda one: getattr(one, "name", ""),
)
def test_each_system_has_its_names(system: System, line: str) -> None:
    assert system.help(ALL) == line


@pytest.mark.parametrize("system", [FEDORA, ARCH, OPENSUSE, MACOS], ids=lambda one: one.name)
def test_no_name_of_debian_alone_is_told_elsewhere(system: System) -> None:
    every = {tool.package for tool in TOOLS.values()} | {"qemu-system-gui", "python3-venv"}
    assert not DEBIANS_OWN & {*system.packages(every)}


def test_what_a_system_lacks_is_told_apart() -> None:
    assert FEDORA.help(["gdb", "fonts-spleen"]) == (
        "help: on Fedora: sudo dnf install gdb\n"
        "help: Fedora has no package fonts-spleen: put spleen-8x16.bdf and spleen-16x32.bdf of"
        " https://github.com/fcambus/spleen, 1.8.2 or later, into ~/.local/share/fonts"
    )


def test_the_setup_can_ask_before_any_library_is_there() -> None:
    asked = subprocess.run(
        [sys.executable, "-I", "-S", packages.__file__, "gdb"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert asked.stderr == f"{this_system().help(['gdb'])}\n"
