"""The folders of the kernel lie in one order, without an edge upward."""

import inspect
import re
from pathlib import Path
from typing import get_type_hints

from kernel.image import image
from tests.imports import circle, import_graph

ROOT = Path(__file__).parent.parent.parent
APART = {"kernel", "kernel.image", "kernel.errno"}
"""Modules beside the folders: the wiring above all, error numbers below."""


def layers() -> dict[str, int]:
    """The place of each folder in the order that `kernel/README.md` tells, lowest first."""
    text = (ROOT / "kernel" / "README.md").read_text(encoding="utf-8")
    names = re.findall(r"^\| `(\w+)` \|", text.split("## Layers")[1].split("\n## ")[0], re.M)
    return {name: number for number, name in enumerate(names)}


def folder(module: str) -> str:
    return module.split(".")[1]


def upward(edges: set[tuple[str, str]]) -> list[str]:
    """Those of the edges, from a user to what it uses, that lead to a folder above the user's."""
    place = layers()
    return sorted(
        f"{user} uses {used}"
        for user, used in edges
        if user not in APART and used not in APART and place[folder(user)] < place[folder(used)]
    )


def test_every_folder_has_its_place() -> None:
    folders = [file.parent.name for file in (ROOT / "kernel").glob("*/__init__.py")]
    assert sorted(layers()) == sorted(folders)


def test_no_import_leads_upward() -> None:
    graph = import_graph(ROOT / "kernel")
    assert upward({(user, used) for user, imported in graph.items() for used in imported}) == []


def test_modules_import_each_other_in_no_circle() -> None:
    assert circle(import_graph(ROOT / "kernel")) == []


def test_no_part_is_given_one_of_a_layer_above() -> None:
    parts = {type(one) for one in image().subsystems}
    wired = {
        (part.__module__, used.__module__)
        for part in parts
        for used in get_type_hints(part.__init__).values()
        if inspect.isclass(used) and used.__module__.startswith("kernel.")
    }
    assert len(wired) > 100
    assert upward(wired) == []


def test_an_edge_upward_is_found() -> None:
    assert upward({("kernel.cpu.control", "kernel.mm.pages")}) != []
