"""The folders of the kernel lie in one order, without an edge upward."""

import inspect
import re
from pathlib import Path
from typing import get_type_hints

from kernel.image import image
from tests.imports import circle, edges, import_graph, upward

ROOT = Path(__file__).parent.parent.parent


def layers() -> list[str]:
    """The folders in the order that `kernel/README.md` tells, lowest first."""
    text = (ROOT / "kernel" / "README.md").read_text(encoding="utf-8")
    return re.findall(r"^\| `(\w+)` \|", text.split("## Layers")[1].split("\n## ")[0], re.M)


def order() -> list[str]:
    """The layers with what lies beside the folders: error numbers below all, the contents
    and the images made of them above."""
    return ["errno", *layers(), "contents", "image", "kernel"]


def test_every_folder_has_its_place() -> None:
    folders = [file.parent.name for file in (ROOT / "kernel").glob("*/__init__.py")]
    assert sorted(layers()) == sorted(folders)


def test_no_import_leads_upward() -> None:
    assert upward(edges(import_graph(ROOT / "kernel")), order()) == []


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
    assert upward(wired, order()) == []


def test_an_edge_upward_is_found() -> None:
    assert upward({("kernel.cpu.control", "kernel.mm.pages")}, order()) != []
