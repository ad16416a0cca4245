"""CPython's own regression tests on Debian's Python, as far as they pass on the host."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pykasm.machine.initramfs import of_folder
from pykasm.machine.session import Machine
from tests.boot.roots import shell_root
from tests.boot.test_shell import Shell

MakeMachine = Callable[..., Machine]

PYTHON = Path("/usr/bin/python3")
LIBRARY = Path("/usr/lib/python3.11")
TESTS = "test"

QUICK = ("test_pipes", "test_mmap", "test_pty", "test_stat", "test_thread", "test_filecmp")
SLOW = (
    *("test_fcntl", "test_file", "test_fileinput", "test_fileio", "test_fork1", "test_genericpath"),
    *("test_getpass", "test_glob", "test_grp", "test_ioctl", "test_json", "test_linecache"),
    *("test_openpty", "test_pathlib", "test_poll", "test_popen", "test_posix", "test_posixpath"),
    *("test_pwd", "test_queue", "test_resource", "test_sched", "test_select", "test_selectors"),
    *("test_shutil", "test_struct", "test_syslog", "test_tempfile", "test_threading"),
    *("test_threadsignals", "test_time", "test_wait3", "test_wait4"),
)
"""Those that CPython has of what a kernel does, and that pass on the host; the slow ones take a
quarter of an hour together."""

NEEDED = ("__init__.py", "__main__.py", "libregrtest", "support", "fork_wait.py", "lock_tests.py")
"""What tests use of the package that they are in."""

COMPILED = shutil.ignore_patterns("__pycache__")

MODULES = (
    *("json", "sqlite3", "threading", "subprocess", "socket", "select", "asyncio"),
    *("multiprocessing", "tempfile", "ctypes"),
)

PATIENCE = 600


def passing_here(name: str, folder: Path) -> bool:
    """Whether the host's Python passes these tests."""
    command = [str(PYTHON), "-m", "test", name]
    done = subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    return done.returncode == 0


@pytest.fixture
def python(machine: MakeMachine, tmp_path: Path) -> Shell:
    """A shell in a root with Python and its tests."""
    if not (LIBRARY / TESTS / "test_pipes.py").exists():
        pytest.skip("CPython's tests are not here (Debian's package libpython3.11-testsuite)")
    root = shell_root(tmp_path, "--python")
    place = root / LIBRARY.relative_to("/") / TESTS
    place.mkdir(exist_ok=True)
    for name in (*NEEDED, *QUICK, *SLOW):
        folder, file = LIBRARY / TESTS / name, f"{name.removesuffix('.py')}.py"
        if folder.is_dir():
            shutil.copytree(folder, place / name, dirs_exist_ok=True, ignore=COMPILED)
        else:
            shutil.copy(LIBRARY / TESTS / file, place)
    profile = root / "etc" / "profile"
    profile.write_text(re.sub("(?m)^.*python3.*\n", "", profile.read_text()))
    initrd = tmp_path / "initrd"
    initrd.write_bytes(of_folder(root))
    return Shell(machine(modules=(initrd,), smp=2, memory=1024, lifetime=60 * PATIENCE))


def test_modules_are_imported_and_quick_tests_of_python_pass(python: Shell, tmp_path: Path) -> None:
    modules = ", ".join(MODULES)
    assert run(python, f"python3 -c 'import {modules}; print(2)'") == ["2"]
    compare(python, QUICK, tmp_path)


@pytest.mark.long
def test_slow_tests_of_python_pass(python: Shell, tmp_path: Path) -> None:
    compare(python, SLOW, tmp_path)


def compare(python: Shell, names: tuple[str, ...], folder: Path) -> None:
    """Run these tests there; those that fail have to fail on the host, too."""
    failed = {}
    for name in names:
        said = run(python, f"cd /tmp; python3 -m test {name} </dev/null; echo $?")
        if said[-1] != "0" and passing_here(name, folder):
            failed[name] = said
    assert not failed


def run(shell: Shell, command: str) -> list[str]:
    """The lines that `command` prints, which may take long."""
    shell.machine.send_line(f"echo BEG''IN; {command}; echo E''ND")
    said = shell.machine.expect(r"(?s)BEGIN\r\n(.*?)\r?\nEND\r\n", timeout=PATIENCE).group(1)
    shell.await_prompt()
    return str(said).replace("\r", "").split("\n")
