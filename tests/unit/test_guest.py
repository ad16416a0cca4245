"""What `pykasm run` gives the kernel to run."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from pykasm.build.project import Project
from pykasm.commands.guest import ARCHIVE, Guest
from pykasm.machine.cpio import archive, directory, file, symlink
from pykasm.machine.initramfs import of_folder


def project(folder: Path) -> Project:
    return Project(folder, command_line="quiet", modules=("other",))


def test_a_program_is_run_with_its_arguments(tmp_path: Path) -> None:
    (tmp_path / "hello").write_bytes(b"program")
    guest = Guest(None, None, tmp_path / "hello", ("one", "two words"), "norandmaps")
    found = guest.given_to(project(tmp_path))
    assert found.command_line == 'quiet norandmaps init=/bin/hello -- one "two words"'
    assert found.modules == (str(tmp_path / "build" / ARCHIVE), "other")
    contents = (tmp_path / "build" / ARCHIVE).read_bytes()
    assert contents == archive(
        [directory("bin"), directory("tmp", 0o1777), file("bin/hello", b"program", 0o755)]
    )


def test_a_folder_is_packed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True, mode=0o755)
    (root / "sub" / "text").write_bytes(b"text")
    (root / "sub" / "text").chmod(0o640)
    (root / "link").symlink_to("sub/text")
    assert of_folder(root) == archive(
        [symlink("link", "sub/text"), directory("sub"), file("sub/text", b"text", 0o640)]
    )
    found = Guest(None, root, None, (), "").given_to(project(tmp_path))
    assert (found.command_line, found.modules[1:]) == ("quiet", ("other",))


def test_an_archive_is_taken_as_it_is(tmp_path: Path) -> None:
    found = Guest(tmp_path / "x", None, None, (), "").given_to(project(tmp_path))
    assert found.modules == (str(tmp_path / "x"), "other")


def test_without_any_of_it_the_project_stays_as_it_is(tmp_path: Path) -> None:
    assert Guest(None, None, None, (), "").given_to(project(tmp_path)) == project(tmp_path)


def test_only_one_file_system_can_be_given(tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match="give one of them"):
        Guest(tmp_path, tmp_path, None, (), "").check()
    with pytest.raises(click.UsageError, match="double quotes"):
        Guest(None, None, tmp_path, ('say "a"',), "").check()
