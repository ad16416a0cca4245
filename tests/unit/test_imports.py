"""Tests that pykasm's modules import each other in one direction only."""

from pathlib import Path

import pytest

import pykasm
from tests.imports import circle, edges, import_graph, package, upward

ORDER = (
    "guesses",
    "syntax",
    "blockheads",
    "assignments",
    "mentions",
    "source",
    "errors",
    "collection",
    "escapes",
    "packages",
    "files",
    "journal",
    "parallel",
    "toolchain",
    "fonts",
    "isa",
    "encode",
    "objects",
    "lang",
    "wiring",
    "lexicon",
    "pykasm",  # the words of the language, all in one name
    "link",
    "listing",
    "hostrun",
    "check",
    "build",
    "campaign",
    "machine",
    "commands",
    "__main__",
)
"""pykasm's packages and single modules; each builds on those before it."""

PYKASM = import_graph(Path(pykasm.__file__).parent)


@pytest.fixture
def imports_of(tmp_path):
    """A function that makes a package of modules, by their names and their code, and finds what
    they import."""

    def make(**modules):
        folder = tmp_path / "kit"
        for name, code in modules.items():
            file = folder / f"{name.replace('_in_', '/')}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(code)
        return import_graph(folder)

    return make


def test_no_circle():
    assert circle(PYKASM) == []


def test_every_package_has_its_place():
    assert sorted({package(module) for module in PYKASM}) == sorted(ORDER)


def test_no_package_imports_a_higher_one():
    assert upward(edges(PYKASM), ORDER) == []


@pytest.mark.parametrize(
    "code",
    [
        "import kit.b",
        "from kit import b",
        "from kit.b import B",
        "def f():\n    from kit.b import B",
        "if TYPE_CHECKING:\n    from kit.b import B",
    ],
)
def test_every_kind_of_import_closes_a_circle(imports_of, code):
    graph = imports_of(__init__="", a=code, b="from kit.c import C", c="import kit.a")
    assert graph["kit.a"] == {"kit.b"}
    assert sorted(circle(graph)[1:]) == ["kit.a", "kit.b", "kit.c"]


def test_imports_in_one_direction_are_no_circle(imports_of):
    graph = imports_of(
        __init__="", a="from kit import b, c", b="from kit.c import C", c="import os"
    )
    assert graph["kit.a"] == {"kit.b", "kit.c"}
    assert graph["kit.c"] == set()
    assert circle(graph) == []


def test_an_import_of_a_higher_package_is_found(imports_of):
    graph = imports_of(__init__="", low_in_a="import kit.high.b", high_in_b="import kit.low.a")
    assert upward(edges(graph), ("kit", "low", "high")) == ["kit.low.a uses kit.high.b"]
