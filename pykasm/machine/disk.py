"""Writing an image to a USB stick, and to nothing else by mistake."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

from pykasm.errors import PykasmError

SECTOR = 512
"""What sysfs counts sizes in, whatever the disk's own sectors are (Linux, `block/genhd.c`)."""

CHUNK = 4 << 20
"""Bytes a write."""


class DiskError(PykasmError):
    """A disk that must not or can't be written to, or that came out wrong."""


class Disk:
    """The block device `path`. `sysfs` and `mounts` are where Linux describes it."""

    def __init__(
        self, path: Path, sysfs: Path = Path("/sys"), mounts: Path = Path("/proc/mounts")
    ) -> None:
        self.path = path
        self._sysfs = sysfs
        self._mounts = mounts

    def check(self, size: int, *, force: bool = False) -> None:
        """Raise `DiskError` if an image of `size` bytes should not be written here.

        `force` allows what is not a removable disk; what is in use or too small is never allowed.
        """
        if not self.path.exists():
            raise DiskError(f"{self.path} does not exist")
        if self._entry is None and not force:
            raise DiskError(f"{self.path} is not a disk; --force writes to it nevertheless")
        if self._entry is not None:
            self._check_disk(self._entry, size, force)

    def _check_disk(self, entry: Path, size: int, force: bool) -> None:
        if (entry / "partition").exists():
            whole = self.path.with_name(entry.parent.name)
            raise DiskError(f"{self.path} is a partition; the image needs all of {whole}")
        used = [line for line in self._mounted() if line.split()[0] in self._devices(entry)]
        if used:
            place = used[0].split()[1]
            raise DiskError(f"{self.path} is in use at {place}; unmount it first")
        if not force and self._read("removable") != "1":
            raise DiskError(
                f"{self.description} is not a removable disk; --force writes to it nevertheless"
            )
        if self.size is not None and self.size < size:
            raise DiskError(f"{self.description} is smaller than the image of {_shown(size)}")

    def write(self, image: Path, progress: Callable[[int], None] = lambda _: None) -> None:
        """Copy `image` to the start of the disk, and read it back to see that it is there.

        `progress` is told how many bytes were handled, twice those of the image in the end.
        """
        try:
            self._copy(image, progress)
            self._compare(image, progress)
        except PermissionError:
            raise DiskError(f"no permission to write to {self.path}; try as root") from None
        except OSError as error:
            raise DiskError(f"writing to {self.path} failed: {error.strerror}") from None

    def _copy(self, image: Path, progress: Callable[[int], None]) -> None:
        # The kernel refuses O_EXCL for a block device that is mounted.
        descriptor = os.open(self.path, os.O_WRONLY | os.O_EXCL)
        with os.fdopen(descriptor, "wb", buffering=0) as disk:
            for chunk in _chunks(image):
                view = memoryview(chunk)
                while view:
                    view = view[disk.write(view) :]
                progress(len(chunk))
            os.fsync(disk)
            # What is read back must come from the disk, not from the page cache.
            os.posix_fadvise(disk.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    def _compare(self, image: Path, progress: Callable[[int], None]) -> None:
        with self.path.open("rb", buffering=0) as disk:
            offset = 0
            for chunk in _chunks(image):
                if _read_fully(disk.fileno(), len(chunk)) != chunk:
                    raise DiskError(
                        f"{self.path} does not hold what was written to it, in the {CHUNK >> 20} "
                        f"MiB from {offset:#x}: the disk may be broken"
                    )
                offset += len(chunk)
                progress(len(chunk))

    @property
    def description(self) -> str:
        """The disk as people know it: path, maker, model, size."""
        words = [str(self.path), self._read("device/vendor"), self._read("device/model")]
        if self.size is not None:
            words.append(f"({_shown(self.size)})")
        return " ".join(word for word in words if word)

    @property
    def size(self) -> int | None:
        """Bytes; None if sysfs does not know."""
        sectors = self._read("size")
        return int(sectors) * SECTOR if sectors else None

    @cached_property
    def _entry(self) -> Path | None:
        """What sysfs holds on the device; None for what is no block device."""
        status = self.path.stat()
        if stat.S_ISCHR(status.st_mode):  # numbered apart from block devices
            return None
        number = f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
        entry = self._sysfs / "dev/block" / number
        return entry.resolve() if entry.exists() else None

    def _read(self, name: str) -> str:
        try:
            return (self._entry / name).read_text().strip() if self._entry else ""
        except OSError:
            return ""

    def _mounted(self) -> list[str]:
        """The lines of the mount table: device, place, …"""
        return [line for line in self._mounts.read_text().splitlines() if line.strip()]

    def _devices(self, entry: Path) -> set[str]:
        """The paths of the disk and its partitions."""
        parts = [path.parent.name for path in entry.glob("*/partition")]
        return {str(self.path.resolve().with_name(name)) for name in (entry.name, *parts)}


def _chunks(image: Path) -> Iterator[bytes]:
    with image.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _read_fully(descriptor: int, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size and (part := os.read(descriptor, size - len(parts))):
        parts += part
    return bytes(parts)


def _shown(size: int) -> str:
    """`size` bytes for people, in decimal units as disks are sold."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
