"""What `pyproject.toml` says under `[tool.pykasm]`, and where it says it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from pykasm.errors import Mistake
from pykasm.guesses import did_you_mean
from pykasm.source import Source, Span, line_span, shown_path

CONFIGURATION = "pyproject.toml"
TABLE = "tool.pykasm"

IMAGE = re.compile(r"(?P<module>[\w.]+):(?P<function>\w+)")
IMAGE_NAME = re.compile(r"\w[\w.-]*")

TYPES = {
    str: "a string",
    int: "a number above 0",
    tuple: "a list of strings",
    bool: "true or false",
    dict: 'a table of names, each with "module:function"',
}


class SettingMistake(Mistake):
    """A setting that means nothing, and what would."""

    kind = "setting"


class Settings:
    """The `pyproject.toml` of the folder `path`, or of one above it; `path` may be that file.

    Raises `SettingMistake` if there is none that can be read.
    """

    def __init__(self, path: Path) -> None:
        self.file = _found(path)
        try:
            self._document = tomllib.loads(self.file.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise self._unreadable(str(error)) from None
        except UnicodeDecodeError as error:
            raise self._unreadable(f"{error.reason} at byte {error.start}") from None

    def _unreadable(self, why: str) -> SettingMistake:
        at = re.search(r" \(at line (\d+), column \d+\)", why)
        return SettingMistake(
            f"`{self.file.name}` can't be read",
            expected="TOML",
            got=why.replace(at[0], "") if at else why,
            span=line_span(Source(str(self.file), int(at[1]) if at else len(self._lines))),
        )

    @cached_property
    def _lines(self) -> list[str]:
        return self.file.read_text(encoding="utf-8", errors="replace").splitlines()

    def table(self, name: str) -> Mapping[str, object] | None:
        """The table `name`, such as `tool.pykasm`; None if there is none."""
        table: object = self._document
        for part in name.split("."):
            table = table.get(part) if isinstance(table, dict) else None
        return table if isinstance(table, dict) else None

    def name(self, default: str) -> str:
        """The name of the project."""
        name = (self.table("project") or {}).get("name", default)
        if not isinstance(name, str):
            raise self._wrong("project", "name", TYPES[str], name)
        return name

    def checked(self, kinds: Mapping[str, Any]) -> dict[str, Any]:
        """All that stands under `[tool.pykasm]`, in the types that `kinds` has for it."""
        table = self.table(TABLE)
        if table is None:
            raise SettingMistake(
                f"`{self.file.name}` has no table [{TABLE}]",
                fix='add one with `image = "module:function"`',
                span=self.span(TABLE, ""),
            )
        return {key: self._setting(key, value, kinds) for key, value in table.items()}

    def _setting(self, key: str, value: object, kinds: Mapping[str, Any]) -> object:
        if key not in kinds:
            raise self.unknown("setting", key, kinds, TABLE)
        kind = kinds[key]
        if kind is tuple and isinstance(value, list) and all(isinstance(one, str) for one in value):
            return tuple(value)
        right = type(value) is kind and not (type(value) is int and value <= 0)
        if isinstance(value, dict):
            right = right and all(map(_names_image, value.values(), value))
        if not right or (key == "image" and not _names_image(value)):
            wanted = '"module:function"' if key == "image" else TYPES[kind]
            raise self._wrong(TABLE, key, wanted, value)
        return value

    def unknown(self, what: str, name: str, known: Iterable[str], table: str) -> SettingMistake:
        """The mistake of a `name` that is that of no setting, or of nothing that one names."""
        names = [*known]
        return SettingMistake(
            f"there is no {what} `{name}`",
            expected=f"one of {', '.join(names)}" if names else "",
            got=name,
            fix=did_you_mean(name, names),
            span=self.span(table, name),
        )

    def missing_file(self, key: str, file: Path, what: str) -> SettingMistake:
        """The mistake of the setting `key`, by which `file` has `what`, where there is none."""
        return SettingMistake(
            f"there is no file `{shown_path(str(file))}`",
            expected=what,
            got=f"what `{key}` in [{TABLE}] says, or what it is without it",
            span=self.span(TABLE, key),
        )

    def _wrong(self, table: str, key: str, wanted: str, value: object) -> SettingMistake:
        return SettingMistake(
            f"`{key}` in [{table}] can't be this",
            expected=wanted,
            got=repr(value),
            span=self.span(table, key),
        )

    def span(self, table: str, key: str) -> Span:
        """The line of `key` in `table`; that of the table, or the last one, where it has none."""
        place, inside = len(self._lines), False
        for number, line in enumerate(self._lines, 1):
            if line.lstrip().startswith("["):
                inside = line.strip().strip("[] ") == table
                place = number if inside else place
            elif inside and re.match(rf"""\s*["']?{re.escape(key)}["']?\s*=""", line):
                place = number
                break
        return line_span(Source(str(self.file), max(1, place)))


def _found(path: Path) -> Path:
    """The file of the project that `path` lies in."""
    folders = [path, *path.parents] if path.is_dir() else [path.parent]
    for folder in folders:
        if (folder / CONFIGURATION).is_file():
            return folder / CONFIGURATION
    raise SettingMistake(
        f"there is no {CONFIGURATION} in {path} or a folder above it",
        fix="go to the folder of a kernel, or make one: `python -m pykasm new DIR`",
    )


def _names_image(function: object, name: str = "image") -> bool:
    """Whether `name` can be that of an image, and `function` of what returns it."""
    is_function = isinstance(function, str) and IMAGE.fullmatch(function)
    return bool(is_function and IMAGE_NAME.fullmatch(name))
