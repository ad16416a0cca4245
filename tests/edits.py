"""Random edits of a project's source, each built from what the last build left and from nothing."""

from __future__ import annotations

import ast
import os
import pickle
import random
import re
import shutil
import sys
import tokenize
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from pykasm.build.lastbuild import LastBuild
from pykasm.build.modulesource import ModuleSource
from pykasm.build.pipeline import build
from pykasm.build.project import Project
from pykasm.build.stages import Stages
from pykasm.errors import PykasmError
from pykasm.syntax import nodes_of

ROOT = Path(__file__).parents[1]
PARTS = ("kernel", "grub", "pyproject.toml")
SCRATCH = "scratch"
"""The folder of builds from nothing."""

HELPS = ("encodings", "modules")
"""What builds from nothing may take from others, as nothing of it is a unit's."""


class Edit(NamedTuple):
    """A file's text with one place changed; `what` says where and how. One that `is_local` is in
    the body of a function, or only moves lines."""

    file: Path
    text: str
    what: str
    is_local: bool


class Made(NamedTuple):
    """What a build came to: what it says, and its files."""

    told: str
    files: dict[str, bytes]


def random_edit(place: Workplace, chance: random.Random) -> Edit:
    """An edit of some module of the image that is built in `place`."""
    while True:
        file = chance.choice(place.files)
        text = file.read_text(encoding="utf-8")
        name, change = chance.choice(CHANGES)
        lines = text.splitlines(keepends=True)
        line = change(lines, text, chance)
        if line is not None:
            where = f"{file.relative_to(place.folder)}:{line}"
            moves = change is _line or _is_in_body(text, line)
            return Edit(file, "".join(lines), f"{where} {name}", moves)


def _is_in_body(text: str, line: int) -> bool:
    """Whether only one function's code depends on `line`."""
    tree = ast.parse(text)
    source = ModuleSource.of(tree, nodes_of(tree), text)
    return any(one.first <= line <= one.last for bodies in source.bodies.values() for one in bodies)


def groups(place: Workplace, chance: random.Random, count: int) -> Iterator[list[Edit]]:
    """`count` edits, to be built together where each matters to some units alone: ten at once, in
    modules of their own. Of all others each is by itself."""
    together: dict[Path, Edit] = {}
    for _ in range(count):
        edit = random_edit(place, chance)
        if not edit.is_local:
            yield [edit]
        elif edit.file in together:
            yield [*together.values()]
            together = {edit.file: edit}
        else:
            together[edit.file] = edit
            if len(together) == TOGETHER:
                yield [*together.values()]
                together = {}
    if together:
        yield [*together.values()]


TOGETHER = 10


Change = Callable[[list[str], str, random.Random], int | None]
"""Changes lines; gives the number of the line that it is about, None if nothing is there to be
changed."""


def _statements(text: str) -> list[ast.stmt]:
    """The statements of functions but for docstrings."""
    return [
        one
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef)
        for one in ast.walk(node)
        if (isinstance(one, ast.Expr) and isinstance(one.value, ast.Call))
        or isinstance(one, ast.Assign | ast.With | ast.Return)
    ]


def _insert(lines: list[str], text: str, chance: random.Random) -> int | None:
    """An instruction before a statement, in a body, a helper or a constructor."""
    found = _statements(text)
    if not found:
        return None
    one = chance.choice(found)
    lines.insert(one.lineno - 1, " " * one.col_offset + "nop()\n")
    return one.lineno


def _drop(lines: list[str], text: str, chance: random.Random) -> int | None:
    """A statement less."""
    found = [one for one in _statements(text) if one.lineno == one.end_lineno]
    if not found:
        return None
    one = chance.choice(found)
    lines[one.lineno - 1] = " " * one.col_offset + "pass\n"
    return one.lineno


def _number(lines: list[str], text: str, chance: random.Random) -> int | None:
    """Another number, in code, a constant, a struct or data."""
    return _token(lines, text, chance, tokenize.NUMBER, _other_number)


def _other_number(token: str) -> str:
    return (
        str(int(token.replace("_", ""), 0) + 1) if re.fullmatch(r"[\dxA-Fa-f_]+", token) else token
    )


def _string(lines: list[str], text: str, chance: random.Random) -> int | None:
    """A letter more in a text: a docstring, something printed, a name."""
    return _token(lines, text, chance, tokenize.STRING, _longer)


def _longer(token: str) -> str:
    return re.sub(r'("""|")$', r"e\1", token)


def _word(lines: list[str], text: str, chance: random.Random) -> int | None:
    """Another operand."""
    names = {"rax": "rcx", "eax": "ecx", "rdx": "rcx", "rdi": "rsi", "U64": "I64", "U32": "I32"}
    return _token(lines, text, chance, tokenize.NAME, lambda one: names.get(one, one))


def _token(
    lines: list[str],
    text: str,
    chance: random.Random,
    kind: int,
    other: Callable[[str], str],
) -> int | None:
    """Put another one in place of a token that there is another one for."""
    tokens = [
        one
        for one in tokenize.generate_tokens(StringIO(text).readline)
        if one.type == kind and other(one.string) != one.string and one.start[0] == one.end[0]
    ]
    if not tokens:
        return None
    token = chance.choice(tokens)
    (row, start), (_, end) = token.start, token.end
    line = lines[row - 1]
    lines[row - 1] = line[:start] + other(token.string) + line[end:]
    return row


def _field(lines: list[str], text: str, chance: random.Random) -> int | None:
    """A field more at the start of a struct."""
    found = [
        one.body[1]
        for one in ast.parse(text).body
        if isinstance(one, ast.ClassDef)
        and any(isinstance(base, ast.Name) and base.id == "Struct" for base in one.bases)
        and len(one.body) > 1
        and isinstance(one.body[1], ast.AnnAssign)
    ]
    if not found:
        return None
    one = chance.choice(found)
    lines.insert(one.lineno - 1, "    spare: U64\n")
    return one.lineno


def _line(lines: list[str], text: str, chance: random.Random) -> int | None:
    """A line that says nothing, which moves all others."""
    row = chance.randrange(len(lines)) + 1
    lines.insert(row - 1, chance.choice(("\n", "# nothing\n", "\n# nothing\n\n")))
    return row


def _order(lines: list[str], text: str, chance: random.Random) -> int | None:
    """Two lines of a list in the other order: contents, steps, commands."""
    rows = [
        row
        for row in range(1, len(lines))
        if re.fullmatch(r"\s+[\w.]+,( +#.*)?\n", lines[row - 1])
        and re.fullmatch(r"\s+[\w.]+,( +#.*)?\n", lines[row])
    ]
    if not rows:
        return None
    row = chance.choice(rows)
    lines[row - 1 : row + 1] = lines[row], lines[row - 1]
    return row


CHANGES: list[tuple[str, Change]] = [
    ("instruction", _insert),
    ("statement dropped", _drop),
    ("number", _number),
    ("text", _string),
    ("operand", _word),
    ("field", _field),
    ("line", _line),
    ("order", _order),
]


class Workplace:
    """A copy of this project in `folder`, whose `image` is edited and built."""

    def __init__(self, folder: Path, image: str = "image") -> None:
        for part in PARTS:
            source = ROOT / part
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, folder / part)
        self.folder = folder
        settings = folder / "pyproject.toml"
        text = settings.read_text().replace('"kernel.image:image"', f'"kernel.image:{image}"')
        settings.write_text(text)
        os.utime(settings, (0, 0))  # builds take what is new for unfinished
        self._before: dict[Path, str] = {}
        _in_fork(lambda: _built(folder))
        self.files = [Path(name) for name in self._inputs() if Path(name).suffix == ".py"]
        """The modules of the image."""
        self._keep_help()

    def _inputs(self) -> list[str]:
        """The files that the first build was made from."""
        last = LastBuild(Project.load(self.folder), iso=True, listing=True)
        assert last.record is not None
        return sorted(last.record.inputs)

    def _keep_help(self) -> None:
        """Keep what builds from nothing may use."""
        cache = self.folder / "build/cache"
        self._help = self.folder / "help"
        self._help.mkdir()
        for one in cache.iterdir():
            if one.name in HELPS or one.name.startswith("grub-"):
                copy = shutil.copytree if one.is_dir() else shutil.copy
                copy(one, self._help / one.name)

    def compared(self, edits: Sequence[Edit]) -> tuple[Made, Made]:
        """What `edits` without earlier ones come to, built from what the last build left and from
        nothing."""
        for file, text in self._before.items():
            file.write_text(text, encoding="utf-8")
        self._before = {edit.file: edit.file.read_text(encoding="utf-8") for edit in edits}
        for edit in edits:
            edit.file.write_text(edit.text, encoding="utf-8")
        shutil.rmtree(self.folder / SCRATCH, ignore_errors=True)
        shutil.copytree(self._help, self.folder / SCRATCH / "cache")
        again = _in_fork(lambda: _built(self.folder))
        return again, _in_fork(lambda: _built(self.folder, SCRATCH))


def _built(folder: Path, place: str = "build") -> Made:
    """What a build in `place` says and makes; after a failure only what it says."""
    project = replace(Project.load(folder), build=place)
    try:
        result = build(project, Stages(), listing=True)
    except PykasmError as mistake:
        return Made(f"{type(mistake).__name__}: {mistake}", {})
    except Exception as error:
        return Made(f"{type(error).__name__}: {error}", {})
    told = repr((result.outcome.warnings, result.outcome.checked, result.outcome.entries))
    files = {str(name): (project.folder / name).read_bytes() for name in _products(project.folder)}
    return Made(told, files)


def _products(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder)
        if file.is_file() and name.parts[0] != "cache":
            yield name


def forget_modules(package: str) -> None:
    """Have the modules of `package` imported anew, from wherever a build finds them."""
    for name in [*sys.modules]:
        if name.partition(".")[0] == package:
            del sys.modules[name]


def _in_fork(work: Callable[[], Made]) -> Made:
    """What `work` gives in a process of its own, which has imported nothing of a kernel."""
    end, start = os.pipe()
    process = os.fork()
    if not process:
        status = 1
        try:
            os.close(end)
            forget_modules("kernel")  # other tests may have imported it before the fork
            with os.fdopen(start, "wb") as pipe:
                pickle.dump(work(), pipe)
            status = 0
        finally:
            os._exit(status)
    os.close(start)
    with os.fdopen(end, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(process, 0)
    made: Made = pickle.loads(answer)
    return made


def difference(again: Made, scratch: Made) -> str:
    """What two builds do not have in common; empty if that is nothing."""
    if again.told != scratch.told:
        return f"told {again.told[:400]!r}, from nothing {scratch.told[:400]!r}"
    names = sorted(again.files.keys() | scratch.files.keys())
    return ", ".join(one for one in names if again.files.get(one) != scratch.files.get(one))
