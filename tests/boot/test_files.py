"""Files of an initramfs, as the monitor shows them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pykasm.machine.cpio import archive, directory, file, symlink
from pykasm.machine.session import Machine

MakeMachine = Callable[..., Machine]


def test_an_initramfs_is_unpacked(machine: MakeMachine, tmp_path: Path) -> None:
    initrd = tmp_path / "initrd"
    initrd.write_bytes(
        archive(
            [
                directory("etc"),
                file("etc/motd", b"one line\nand " + b"x" * 5000 + b" the end\n"),
                directory("bin"),
                symlink("bin/again", "../etc/motd"),
            ]
        )
    )
    kernel = machine(modules=(initrd,))
    kernel.expect_prompt()
    assert kernel.command("ls /").split() == [".", "..", "etc", "bin", "dev"]
    assert kernel.command("ls bin/").split() == [".", "..", "again"]
    assert kernel.command("cat bin/again").split() == [
        "one",
        "line",
        "and",
        "x" * 5000,
        "the",
        "end",
    ]
    assert kernel.command("cat bin/none") == "bin/none: error 2"


def test_without_an_archive_the_root_is_empty(machine: MakeMachine) -> None:
    kernel = machine()
    kernel.expect_prompt()
    assert kernel.command("ls /").split() == [".", "..", "dev"]
