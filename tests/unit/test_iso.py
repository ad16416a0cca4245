"""ISOs: they start in every way that a machine has, and are made the same everywhere."""

import os
import subprocess
from pathlib import Path

import pytest

from pykasm.build import iso as iso_module
from pykasm.build import iso9660
from pykasm.build.iso import KERNEL_ON_ISO, make_iso, quoted, render_menu
from pykasm.errors import PykasmError
from pykasm.link.layout import kernel_layout
from pykasm.link.linker import link, strip
from pykasm.link.script import render_script
from pykasm.toolchain import located

MENU = Path(__file__).parents[2] / "grub/grub.cfg.j2"
LIMIT = 60
"""Seconds that a start may take on a busy machine."""

MEBIBYTE = 1 << 20
COMMAND_LINE = "test log=all $HOME;"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kernel of `multiboot.S`, stripped."""
    folder = tmp_path_factory.mktemp("kernel")
    source = Path(__file__).with_name("multiboot.S")
    subprocess.run(["as", "--64", "-o", "kernel.o", source], cwd=folder, check=True)
    script, image = folder / "kernel.ld", folder / "kernel.elf"
    script.write_text(render_script(kernel_layout("start")))
    link([folder / "kernel.o"], script, image)
    strip(image, folder / "stripped")
    return folder / "stripped"


@pytest.fixture(scope="module")
def iso(kernel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ISO with a command line and a module."""
    folder = tmp_path_factory.mktemp("iso")
    make(kernel, folder)
    return folder / "kernel.iso"


def make(kernel: Path, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    module = folder / "program"
    module.write_text("its contents\n")
    make_iso(
        kernel,
        folder / "kernel.iso",
        MENU,
        cache=folder / "cache",
        command_line=COMMAND_LINE,
        modules=[module],
    )


DRIVES = {"CD": "-cdrom {}", "USB stick": "-drive format=raw,snapshot=on,file={}"}


@pytest.mark.parametrize("drive", DRIVES)
@pytest.mark.parametrize("firmware", ["BIOS", "UEFI"])
def test_the_iso_starts(iso: Path, firmware: str, drive: str) -> None:
    bios = ("-bios", str(located("UEFI firmware"))) if firmware == "UEFI" else ()
    machine = subprocess.run(
        [
            *("qemu-system-x86_64", "-accel", "tcg", "-m", "256", "-display", "none"),
            *("-serial", "stdio", "-nic", "none", "-no-reboot"),
            *("-device", "isa-debug-exit,iobase=0xf4,iosize=4"),
            *bios,
            *DRIVES[drive].format(iso).split(" ", 1),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        timeout=LIMIT,
        check=False,
    )
    said = machine.stdout.decode(errors="replace").replace("\r", "")
    assert said.endswith("loaded\ntest log=all $HOME;\nprogram\n"), said
    assert machine.returncode == 33


def test_isos_from_two_folders_are_the_same(iso: Path, kernel: Path, tmp_path: Path) -> None:
    copy = tmp_path / "a copy"
    copy.write_bytes(kernel.read_bytes())
    make(copy, tmp_path / "else=where")
    assert (tmp_path / "else=where/kernel.iso").read_bytes() == iso.read_bytes()


def test_the_iso_is_small(iso: Path) -> None:
    assert iso.stat().st_size < 2.5 * MEBIBYTE


def test_the_boot_loader_is_made_once(kernel: Path, tmp_path: Path) -> None:
    make(kernel, tmp_path)
    (images,) = (tmp_path / "cache").glob("grub-*")
    before = {file.name: file.stat().st_mtime_ns for file in images.iterdir()}
    make(kernel, tmp_path)
    assert list((tmp_path / "cache").glob("grub-*")) == [images]
    assert {file.name: file.stat().st_mtime_ns for file in images.iterdir()} == before


SECTORS = 3


@pytest.mark.parametrize("size", [(SECTORS - 1) * iso9660.SECTOR + 1, SECTORS * iso9660.SECTOR])
def test_a_kernel_in_place_of_another_one_makes_the_iso_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    kernel = tmp_path / "kernel"
    contents = os.urandom(size)
    kernel.write_bytes(contents)
    make(kernel, tmp_path / "anew")
    kernel.write_bytes(b"x" * (SECTORS * iso9660.SECTOR - 7))
    make(kernel, tmp_path / "again")
    kernel.write_bytes(contents)
    monkeypatch.setattr(iso_module, "run", pytest.fail)
    make(kernel, tmp_path / "again")
    made, expected = (tmp_path / one / "kernel.iso" for one in ("again", "anew"))
    assert made.read_bytes() == expected.read_bytes()


def test_a_kernel_of_another_size_makes_another_iso_of_which_one_is_kept(tmp_path: Path) -> None:
    kernel = tmp_path / "kernel"
    for size in (1, SECTORS * iso9660.SECTOR, SECTORS * iso9660.SECTOR + 1):
        kernel.write_bytes(b"x" * size)
        make(kernel, tmp_path / "again")
    make(kernel, tmp_path / "anew")
    made, expected = (tmp_path / one / "kernel.iso" for one in ("again", "anew"))
    assert made.read_bytes() == expected.read_bytes()
    assert len([*(tmp_path / "again/cache").glob("frame-*")]) == 1


def test_a_changed_module_is_on_the_next_iso(kernel: Path, tmp_path: Path) -> None:
    for word in (b"old", b"new"):
        (tmp_path / "module").write_bytes(word + b" contents")
        make_iso(
            kernel,
            tmp_path / "kernel.iso",
            MENU,
            cache=tmp_path / "cache",
            modules=[tmp_path / "module"],
        )
        assert word + b" contents" in (tmp_path / "kernel.iso").read_bytes()


def test_a_file_is_exchanged_only_where_it_fits(iso: Path) -> None:
    volume = bytearray(iso.read_bytes())
    room = len(volume)
    with pytest.raises(ValueError, match=f"{KERNEL_ON_ISO} takes .* no room for {room}"):
        iso9660.exchange(volume, KERNEL_ON_ISO, bytes(room))
    with pytest.raises(iso9660.NoSuchFile, match="NONE"):
        iso9660.exchange(volume, "/boot/none", b"")
    assert volume == iso.read_bytes()


def test_nothing_is_left_beside_the_iso(iso: Path) -> None:
    names = {file.name for file in iso.parent.iterdir()}
    assert names == {"kernel.iso", "program", "cache"}


def test_a_missing_module_is_named(kernel: Path, tmp_path: Path) -> None:
    with pytest.raises(PykasmError) as failure:
        make_iso(
            kernel, tmp_path / "k.iso", MENU, cache=tmp_path / "cache", modules=[tmp_path / "none"]
        )
    assert str(failure.value) == f"{tmp_path}/none, which belongs on the ISO, is not a file"


def test_two_modules_of_one_name_are_refused(kernel: Path, tmp_path: Path) -> None:
    modules = [tmp_path / "a" / "init", tmp_path / "b" / "init"]
    with pytest.raises(PykasmError) as failure:
        make_iso(kernel, tmp_path / "k.iso", MENU, cache=tmp_path / "cache", modules=modules)
    assert str(failure.value) == (
        f"two modules have the file name init: {modules[0]} and {modules[1]}\n"
        "help: rename one of them, since the kernel knows them by these names"
    )


def test_a_template_with_a_mistake_is_named(tmp_path: Path) -> None:
    menu = tmp_path / "grub.cfg.j2"
    menu.write_text("{{ nothing }}")
    with pytest.raises(PykasmError) as failure:
        render_menu(menu, "kernel", "", [])
    assert str(failure.value) == (
        f"the boot menu's template {menu} has a mistake: 'nothing' is undefined"
    )


def test_the_menu_starts_the_kernel_with_its_modules() -> None:
    lines = render_menu(MENU, "my kernel", "test quiet", ["init"]).splitlines()
    assert "set timeout=0" in lines
    assert lines[lines.index("menuentry 'my kernel' {") :] == [
        "menuentry 'my kernel' {",
        "    multiboot2 '/boot/kernel.elf' 'test' 'quiet'",
        "    module2 '/boot/modules/init' 'init'",
        '    if [ "$grub_platform" = pc ]; then  # a BIOS has a text mode, which hardware draws',
        "        set gfxpayload=text",
        "    fi",
        "}",
    ]


def test_quotes_survive_the_menu() -> None:
    assert quoted("it's") == r"'it'\''s'"
