"""What a build says of a project with a slip, as a user sees it."""

from __future__ import annotations

import ast
import gc
import os
import random
import re
import resource
import select
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from pykasm.build.pipeline import build
from pykasm.build.project import Project
from pykasm.build.stages import Stages
from pykasm.commands.main import main
from tests.edits import forget_modules
from tests.slips.lines import setting_slip, slip
from tests.slips.syntax import SLIPS

ROOT = Path(__file__).parents[2]
PROJECT = Path(__file__).parent / "project"
DEADLINE = 120
"""Seconds after which a build hangs: a thousand times as long as one takes."""

MEMORY = 4 << 30
"""Bytes that a build may take besides what there is when it begins, so that a slip of the project
does not take all of the machine's."""


class Slip(NamedTuple):
    """A `file` of the project with other contents; `what` tells the slip."""

    file: str
    text: str
    what: str


class Outcome(NamedTuple):
    """How a build ended: with which status (negative: by which signal), and what it printed."""

    status: int
    told: str


def some_slip(seed: int) -> Slip:
    """The slip that has the number `seed`."""
    chance = random.Random(seed)
    if chance.random() < 0.06:
        text = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
        return Slip("pyproject.toml", setting_slip(text, chance), "setting")
    file = chance.choice(sorted((PROJECT / "small").glob("*.py")))
    name, text = f"small/{file.name}", file.read_text(encoding="utf-8")
    if chance.random() < 0.12 or len(text) < 200:
        return Slip(name, slip(text, chance), "text")
    while True:
        tree, one = ast.parse(text), chance.choice(SLIPS)
        if one(tree, chance):
            with suppress(ValueError):  # of what stands in no f-string
                made = ast.unparse(ast.fix_missing_locations(tree))
                return Slip(name, f"{made}\n", one.__name__)


def copied(folder: Path) -> Path:
    """A copy of the project in `folder`."""
    shutil.copytree(PROJECT, folder)
    for file in folder.rglob("*"):
        os.utime(file, (0, 0))  # builds take what is new for unfinished
    return folder


def warm_up(folder: Path) -> None:
    """Build the project in this process, so that forks have imported all that a build needs."""
    path = [*sys.path]
    build(Project.load(copied(folder)), Stages(), listing=True)
    sys.path[:] = path
    forget_modules("small")
    gc.freeze()  # what lies here is not looked through in forks


class Workplace:
    """A copy of the project in `folder`, in which it is built with one slip after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = copied(folder)
        right = self._build()
        assert right.status == 0, right.told

    def outcome(self, one: Slip) -> Outcome:
        """How the build ends of the project with this slip alone."""
        file = self.folder / one.file
        right = file.read_bytes()
        file.write_text(one.text, encoding="utf-8")
        try:
            return self._build()
        finally:
            file.write_bytes(right)
            os.utime(file, (0, 0))

    def _build(self) -> Outcome:
        end, start = os.pipe()
        process = os.fork()
        if not process:
            os.close(end)
            _run_build(self.folder, start)
        os.close(start)
        told = b"".join(_output(end, process))
        _, status = os.waitpid(process, 0)
        return Outcome(os.waitstatus_to_exitcode(status), told.decode())

    def problem(self, number: int) -> str:
        """What is wrong with the outcome of a slip, by its number; empty if nothing is."""
        one = some_slip(number)
        outcome = self.outcome(one)
        wrong = [*problems(outcome, self.folder)]
        head = f"{number}: {one.what} in {one.file}"
        return "\n".join([head, *wrong, outcome.told]) if wrong else ""


def _run_build(folder: Path, output: int) -> None:
    """In a fork: build what lies in `folder` as the command line does, and end."""
    status = 70
    try:
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
        sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
        limit = _memory_in_use() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        os.chdir(folder)
        sys.path[:] = [one for one in sys.path if one != str(ROOT)]  # which has a kernel too
        sys.argv = ["pykasm", "build"]
        main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 70
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        sys.stdout.flush()
        os._exit(status)


def _memory_in_use() -> int:
    """Bytes of this process's address space: with what other tests have left in it (proc(5))."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


def _output(pipe: int, process: int) -> Iterator[bytes]:
    """What comes out of `pipe`; a `process` that says nothing for too long is ended."""
    with os.fdopen(pipe, "rb", buffering=0) as file:
        while True:
            ready, _, _ = select.select([file], [], [], DEADLINE)
            if not ready:
                os.kill(process, signal.SIGKILL)
            part = file.read(1 << 16) if ready else b""
            if not part:
                return
            yield part


HEAD = re.compile(r"(error|warning)\[[\w-]+\]: \S.*")
PLACE = re.compile(r"  (\S+):(\d+)")
QUOTED = re.compile(r" {2,6}\d+ \| ?.*| {8}\| .*")
WORDS = re.compile(r"(expected|got|help|note): .*")
COUNT = re.compile(r"\d+ errors?(, \d+ of them not shown)?")
INSIDE = re.compile(
    r"Traceback|/pykasm/|pykasm\.|object at 0x|<class|<function|<module"
    r"|__(call|new|(class_)?getitem|set\w*|get|enter|exit|r?mul)__"
)
"""What only who knows pykasm's or Python's insides can make something of."""


def problems(outcome: Outcome, folder: Path) -> Iterator[str]:
    """What is wrong with how the build of the project in `folder` ended."""
    if outcome.status not in (0, 1):
        yield f"the status is {outcome.status}"
    messages = [*_messages(outcome)]
    if outcome.status == 1 and not any(one[0].startswith("error") for one in messages):
        yield "there is no error"
    for message in messages:
        yield from _problems_of(message, folder)


def _messages(outcome: Outcome) -> Iterator[list[str]]:
    """The messages, as lists of lines, without the tables of a build that succeeded."""
    told = outcome.told
    if outcome.status == 0:
        told = re.split(r"^stage +ms", told, maxsplit=1, flags=re.MULTILINE)[0]
    for message in told.rstrip("\n").split("\n\n"):
        if message and not COUNT.fullmatch(message):
            yield message.split("\n")


def _problems_of(message: list[str], folder: Path) -> Iterator[str]:
    head, *rest = message
    if not HEAD.fullmatch(head):
        yield f"this is no message: {head}"
    places = [found for line in rest if (found := PLACE.fullmatch(line))]
    if not places:
        yield f"no place is named: {head}"
    for place in places:
        file = folder / place[1]
        if not file.is_relative_to(folder) or not file.is_file():
            yield f"this is no file of the project: {place[1]}"
        elif int(place[2]) > len(file.read_bytes().splitlines()) + 1:
            yield f"there is no such line: {place[0]}"
    for line in rest:
        if not any(one.fullmatch(line) for one in (PLACE, QUOTED, WORDS)):
            yield f"this line is not in the format: {line}"
    told = [line for line in message if not QUOTED.fullmatch(line)]
    if found := INSIDE.search("\n".join(told)):
        yield f"this shows insides: {found[0]}"
