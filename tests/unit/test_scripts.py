"""The two commands on machines that lack what they need."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pykasm import packages
from pykasm.packages import this_system

ROOT = Path(__file__).resolve().parents[2]
BASH = "/bin/bash"
PROGRAMS = "binutils gdb xorriso mtools grub-common"
"""The packages that `setup` names first, for programs that none of these machines has."""

COMMANDS = pytest.mark.parametrize("command", ["run", "test"])

SUBJECTS = {
    "run": ("busybox-static",),
    "test": (
        *("gcc", "musl-tools", "busybox-static"),
        *(() if Path("/usr/bin/python3").exists() else ("python3",)),
        *("lua5.4", "sqlite3", "tcc", "procps", "less", "stress-ng"),
    ),
}
"""What each command has installed besides, one by one: it does without what can't be."""


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A checkout without an environment, and beside it `bin`, the only programs there are."""
    shutil.copytree(ROOT / "scripts", tmp_path / "checkout" / "scripts")
    (tmp_path / "bin").mkdir()
    add_program(tmp_path, "dirname", 'exec /usr/bin/dirname "$@"')
    add_program(tmp_path, "env", 'exec /usr/bin/env "$@"')
    add_program(tmp_path, "bash", f'exec {BASH} "$@"')
    return tmp_path


def add_program(machine: Path, name: str, body: str) -> None:
    program = machine / "bin" / name
    program.write_text(f"#!{BASH}\n{body}\n")
    program.chmod(0o755)


def start(machine: Path, command: str) -> subprocess.CompletedProcess[str]:
    """What becomes of `scripts/COMMAND` on `machine`."""
    return subprocess.run(
        [BASH, machine / "checkout" / "scripts" / command],
        env={"PATH": str(machine / "bin")},
        capture_output=True,
        text=True,
        check=False,
    )


@COMMANDS
def test_elsewhere_than_on_debian_what_is_missing_is_named(fresh: Path, command: str) -> None:
    result = start(fresh, command)
    assert result.returncode == 1
    missing, help_line = result.stderr.splitlines()
    assert missing.startswith(f"missing: {PROGRAMS} ")
    assert missing.endswith(" python3 python3-venv (these are the names of Debian's packages)")
    assert help_line == "install what brings them on this system, then run this again"
    assert not (fresh / "checkout" / ".venv").exists()


def test_with_python_what_is_missing_is_named_as_this_system_calls_it(fresh: Path) -> None:
    (fresh / "checkout/pykasm").mkdir()
    shutil.copy(packages.__file__, fresh / "checkout/pykasm")
    add_program(fresh, "python3", f'exec {sys.executable} "$@"')
    result = start(fresh, "run")
    assert result.returncode == 1
    first, *lines = result.stderr.splitlines()
    assert first == "something is missing here; install it, then run this again"
    assert lines[0].startswith(f"help: on {this_system().name}: ")
    assert set(PROGRAMS.split()) <= set(lines[0].split())


@COMMANDS
def test_on_debian_what_is_missing_is_installed(fresh: Path, command: str) -> None:
    log = fresh / "log"
    add_program(fresh, "id", "echo 0")
    add_program(fresh, "apt-get", f'echo "$@" >>{log}')
    result = start(fresh, command)
    update, install, *subjects = log.read_text().splitlines()
    assert update == "update -q"
    wanted = [f"install -q -y --no-install-recommends {one}" for one in SUBJECTS[command]]
    assert subjects == wanted
    assert install.startswith(f"install -q -y --no-install-recommends {PROGRAMS} ")
    assert result.returncode == 1
    assert result.stderr == (  # as this machine's packages brought nothing
        "Python 3.11 or later with its venv module is needed; this system's packages bring none\n"
    )


def test_others_than_root_install_by_sudo(fresh: Path) -> None:
    add_program(fresh, "id", "echo 1000")
    add_program(fresh, "apt-get", "exit 1")
    add_program(fresh, "sudo", f'echo "$@" >{fresh / "log"}; exit 1')
    assert start(fresh, "run").returncode == 1
    assert (fresh / "log").read_text() == "apt-get update -q\n"


def test_an_environment_that_a_link_leads_to_is_not_made_again(fresh: Path) -> None:
    shared = fresh / "shared"
    shared.mkdir()
    (shared / "installed").write_text("what another tree wants")
    (fresh / "checkout/.venv").symlink_to(shared)
    add_program(fresh, "id", "echo 0")
    add_program(fresh, "apt-get", "exit 0")
    add_program(fresh, "python3", f'exec {sys.executable} "$@"')
    add_program(fresh, "cat", 'exec /usr/bin/cat "$@"')
    add_program(fresh, "sha256sum", 'exec /usr/bin/sha256sum "$@"')
    shutil.copy(ROOT / "pyproject.toml", fresh / "checkout")
    result = start(fresh, "run")
    assert result.returncode == 1
    assert result.stderr == (
        ".venv is a link and its libraries are not those wanted here; remove the link, then run"
        " this again\n"
    )
    assert [*shared.iterdir()] == [shared / "installed"]
