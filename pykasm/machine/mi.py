"""What gdb answers over its machine interface (gdb manual, "The GDB/MI Interface")."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

MiValue: TypeAlias = "str | dict[str, MiValue] | list[MiValue]"

_RECORD = re.compile(r"\d*([\^*=~@&])(.*)", re.DOTALL)
_NAME = re.compile(r"[\w-]+")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r"\\([0-7]{1,3}|.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


@dataclass(frozen=True, slots=True)
class Record:
    """One line of gdb's: `kind` is its first character; a stream record has only `text`, another
    a `word` such as `done` or `stopped`, and `values`."""

    kind: str
    word: str = ""
    text: str = ""
    values: dict[str, MiValue] | None = None

    @classmethod
    def parse(cls, line: str) -> Record | None:
        """The record on `line`, or None for the prompt and for output of other programs."""
        match = _RECORD.fullmatch(line)
        if match is None:
            return None
        kind, rest = match.groups()
        if kind in "~@&":
            return cls(kind, text=unquoted(rest))
        name = _NAME.match(rest)
        if name is None:
            return None
        return cls(kind, name[0], values=_Parser(rest, name.end()).results())


def unquoted(text: str) -> str:
    """The string that the C literal `text` stands for; gdb writes UTF-8 byte by byte in octal."""
    return _ESCAPE.sub(_unescaped, text[1:-1]).encode("latin-1", "replace").decode(errors="replace")


def _unescaped(match: re.Match[str]) -> str:
    code: str = match[1]
    return chr(int(code, 8)) if code.isdigit() else _ESCAPES.get(code, code)


class _Parser:
    """Reads values from `text`; `at` is the next character."""

    def __init__(self, text: str, at: int) -> None:
        self.text = text
        self.at = at

    def results(self) -> dict[str, MiValue]:
        """`,name=value` as often as it comes."""
        found: dict[str, MiValue] = {}
        while self._take(","):
            name = self._name()
            found[name] = self._value()
        return found

    def _value(self) -> MiValue:
        if self._take("{"):
            return self._tuple()
        if self._take("["):
            return self._list()
        match = _STRING.match(self.text, self.at)
        if match is None:
            raise ValueError(f"not a value of gdb's: {self.text[self.at :]!r}")
        self.at = match.end()
        return unquoted(match[0])

    def _tuple(self) -> dict[str, MiValue]:
        found: dict[str, MiValue] = {}
        while not self._take("}"):
            name = self._name()
            found[name] = self._value()
            self._take(",")
        return found

    def _list(self) -> list[MiValue]:
        """A list of values, or of results, whose names all say the same and are left out."""
        found: list[MiValue] = []
        while not self._take("]"):
            if _NAME.match(self.text, self.at):
                self._name()
            found.append(self._value())
            self._take(",")
        return found

    def _name(self) -> str:
        match = _NAME.match(self.text, self.at)
        if match is None or self.text[match.end() : match.end() + 1] != "=":
            raise ValueError(f"not a result of gdb's: {self.text[self.at :]!r}")
        self.at = match.end() + 1
        return match[0]

    def _take(self, character: str) -> bool:
        if not self.text.startswith(character, self.at):
            return False
        self.at += 1
        return True
