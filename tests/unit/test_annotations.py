"""Annotations are evaluated as `typing.get_type_hints` does."""

from __future__ import annotations

import inspect
import sys
from types import ModuleType, SimpleNamespace
from typing import get_type_hints

import pytest

from pykasm.errors import DeclarationMistake
from pykasm.lang.annotations import annotations_of, evaluated, known_types
from pykasm.lang.numbers import U8, U32
from pykasm.lang.types import Ptr, Void


class Sample:
    """Annotations of all kinds that code has: text, as all in this file, and text in text."""

    number: U8
    pointer: Ptr[U32]
    quoted: "U32"  # noqa: UP037 - that is what is tested
    pair: tuple[U8, U32]
    nothing: Void


def test_text_is_evaluated_as_the_library_does() -> None:
    assert evaluated(Sample.__annotations__, globals()) == get_type_hints(Sample)


def test_what_is_no_text_stays() -> None:
    assert evaluated({"number": U8}, {}) == {"number": U8}


def test_names_of_the_scope_hide_those_of_the_module() -> None:
    assert evaluated({"one": "U8", "other": "U32"}, globals(), {"U8": Void}) == {
        "one": Void,
        "other": U32,
    }


def test_what_python_evaluates_only_now_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Python 3.14 has it, whatever runs this."""
    later = ModuleType("annotationlib")
    vars(later).update(
        Format=SimpleNamespace(STRING="text"),
        get_annotations=lambda owner, format: {"number": "U9"} if format == "text" else {},
    )
    monkeypatch.setitem(sys.modules, "annotationlib", later)
    monkeypatch.setattr(inspect, "get_annotations", lambda owner: {"number": U9})  # type: ignore[name-defined]  # noqa: F821
    hints = annotations_of(Sample)
    with pytest.raises(DeclarationMistake, match="a type that nobody knows"):
        known_types(hints, {})


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(NameError, match="'U9'"):
        evaluated({"number": "U9"}, {})
