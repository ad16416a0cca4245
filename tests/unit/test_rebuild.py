"""What is written again after a change, and what is taken from the last build."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pykasm import parallel
from pykasm.build import units
from pykasm.build.pipeline import build, checked
from pykasm.build.project import Project
from pykasm.build.stages import Stages
from pykasm.build.unitrecord import WrittenUnit
from pykasm.build.unitsahead import UnitAhead
from pykasm.check.checker import report
from pykasm.errors import BuildFailed
from tests.edits import forget_modules

REPOSITORY = Path(__file__).parents[2]

START = '''
from parts.names import Names
from pykasm import *


class Start(Subsystem):
    """The beginning."""

    calls = percpu(U64)

    def __init__(self, names: Names) -> None:
        self.names = names

    @entry(bits=32)
    def start(self) -> None:
        """Stop at once."""
        hlt()

    @function(exported=True)
    def number(self) -> U64:
        """Some numbers."""
        self.names.twice()
        ret(self.names.number("start") + 1)

    @function(exported=True)
    def count(self) -> None:
        """Count calls."""
        sti()
        with allowed("E041", "there is one processor"):
            mov(rax, self.calls)
            inc(rax)
            mov(self.calls, rax)
'''

NAMES = '''
from pykasm import *


class Names(Subsystem):
    """Names, and numbers for them."""

    def __init__(self) -> None:
        self.known: list[str] = []
        self.texts = rodata(Ptr[U8] * 4, self.known)

    @interns
    def number(self, name: str) -> int:
        """The number of a name."""
        if name not in self.known:
            self.known.append(name)
        return self.known.index(name)

    def twice(self) -> None:
        """Wait."""
        nop()
        nop()


class Others(Subsystem):
    """Something else."""

    value = bss(U64)

    def __init__(self, names: Names) -> None:
        self.names = names

    @function(exported=True)
    def other(self) -> U64:
        """A number."""
        mov(self.value, 1)
        ret(self.names.number("other") + 1)
'''

IMAGE = '''
from parts.names import Names, Others
from parts.start import Start
from pykasm import *


def image() -> Image:
    """The image."""
    names = Names()
    start = Start(names)
    return Image(entry=start.start, subsystems=[names, Others(names), start])
'''


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project of three subsystems, whose modules no other test imports."""
    (tmp_path / "grub").mkdir()
    (tmp_path / "parts").mkdir()
    for name, text in {"start": START, "names": NAMES, "image": IMAGE}.items():
        (tmp_path / f"parts/{name}.py").write_text(text)
    (tmp_path / "grub/grub.cfg.j2").write_text((REPOSITORY / "grub/grub.cfg.j2").read_text())
    (tmp_path / "pyproject.toml").write_text('[tool.pykasm]\nimage = "parts.image:image"\n')
    for file in tmp_path.rglob("*"):
        os.utime(file, (0, 0))  # builds take what is new for unfinished
    monkeypatch.setattr(sys, "path", sys.path.copy())
    return Project.load(tmp_path)


class Builds:
    """Builds `project` as new processes would; `log` is a file with what was written, by forks
    too."""

    def __init__(self, project: Project, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.project = project
        self.log = log
        emit = units.emit_unit

        def watched(unit: units.Unit, owner: units.Subsystem) -> None:
            with log.open("a") as file:
                file.write(f"{unit.name}\n")
            emit(unit, owner)

        monkeypatch.setattr(units, "emit_unit", watched)

    def build(self) -> list[str]:
        """Build; what was written for it. It is what a build from nothing makes."""
        self.log.write_text("")
        again = self._made(self.project)
        written = self.log.read_text().split()
        scratch = replace(self.project, build=f"scratch{len(list(self.project.root.iterdir()))}")
        assert again == self._made(scratch)
        return written

    def check(self) -> tuple[list[str], list[str]]:
        """Check; what was written for it, and the errors, the same as from nothing."""
        self.log.write_text("")
        forget_modules("parts")
        units, made = checked(self.project, Stages())
        written = self.log.read_text().split()
        assert [*map(str, made.findings)] == [
            str(one) for one in report(units.program, units.assembled).findings
        ]
        return written, [one.what for one in made.errors]

    def _made(self, project: Project) -> list[bytes]:
        forget_modules("parts")
        build(project, Stages(), listing=True)
        return [one.read_bytes() for one in (project.kernel, project.iso, project.listing)]

    def edit(self, module: str, old: str, new: str) -> None:
        """Change a module."""
        file = self.project.root / f"parts/{module}.py"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))


@pytest.fixture
def builds(
    project: Project, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Builds:
    made = Builds(project, tmp_path_factory.mktemp("log") / "written", monkeypatch)
    assert made.build() == ["Names", "Others", "Start"]
    return made


def test_nothing_is_written_where_nothing_changed(builds: Builds) -> None:
    assert builds.build() == ["Names"]  # what interns always is


def test_a_body_is_its_own_subsystems(builds: Builds) -> None:
    builds.edit("names", "mov(self.value, 1)", "mov(self.value, 2)")
    assert builds.build() == ["Names", "Others"]


def test_checks_and_builds_leave_to_each_other_what_they_wrote(builds: Builds) -> None:
    assert builds.check() == (["Names"], [])
    builds.edit("names", "mov(self.value, 1)", "mov(self.value, rbx)")
    written, (found,) = builds.check()
    assert written == ["Names", "Others"]
    assert found == "`rbx` is read before it is written"
    assert builds.check()[1] == [found]
    builds.edit("names", "mov(self.value, rbx)", "mov(self.value, 2)")
    assert builds.check() == (["Names", "Others"], [])
    assert builds.check() == (["Names"], [])
    builds.build()
    assert builds.check() == (["Names"], [])


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("names", "        nop()\n", ""),
        ("names", "ret(self.names", "ret(1 + self.names"),
        ("names", "def other(self) -> U64", "def other(self) -> U32"),
        ("image", "[names, Others(names), start]", "[names, start, Others(names)]"),
    ],
)
def test_all_else_is_everybodys(builds: Builds, module: str, old: str, new: str) -> None:
    builds.edit(module, old, new)
    written = builds.build()
    is_body = old.startswith("ret")
    assert ("Start" in written) is not is_body


def test_lines_that_move_are_those_that_are_named(builds: Builds) -> None:
    builds.edit("names", "class Others", "# and\n# others\n\n\nclass Others")
    assert builds.build() == ["Names", "Others"]
    builds.edit("names", "    def twice", "    # where Start is\n\n    def twice")
    assert builds.build() == ["Names", "Others", "Start"]


def test_numbers_go_on_where_others_were_given(builds: Builds) -> None:
    builds.edit("names", 'self.names.number("other")', 'self.names.number("another")')
    assert builds.build() == ["Names", "Others"]
    builds.edit("names", "mov(self.value, 1)", 'mov(self.value, self.names.number("first"))')
    assert builds.build() == ["Names", "Others", "Start"]  # which gets another number


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("start", "from pykasm import *", "import os\nfrom pykasm import *"),
        ("start", "hlt()", "hlt()\n        open(__file__).close()"),
        ("start", "hlt()", "hlt()\n        self.was_here = True"),
        ("names", "    @interns\n", ""),
    ],
)
def test_what_no_source_tells_is_written_each_time(
    builds: Builds, module: str, old: str, new: str
) -> None:
    builds.edit(module, old, new)
    for _ in range(2):
        assert builds.build()[-3:] == ["Names", "Others", "Start"]


def test_a_variable_with_the_name_of_a_function_that_reads_files(builds: Builds) -> None:
    builds.edit("names", "class Others", "open = 2\nTWICE = 2 * open\n\n\nclass Others")
    builds.edit("names", "mov(self.value, 1)", "mov(self.value, open)")
    builds.build()
    builds.edit("names", "mov(self.value, open)", "mov(self.value, open + 1)")
    assert builds.build() == ["Names", "Others"]


@pytest.mark.parametrize(
    "lines",
    [
        "TEXT = open(__file__).read()\nopen = 1",
        "open = open(__file__).read()",
        "open = 1\ndel open\nTEXT = open(__file__).read()",
        "if __debug__ is None:\n    open = 1\nTEXT = open(__file__).read()",
    ],
    ids=["before", "by itself", "deleted", "maybe"],
)
def test_a_variable_that_is_none_yet(builds: Builds, lines: str) -> None:
    builds.edit("names", "class Others", f"{lines}\n\n\nclass Others")
    for _ in range(2):
        assert builds.build() == ["Names", "Others", "Start"]


def test_a_field_with_the_name_of_a_function_that_reads_files(builds: Builds) -> None:
    builds.edit("names", "class Others", "class Entry(Struct):\n    open: U64\n\n\nclass Others")
    builds.build()
    builds.edit("names", "mov(self.value, 1)", "mov(self.value, 2)")
    assert builds.build() == ["Names", "Others"]


@pytest.fixture
def _made_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have another process make each unit as soon as it is written."""
    monkeypatch.setattr(parallel, "processors", lambda: 2)
    monkeypatch.setattr(parallel.Ahead, "_is_busy", False)
    monkeypatch.setattr(units, "LEAST", 1)


def _products(project: Project) -> list[bytes]:
    forget_modules("parts")
    build(project, Stages(), listing=True)
    scripts = sorted((project.folder / "kernel.listing").iterdir())
    files = [project.kernel, project.listing, project.page, *scripts]
    return [one.read_bytes() for one in files]


SHARED = ("names", "self.texts =", "self.numbers = [1, 2]\n        self.texts =")
HELD = ("names", "= names\n", "= names\n        self.table = rodata(U64 * 2, names.numbers)\n")
CHANGED = ("start", "hlt()", "hlt()\n        self.names.numbers[1] = 3")


@pytest.mark.parametrize(
    ("edits", "found"),
    [
        ([], ["Others", "Start"]),
        ([SHARED, HELD], ["Others", "Start"]),
        ([SHARED, HELD, CHANGED], ["Start"]),
    ],
)
def test_what_is_made_meanwhile_is_as_it_would_be_afterwards(
    builds: Builds,
    edits: list[tuple[str, str, str]],
    found: list[str],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module, old, new in edits:
        builds.edit(module, old, new)
    afterwards = _products(replace(builds.project, build="afterwards"))
    request.getfixturevalue("_made_meanwhile")
    taken: list[str] = []
    written = UnitAhead.written

    def watched(self: UnitAhead, *arguments: Any) -> WrittenUnit:
        taken.append(self.name)
        return written(self, *arguments)

    monkeypatch.setattr(UnitAhead, "written", watched)
    meanwhile = replace(builds.project, build="meanwhile")
    assert _products(meanwhile) == afterwards
    assert taken == found
    assert _products(meanwhile) == afterwards


@pytest.mark.usefixtures("_made_meanwhile")
def test_mistakes_in_what_is_made_meanwhile_are_told_in_order(builds: Builds) -> None:
    builds.edit("names", "mov(self.value, 1)", "jrcxz(self.other)")
    builds.edit("start", "self.names.twice()", "jrcxz(self.number)")
    forget_modules("parts")
    with pytest.raises(BuildFailed) as failed:
        build(builds.project, Stages(), listing=True)
    assert {one.what for one in failed.value.mistakes} == {"`jrcxz` cannot leave its own code"}
    places = [one.span.source.file for one in failed.value.mistakes if one.span]
    assert [*map(os.path.basename, places)] == ["names.py", "start.py"]
    builds.edit("names", "jrcxz(self.other)", "mov(self.value, 1)")
    builds.edit("start", "jrcxz(self.number)", "self.names.twice()")
    builds.build()
