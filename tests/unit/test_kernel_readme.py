"""What `kernel/README.md` tells of the kernel is so."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest

from kernel.image import without_selftest
from pykasm.check.build import Build
from pykasm.check.lockorder import LockOrder
from pykasm.encode.encoder import Encoder
from pykasm.lang.objects import assemble_program

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "kernel" / "README.md").read_text(encoding="utf-8")

TRYING = {"CrashCommands.first", "CrashCommands.second"}
"""Locks that are only there to be taken in both orders."""


def classes() -> dict[str, str]:
    """The text of each class of the kernel, with those that it is derived from left to itself."""
    found: dict[str, str] = {}
    for file in (ROOT / "kernel").rglob("*.py"):
        parts = re.split(r"^class (\w+)", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
        found.update(zip(parts[1::2], parts[2::2], strict=True))
    return found


def terms() -> set[str]:
    """What stands in backticks, and in the pictures."""
    pictures = re.findall(r"```text\n(.*?)```", TEXT, re.DOTALL)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL))
    return {*inline, *re.findall(r"[A-Z]\w+\.\w+|(?:\w+/)+\w+\.py", "\n".join(pictures))}


def test_every_file_that_it_names_is_there() -> None:
    named = {one for one in terms() if one.endswith(".py")}
    missing = {one for one in named if not any((ROOT / at / one).exists() for at in ("kernel", ""))}
    assert len(named) > 30
    assert missing == set()


def test_every_class_and_function_that_it_names_is_there() -> None:
    known = classes()
    named = [one.split(".") for one in terms() if re.fullmatch(r"[A-Z][a-zA-Z0-9]+\.\w+", one)]
    missing = [
        f"{owner}.{name}"
        for owner, name in named
        if not re.search(
            rf"^    (def {name}\b|{name}\b|self\.{name}\b)|self\.{name}:? ",
            known.get(owner, ""),
            re.M,
        )
    ]
    assert len(named) > 30
    assert missing == []


def test_every_class_that_it_names_alone_is_there() -> None:
    named = {one for one in terms() if re.fullmatch(r"[A-Z][a-z]\w+", one)}
    assert len(named) > 20
    assert named - classes().keys() == set()


@pytest.fixture(scope="module")
def taken_under() -> dict[str, set[str]]:
    """The locks that code of the kernel takes under each lock."""
    program = without_selftest().assemble()
    analysis = Build.of(program, assemble_program(program, Encoder(), "."), None).analysis
    edges = LockOrder(analysis).edges
    return {held: set(taken) for held, taken in edges.items() if held not in TRYING}


def test_the_order_of_locks_is_as_it_tells(taken_under: dict[str, set[str]]) -> None:
    table = TEXT.split("| held | taken under it |")[1].split("\n\n")[0]
    told: dict[str, set[str]] = defaultdict(set)
    for held, taken in re.findall(r"^\| (`.+`) \| (`.+`) \|$", table, re.MULTILINE):
        for one in re.findall(r"`(.+?)`", held):
            told[one] |= set(re.findall(r"`(.+?)`", taken))
    assert told == taken_under
