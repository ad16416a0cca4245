"""Building, and how it grows: the kernel of the day, and one five times as large."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median

from scripts.benchmarks.figure import Figure, spread, timed

ROOT = Path(__file__).resolve().parents[2]
COPIES = 5
SIZES = (34_000, 170_000)
"""Numbers of instructions for which there are targets; others lie on the line through these two."""

TARGETS = {
    "from nothing": (3.0, 12.0),
    "after one line of a body": (0.8, 1.6),
    "with nothing to do": (0.3, 0.5),
}
"""Seconds for kernels of `SIZES`, to the ELF file, the ISO and the listing."""

INSTRUCTION = re.compile(r"^ +[0-9a-f]{16} ", re.M)
"""An instruction in a listing."""

ROUNDS = (5, 3)
"""How often each build of the kernel and of the large one is made: that takes minutes."""

TOUCHED = Path("kernel/sched/scheduler.py")
BODY = re.compile(
    r'^(    def yield_now\(self\)[^"]*"""[^"]*"""\n)(        (?:nop|pause)\(\)\n)?', re.M
)
"""The head of a function, and the line behind it that is changed."""

LINES = ("        nop()\n", "        pause()\n")

WHOLE = """\
\"\"\"A kernel and copies of it.\"\"\"

from pykasm import *
{imports}

def image() -> Image:
    \"\"\"All of them in one image.\"\"\"
    images = [{calls}]
    return Image(
        tuple(entry for one in images for entry in one.entries),
        [part for one in images for part in one.subsystems],
        on_assert=images[0].on_assert,
        on_lock=images[0].on_lock,
        layout=images[0].layout,
    )
"""


def figures() -> Iterator[Figure]:
    """Each build of each kernel."""
    with tempfile.TemporaryDirectory() as folder:
        for copies, rounds in zip((1, COPIES), ROUNDS, strict=True):
            project = Path(folder) / f"times{copies}"
            make_project(project, copies)
            name = "the kernel" if copies == 1 else f"{copies} times"
            yield from _measured(project, name, rounds)


def make_project(folder: Path, copies: int) -> None:
    """A project in `folder` whose image has the kernel, and copies of it under other names, so that
    there are `copies` in all."""
    kernel = folder / "kernel"
    shutil.copytree(ROOT / "kernel", kernel)
    shutil.copytree(ROOT / "grub", folder / "grub")
    settings = (ROOT / "pyproject.toml").read_text()
    settings = re.sub(r"^image = .*$", 'image = "kernel.whole:image"', settings, flags=re.M)
    (folder / "pyproject.toml").write_text(settings)
    classes = _own_classes(kernel)
    if copies > 1:  # interrupts of all copies lie on top of each stack
        _rewrite(kernel, r"^STACK_SIZE = (.+)$", r"STACK_SIZE = 2 * \1")
    names = [f"copy{number}" for number in range(2, copies + 1)]
    for number, name in enumerate(names, 2):
        shutil.copytree(kernel, folder / name)
        _rewrite(folder / name, r"^(\s*(?:from|import) )kernel\b", rf"\1kernel.{name}")
        _rewrite(folder / name, r"\b[^\W\d]\w*", partial(_renamed, classes, number))
    for name in names:
        shutil.move(folder / name, kernel)
    modules = ["kernel", *(f"kernel.{name}" for name in names)]
    imports = "".join(
        f"from {module}.image import image as image{number}\n"
        for number, module in enumerate(modules)
    )
    calls = ", ".join(f"image{number}()" for number in range(copies))
    (kernel / "whole.py").write_text(WHOLE.format(imports=imports, calls=calls))


def _own_classes(kernel: Path) -> set[str]:
    """The names of the classes of a kernel that are no names of others too."""
    texts = [file.read_text() for file in kernel.rglob("*.py")]
    own = {name for text in texts for name in re.findall(r"^class (\w+)", text, re.M)}
    taken = [
        re.findall(r"\w+", names)
        for text in texts
        for names in re.findall(r"^from (?!kernel)\S+ import \(?([^)]*?)(?:\)|$)", text, re.M)
    ]
    return own.difference(*taken)


def _renamed(classes: set[str], number: int, word: re.Match[str]) -> str:
    """A word, with `number` behind it if it is the name of one of `classes`."""
    return f"{word[0]}{number}" if word[0] in classes else word[0]


def _rewrite(folder: Path, pattern: str, other: str | Callable[[re.Match[str]], str]) -> None:
    for file in folder.rglob("*.py"):
        text = file.read_text()
        changed = re.sub(pattern, other, text, flags=re.M)
        if changed != text:
            file.write_text(changed)


def _measured(project: Path, name: str, rounds: int) -> Iterator[Figure]:
    if not _compiled(project).exists():
        _build(project)  # compiles pykasm itself
    size = 0
    builds: dict[str, Callable[[int], None]] = {
        "from nothing": lambda turn: shutil.rmtree(project / "build", ignore_errors=True),
        "after one line of a body": lambda turn: _touch(project, turn),
        "with nothing to do": lambda turn: None,
    }
    for build, prepare in builds.items():
        times = []
        for turn in range(rounds):
            prepare(turn)
            time.sleep(0.2)  # what is written just before a build is taken for unfinished
            times.append(timed(_build, project)[1])
        if not size:
            size = len(INSTRUCTION.findall((project / "build/kernel.lst").read_text()))
            yield Figure(f"{name}, instructions", f"{size:,}")
        target = _target(build, size)
        met = median(times) <= target
        yield Figure(f"{name}, {build}", spread(times, "s"), f"{target:.2f} s or less", met)


def _target(build: str, size: int) -> float:
    """The seconds that a build of so many instructions may take."""
    (small, large), (first, last) = SIZES, TARGETS[build]
    return first + (size - small) * (last - first) / (large - small)


def _touch(project: Path, turn: int) -> None:
    file = project / TOUCHED
    text, count = BODY.subn(rf"\g<1>{LINES[turn % 2]}", file.read_text(), count=1)
    assert count, "the function is there"
    file.write_text(text)


def _compiled(project: Path) -> Path:
    """The folder of compiled files, which projects share."""
    return project.parent / "compiled"


def _build(project: Path) -> None:
    """Build as people do, whose Python keeps compiled files."""
    compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(_compiled(project))}
    done = subprocess.run(
        [sys.executable, "-m", "pykasm", "build"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT), **compiled},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
