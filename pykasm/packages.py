"""What systems call the packages that bring the external programs.

`scripts/setup` runs this file before pykasm's own libraries are there, so it imports nothing else.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

OS_RELEASE = Path("/etc/os-release")
"""Where Linux systems say what they are (os-release(5))."""


@dataclass(frozen=True, slots=True)
class System:
    """A kind of system: its name, how packages are installed on it, and their names by those of
    Debian's, where they differ. An empty name is of a package that it lacks."""

    name: str
    install: str
    names: Mapping[str, str]

    def packages(self, debian: Iterable[str]) -> list[str]:
        """Return the names here of packages by their names in Debian, each once."""
        return sorted({self.names.get(one, one) for one in debian} - {""})

    def source(self, debian: str) -> str:
        """Return the words that name the package which is called `debian` in Debian."""
        name = self.names.get(debian, debian)
        return f"package {name}" if name else "upstream files"

    def help(self, debian: Iterable[str]) -> str:
        """Return the line that tells how to install packages, by their names in Debian."""
        wanted = [*debian]
        lines = []
        if found := self.packages(wanted):
            lines.append(f"help: on {self.name}: {self.install} {' '.join(found)}")
        lines += [
            f"help: {self.name} has no package {one}: {ELSEWHERE[one]}"
            for one in sorted({*wanted})
            if self.names.get(one) == ""
        ]
        return "\n".join(lines)


ELSEWHERE = {
    "fonts-spleen": "put spleen-8x16.bdf and spleen-16x32.bdf of "
    "https://github.com/fcambus/spleen, 1.8.2 or later, into ~/.local/share/fonts"
}
"""Where to get what not all systems have a package of."""

DEBIAN = System("Debian or Ubuntu", "sudo apt install", {})
FEDORA = System(
    "Fedora",
    "sudo dnf install",
    {
        "grub-common": "grub2-tools-extra",
        "grub-pc-bin": "grub2-pc-modules",
        "grub-efi-amd64-bin": "grub2-efi-x64-modules",
        "qemu-system-gui": "qemu-ui-gtk",
        "ovmf": "edk2-ovmf",
        "fonts-spleen": "",
        "python3-venv": "python3",
    },
)
ARCH = System(
    "Arch Linux",
    "sudo pacman -S",
    {
        "grub-common": "grub",
        "grub-pc-bin": "grub",
        "grub-efi-amd64-bin": "grub",
        "xorriso": "libisoburn",
        "qemu-system-gui": "qemu-ui-gtk",
        "ovmf": "edk2-ovmf",
        "fonts-spleen": "",
        "python3": "python",
        "python3-venv": "python",
    },
)
OPENSUSE = System(
    "openSUSE",
    "sudo zypper install",
    {
        "grub-common": "grub2",
        "grub-pc-bin": "grub2-i386-pc",
        "grub-efi-amd64-bin": "grub2-x86_64-efi",
        "qemu-system-x86": "qemu-x86",
        "qemu-system-gui": "qemu-ui-gtk",
        "ovmf": "qemu-ovmf-x86_64",
        "fonts-spleen": "",
        "python3-venv": "python3",
    },
)
MACOS = System(
    "macOS",
    "brew install",
    {
        "binutils": "x86_64-elf-binutils",
        "grub-common": "x86_64-elf-grub",
        "grub-pc-bin": "i686-elf-grub",
        "grub-efi-amd64-bin": "x86_64-elf-grub",
        "qemu-system-x86": "qemu",
        "qemu-system-gui": "qemu",
        "ovmf": "qemu",
        "fonts-spleen": "",
        "python3-venv": "python3",
    },
)
BY_ID = {
    "debian": DEBIAN,
    "ubuntu": DEBIAN,
    "fedora": FEDORA,
    "rhel": FEDORA,
    "arch": ARCH,
    "suse": OPENSUSE,
    "opensuse": OPENSUSE,
}
"""Systems by what they, or those that they are made of, call themselves in `OS_RELEASE`."""


def this_system(platform: str = sys.platform, release: Path = OS_RELEASE) -> System:
    """Return what this machine runs; Debian for what nothing is known of."""
    if platform == "darwin":
        return MACOS
    try:
        lines = release.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return DEBIAN
    said = dict(line.partition("=")[::2] for line in lines)
    ids = [said.get(key, "").strip("\"'") for key in ("ID", "ID_LIKE")]
    return next((BY_ID[one] for one in " ".join(ids).split() if one in BY_ID), DEBIAN)


if __name__ == "__main__":
    print(this_system().help(sys.argv[1:]), file=sys.stderr)
