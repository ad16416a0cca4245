"""The external programs: found, missing, run, failed."""

from pathlib import Path

import pytest

from pykasm.toolchain import (
    CommandFailed,
    Reporter,
    ToolsMissing,
    doctor,
    find,
    located,
    require,
    run,
)


@pytest.fixture
def no_programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without any program."""
    monkeypatch.setenv("PATH", str(tmp_path))


def test_a_program_is_found_on_the_search_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "ld").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find("ld") == tmp_path / "ld"


def test_a_program_of_another_name_is_found_and_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "grub2-mkimage"
    program.write_text("#!/bin/sh\necho made $1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}")
    assert find("grub-mkimage") == program
    assert run("grub-mkimage", "core") == "made core\n"


def test_the_usual_name_goes_before_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("grub-mkimage", "grub2-mkimage"):
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find("grub-mkimage") == tmp_path / "grub-mkimage"


@pytest.mark.usefixtures("no_programs")
def test_all_missing_programs_are_named_with_their_packages() -> None:
    with pytest.raises(ToolsMissing) as failure:
        require("ld", "xorriso", "strip")
    assert str(failure.value) == (
        "3 external programs are missing:\n"
        "  ld: for linking the kernel, in the package binutils\n"
        "  xorriso: for writing the ISO, in the package xorriso\n"
        "  strip: for the kernel on the ISO, in the package binutils\n"
        "help: on Debian or Ubuntu: sudo apt install binutils xorriso"
    )


@pytest.mark.usefixtures("no_programs")
def test_a_missing_program_is_named_when_it_is_needed() -> None:
    with pytest.raises(ToolsMissing, match=r"1 external program is missing:\n  gdb: "):
        located("gdb")


@pytest.mark.usefixtures("no_programs")
def test_running_a_missing_program_names_it() -> None:
    with pytest.raises(ToolsMissing, match="xorriso"):
        run("xorriso", "--version")


def test_run_gives_back_all_that_was_printed() -> None:
    assert run("sh", "-c", "echo out; echo error >&2") == "out\nerror\n"


def test_a_failure_shows_the_command_and_its_output() -> None:
    with pytest.raises(CommandFailed) as failure:
        run("sh", "-c", "echo no such thing; exit 3")
    assert str(failure.value) == (
        "sh failed (exit status 3):\n  sh -c 'echo no such thing; exit 3'\nno such thing"
    )


def test_programs_print_the_same_in_every_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert run("sh", "-c", "echo $LC_ALL") == "C\n"


def test_a_verbose_reporter_prints_each_command(capsys: pytest.CaptureFixture[str]) -> None:
    run("echo", "two words", reporter=Reporter(verbose=True))
    assert capsys.readouterr().out == "+ echo 'two words'\n"


def test_the_doctor_finds_versions() -> None:
    found = {one.name: one for one in doctor()}
    ld = found["ld"]
    assert ld.path == find("ld")
    assert ld.version is not None
    assert ld.version in run("ld", "--version")


@pytest.mark.usefixtures("no_programs")
def test_the_doctor_shows_what_is_missing() -> None:
    missing = {one.name: one.tool.package for one in doctor() if one.path is None}
    assert missing["qemu-system-x86_64"] == "qemu-system-x86"
    assert missing["mformat"] == "mtools"
