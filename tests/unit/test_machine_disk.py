"""Writing images to disks: a fake sysfs describes regular files as the disks."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pykasm.machine.disk import Disk, DiskError

IMAGE = bytes(range(256)) * 40_000  # more than two writes
DiskMaker = Callable[..., Disk]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    (tmp_path / "image.iso").write_bytes(IMAGE)
    return tmp_path / "image.iso"


@pytest.fixture
def make_disk(tmp_path: Path) -> DiskMaker:
    """Makes a disk `sdz`, of device number 0:0 as all regular files are."""

    def make(
        removable: int = 1, size: int = 16_000_000, mounts: str = "", known: bool = True
    ) -> Disk:
        path = tmp_path / "sdz"
        path.write_bytes(b"old" * 10)
        sysfs = tmp_path / "sys"
        entry = sysfs / "devices/sdz"
        for name, text in {
            "removable": removable,
            "size": size // 512,
            "device/vendor": "Acme    ",
            "device/model": "Stick",
            "sdz1/partition": 1,
        }.items():
            (entry / name).parent.mkdir(parents=True, exist_ok=True)
            (entry / name).write_text(f"{text}\n")
        (sysfs / "dev/block").mkdir(parents=True)
        if known:
            (sysfs / "dev/block/0:0").symlink_to(entry)
        (tmp_path / "mounts").write_text(mounts.format(path))
        return Disk(path, sysfs, tmp_path / "mounts")

    return make


def refusal(disk: Disk, *, force: bool = False, size: int = len(IMAGE)) -> str:
    """Why an image is refused, with the folder of the test cut from the path."""
    with pytest.raises(DiskError) as error:
        disk.check(size, force=force)
    return str(error.value).replace(f"{disk.path.parent}/", "/dev/")


def test_a_removable_disk_is_accepted(make_disk: DiskMaker) -> None:
    make_disk().check(len(IMAGE))


def test_a_fixed_disk_is_refused_unless_forced(make_disk: DiskMaker) -> None:
    disk = make_disk(removable=0)
    assert refusal(disk) == (
        "/dev/sdz Acme Stick (16.0 MB) is not a removable disk; --force writes to it nevertheless"
    )
    disk.check(len(IMAGE), force=True)


def test_what_is_no_disk_is_refused_unless_forced(make_disk: DiskMaker) -> None:
    disk = make_disk(known=False)
    assert refusal(disk) == "/dev/sdz is not a disk; --force writes to it nevertheless"
    disk.check(len(IMAGE), force=True)


def test_a_character_device_is_no_disk() -> None:
    assert refusal(Disk(Path("/dev/null"))).startswith("/dev/null is not a disk")


def test_a_missing_disk_is_refused_even_if_forced(tmp_path: Path) -> None:
    assert refusal(Disk(tmp_path / "sdq"), force=True) == "/dev/sdq does not exist"


@pytest.mark.parametrize("part", ["", "1"])
def test_a_disk_in_use_is_refused_even_if_forced(make_disk: DiskMaker, part: str) -> None:
    disk = make_disk(mounts="{}" + part + " /mnt vfat rw 0 0\n")
    assert refusal(disk, force=True) == "/dev/sdz is in use at /mnt; unmount it first"


def test_a_disk_beside_one_in_use_is_accepted(make_disk: DiskMaker) -> None:
    make_disk(mounts="{}z1 /mnt vfat rw 0 0\n").check(len(IMAGE))


def test_a_small_disk_is_refused_even_if_forced(make_disk: DiskMaker) -> None:
    assert refusal(make_disk(size=512), force=True) == (
        "/dev/sdz Acme Stick (0.0 MB) is smaller than the image of 10.2 MB"
    )


def test_a_partition_is_refused(make_disk: DiskMaker, tmp_path: Path) -> None:
    disk = make_disk()
    link = tmp_path / "sys/dev/block/0:0"
    link.unlink()
    link.symlink_to(tmp_path / "sys/devices/sdz/sdz1")
    assert refusal(disk) == "/dev/sdz is a partition; the image needs all of /dev/sdz"


def test_the_image_is_written(make_disk: DiskMaker, image: Path) -> None:
    disk = make_disk()
    handled: list[int] = []
    disk.write(image, handled.append)
    assert disk.path.read_bytes() == IMAGE
    assert sum(handled) == 2 * len(IMAGE)


def test_what_lies_behind_the_image_is_kept(make_disk: DiskMaker, image: Path) -> None:
    disk = make_disk()
    disk.path.write_bytes(bytes(len(IMAGE)) + b"behind")
    disk.write(image)
    assert disk.path.read_bytes() == IMAGE + b"behind"


def test_a_disk_that_holds_something_else_afterwards_is_found(
    make_disk: DiskMaker, image: Path
) -> None:
    disk = make_disk()

    def spoil(_: int) -> None:
        with disk.path.open("r+b") as file:
            file.seek(5 << 20)
            file.write(b"spoiled")

    with pytest.raises(DiskError, match="in the 4 MiB from 0x400000: the disk may be broken"):
        disk.write(image, spoil)
