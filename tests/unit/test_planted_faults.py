"""Faults of a kind that people make, planted in the kernel: each is found, at its line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("kernel", "grub", "pyproject.toml")


class Fault(NamedTuple):
    """What is written instead of something in a `file`, and the `rule` that finds it at the line
    `at`."""

    what: str
    rule: str
    file: str
    at: str
    edits: tuple[tuple[str, str], ...]


FAULTS = (
    Fault(
        "a field that is emptied, and what it owned is lost",
        "E089",
        "sched/xstate.py",
        "mov(thread.extended, 0)  # planted",
        (
            (
                "            mov(thread.extended, 0)\n",
                "            with if_(area != 0):\n"
                "                mov(thread.extended, 0)  # planted\n",
            ),
            ("        ret(cast(area, Ptr[SaveArea]))\n", "        ret(0)\n"),
        ),
    ),
    Fault(
        "an error that is not negated",
        "E088",
        "vm/userpages.py",
        "mov(result, Errno.EAGAIN)",
        (("mov(result, -Errno.EAGAIN)", "mov(result, Errno.EAGAIN)"),),
    ),
    Fault(
        "a function that fails and does not say that it may",
        "E087",
        "vm/demandpaging.py",
        "memory = keep(try_(self.pages.allocate_page(), Errno.ENOMEM))",
        (
            (
                "        entry: Keep[U64],\n    ) -> OrErrno[I32]:",
                "        entry: Keep[U64],\n    ) -> I32:",
            ),
        ),
    ),
    Fault(
        "a reference that is dropped without a look whether it was the last",
        "E086",
        "vm/userpages.py",
        "frame.uses.references.drop()",
        (
            (
                "        with if_(frame.uses.references.drop()):\n"
                "            tail(self.pages.free_page, page_of(frame))\n",
                "        frame.uses.references.drop()\n",
            ),
        ),
    ),
    Fault(
        "a reference that nobody has",
        "E080",
        "vm/userranges.py",
        "mov(slot, self._next(space, address_of(walk)))",
        (('        disown(frame, "the other\'s entry leads to it")\n', ""),),
    ),
    Fault(
        "an action of an interrupt that says it runs in a thread",
        "E043",
        "terminal/serial.py",
        "def _interrupt(",
        (
            (
                '@function(context="interrupt")\n    def _interrupt',
                '@function(context="thread")\n    def _interrupt',
            ),
        ),
    ),
    Fault(
        "an action of an interrupt that sleeps",
        "E040",
        "terminal/serial.py",
        "ignore(self.input.read())",
        (("self.input.notify()\n", "ignore(self.input.read())\n"),),
    ),
    Fault(
        "a handler called under the lock that it takes",
        "E050",
        "clock/timers.py",
        "timer.handler(timer)  # planted",
        (
            (
                "                    self._dequeue(queue, timer)\n",
                "                    self._dequeue(queue, timer)\n"
                "                    timer.handler(timer)  # planted\n",
            ),
        ),
    ),
    Fault(
        "an action that sleeps called under a lock",
        "E040",
        "sync/once.py",
        "action()  # planted",
        (
            (
                "                mov(once.progress, Progress.BEGUN)\n",
                "                mov(once.progress, Progress.BEGUN)\n"
                "                action()  # planted\n",
            ),
        ),
    ),
    Fault(
        "a record read after it was freed",
        "E081",
        "vm/regions.py",
        "mov(rcx, upper.end)  # planted",
        (
            ("                mov(rcx, upper.end)\n", "                lower = keep(lower)\n"),
            (
                "                self.remove(space, upper)\n",
                "                self.remove(space, upper)\n"
                "                mov(rcx, upper.end)  # planted\n"
                "                mov(lower.end, rcx)\n",
            ),
        ),
    ),
    Fault(
        "a space returned after it was freed",
        "E081",
        "vm/addressspaces.py",
        "ret(made)",
        (
            ("        errdefer(self.destroy, made)\n", ""),
            (
                "        fail_if(result != 0)\n        ret(made)",
                "        with if_(result != 0):\n            self.destroy(made)\n        ret(made)",
            ),
        ),
    ),
    Fault(
        "a record lost where something else failed",
        "E080",
        "vm/addressspaces.py",
        "root = keep(try_(self.pages.allocate_page()))",
        (("        errdefer(self.spaces.free, space)\n", ""),),
    ),
    Fault(
        "an error dropped, and success returned",
        "E082",
        "vm/addressspaces.py",
        "ignore(self.regions.add(space, start, end, rights))",
        (
            (
                "mov(result, self.regions.add(space, start, end, rights))",
                "ignore(self.regions.add(space, start, end, rights))\n"
                "                xor(result, result)",
            ),
        ),
    ),
    Fault(
        "a region read where there may be none",
        "E083",
        "vm/addressspaces.py",
        "with if_(region.node.key >= end):",
        (
            (
                "with if_((region == 0) | (region.node.key >= end)):",
                "with if_(region.node.key >= end):",
            ),
        ),
    ),
    Fault(
        "an entry of a tree followed without a test",
        "E083",
        "mm/arena.py",
        "with if_(range.pages == pages):",
        (
            (
                "try_(self.trees.at_least(address_of(self.free_ranges), pages))",
                "self.trees.at_least(address_of(self.free_ranges), pages)",
            ),
        ),
    ),
    Fault(
        "a length of the boot loader's that is not looked at",
        "E084",
        "boot/information.py",
        "div(size)",
        (("(size < least) | (size & sizeof(U64) - 1)", "size & sizeof(U64) - 1"),),
    ),
)


class Found(NamedTuple):
    """Where a rule is broken."""

    rule: str
    file: str
    line: int


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the kernel with all faults."""
    folder: Path = tmp_path_factory.mktemp("planted")
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, folder / part)
    for fault in FAULTS:
        file = folder / "kernel" / fault.file
        text = file.read_text(encoding="utf-8")
        for old, new in fault.edits:
            assert text.count(old) == 1, (fault.what, old)
            text = text.replace(old, new)
        file.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def found(place: Path) -> set[Found]:
    """What the checker finds there."""
    command = [sys.executable, "-m", "pykasm", "check", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(command, cwd=place, env=environment, capture_output=True, check=False)
    folder = place / "kernel"
    return {
        Found(one["rule"], str(Path(one["file"]).relative_to(folder)), one["line"])
        for one in json.loads(run.stdout)
    }


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_a_planted_fault_is_found(fault: Fault, place: Path, found: set[Found]) -> None:
    lines = (place / "kernel" / fault.file).read_text(encoding="utf-8").splitlines()
    (line,) = [number for number, text in enumerate(lines, 1) if fault.at in text]
    assert Found(fault.rule, fault.file, line) in found
