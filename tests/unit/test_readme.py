"""The README tells of all that there is."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pykasm.commands.main import COMMANDS
from tests.boot.applets import ELSEWHERE, PATTERNS, WITHOUT, shown
from tests.boot.test_monitor import COMMANDS as AT_THE_PROMPT

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| (?P<names>.+?) (?<!\\)\| .+ \|$", re.MULTILINE)
CODE = re.compile(r"`(.+?)`")


def told() -> set[str]:
    """The first word of each piece of code in the first column of the README's tables."""
    rows = ROW.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    return {code.split()[0] for row in rows for code in CODE.findall(row)}


def test_every_command_of_pykasm_is_told() -> None:
    assert set(COMMANDS) - told() == set()


def test_every_command_of_the_monitor_is_told() -> None:
    assert set(AT_THE_PROMPT) - told() == set()


def test_every_folder_of_the_kernel_is_told() -> None:
    folders = {file.parent.name for file in (ROOT / "kernel").glob("*/__init__.py")}
    assert folders - told() == set()


def test_every_command_of_busybox_is_told() -> None:
    rows = ROW.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    told = {code for row in rows for code in CODE.findall(row)}
    tried = {name for names in shown().values() for name in names}
    tried |= {name for one in (PATTERNS, ELSEWHERE, WITHOUT) for key in one for name in key.split()}
    assert tried - told == set()
    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip("busybox is not installed")
    listed = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout
    assert set(listed.split()) - tried == set()
