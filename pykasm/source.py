"""Where in the author's Python an instruction, an operand or a mistake comes from."""

from __future__ import annotations

import linecache
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from types import CodeType, FrameType
from typing import NamedTuple

from pykasm.assignments import assigned_names
from pykasm.blockheads import BLOCKS, block_heads


class Source(NamedTuple):
    """A line of the author's code: absolute file name and line number from 1."""

    file: str
    line: int

    @property
    def text(self) -> str:
        """The line as it stands in the file, without its line end."""
        return linecache.getline(self.file, self.line).rstrip()

    def __str__(self) -> str:
        return f"{shown_path(self.file)}:{self.line}"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one source line; columns count characters from 0, `end` is exclusive."""

    source: Source
    start: int
    end: int

    @property
    def text(self) -> str:
        """The characters of the span."""
        return self.source.text[self.start : self.end]


def line_span(source: Source) -> Span:
    """The whole of a source line, without its indentation."""
    text = source.text
    return Span(source, len(text) - len(text.lstrip()), len(text))


_roots: list[Path] = []


@contextmanager
def rooted_at(directory: Path) -> Iterator[None]:
    """Show paths inside relative to `directory`, so that a build is the same from any folder."""
    _roots.append(directory)
    try:
        yield
    finally:
        _roots.pop()


def shown_path(file: str) -> str:
    """`file` as people see it: relative to the project, or else to the working directory."""
    return _relative(file, _roots[-1] if _roots else Path.cwd())


@cache
def _relative(file: str, root: Path) -> str:
    path = Path(file)
    return str(path.relative_to(root)) if path.is_relative_to(root) else file


class _Library(dict[str, bool]):
    """Whether a module is pykasm's own or of Python's library, which runs the blocks of context
    managers for everybody, and much else; by its name."""

    def __missing__(self, name: str) -> bool:
        package = name.partition(".")[0]
        answer = self[name] = package == "pykasm" or package in sys.stdlib_module_names
        return answer


_LIBRARY = _Library()

INSTALLED = {"site-packages", "dist-packages", "<frozen runpy>"}
"""Parts of the paths of code that somebody else wrote."""


_PYKASM = os.path.join(os.path.dirname(__file__), "")
_START = os.path.join(_PYKASM, "__main__.py")
_STANDARD = os.path.join(os.path.dirname(os.__file__), "")


def is_library(frame: FrameType) -> bool:
    """Whether `frame` runs code of pykasm or of Python's library, which messages never show."""
    return _LIBRARY[frame.f_globals.get("__name__", "")]


def is_authors(frame: FrameType) -> bool:
    """Whether `frame` runs code of the project: not that of pykasm, of Python's library or of
    installed packages."""
    return not is_library(frame) and is_authors_file(frame.f_code.co_filename)


def is_authors_file(file: str) -> bool:
    """Whether `file` is one of the project, or of pykasm's, whose modules `is_library` knows."""
    if file.startswith((_STANDARD, _START, "<")):
        return False
    return INSTALLED.isdisjoint(Path(file).parts)


def is_pykasms_file(file: str) -> bool:
    """Whether `file` is one of pykasm's."""
    return file.startswith(_PYKASM)


def author_frame() -> FrameType | None:
    """The innermost frame on the stack that is neither pykasm's own nor of Python's library."""
    frame: FrameType | None = sys._getframe(1)
    # `is_library` written out: this loop runs for every instruction of a build
    while frame is not None and _LIBRARY[frame.f_globals.get("__name__", "")]:
        frame = frame.f_back
    return frame


def author_source() -> Source | None:
    """The author's line that is running now, or None where only pykasm runs."""
    frame = author_frame()
    return Source(frame.f_code.co_filename, frame.f_lineno) if frame else None


class Moment(NamedTuple):
    """A point in the running of the author's code, cheap to take, from which a span is found."""

    code: CodeType
    instruction: int
    line: int

    @property
    def source(self) -> Source:
        """The line that was running."""
        return Source(self.code.co_filename, self.line)

    @property
    def span(self) -> Span:
        """The expression that was being evaluated, cut to its first line."""
        line, column, end_line, end_column = self._stretch
        source = Source(self.code.co_filename, line or self.line)
        text = source.text
        if column is None or end_column is None:
            return Span(source, len(text) - len(text.lstrip()), len(text))
        raw = text.encode()
        end = len(raw) if end_line != line else end_column
        return Span(source, len(raw[:column].decode()), len(raw[:end].decode()))

    @property
    def assigned_name(self) -> str | None:
        """The name that the running call's value goes to: `x` in `x = keep(U32)`."""
        line, _, column, _ = self._position
        if line is None or column is None:
            return None
        return assigned_names(self.code.co_filename).get((line, column))

    def has_in_it(self, other: Moment | None) -> bool:
        """Whether `other` was a part of the expression that is being evaluated now."""
        if other is None or other.code is not self.code or other.instruction == self.instruction:
            return False
        (line, end_line, column, end_column), inner = self._position, other._position
        if None in (line, end_line, column, end_column, *inner):
            return False
        starts = (line, column) <= (inner[0], inner[2])
        return starts and (inner[1], inner[3]) <= (end_line, end_column)

    @property
    def _stretch(self) -> tuple[int | None, int | None, int | None, int | None]:
        line, end_line, column, end_column = self._position
        known = (line, column, end_line, end_column)
        text = Source(self.code.co_filename, line or self.line).text
        if not text.lstrip().startswith(BLOCKS):  # else all of the file has to be read
            return known
        return block_heads(self.code.co_filename).get((line or 0, column or 0), known)

    @property
    def _position(self) -> tuple[int | None, int | None, int | None, int | None]:
        return next(islice(self.code.co_positions(), self.instruction // 2, None))


def moment_of(frame: FrameType) -> Moment:
    """What `frame` is doing now."""
    return Moment(frame.f_code, frame.f_lasti, frame.f_lineno)


def author_moment() -> Moment | None:
    """What the author's code is doing now."""
    frame = author_frame()
    return moment_of(frame) if frame is not None else None


def author_span() -> Span | None:
    """The expression of the author's that is running now; the whole line if Python can't tell."""
    moment = author_moment()
    if moment is None or not is_authors_file(moment.source.file):
        return None  # nobody's code: the command line called the build
    return moment.span
