"""The README tells of all that there is."""

from __future__ import annotations

import re
from pathlib import Path

from pykasm.commands.main import COMMANDS
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
