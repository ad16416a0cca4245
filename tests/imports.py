"""Which modules of a package import which, wherever the import stands: at the top, in a function,
or for type checkers only."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

Graph = Mapping[str, set[str]]
"""What each module imports, by dotted names."""


def import_graph(package: Path) -> dict[str, set[str]]:
    """The modules in the folder `package`, each with those of them that it imports.

    All imports are absolute, as they are in this repository.
    """
    files = {_name(file, package.parent): file for file in package.rglob("*.py")}
    modules = set(files)
    return {
        name: set(_imported(ast.parse(file.read_text()), modules)) - {name}
        for name, file in files.items()
    }


def _name(file: Path, root: Path) -> str:
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(tree: ast.Module, modules: set[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from modules.intersection(one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module in modules:
            inner = modules.intersection(f"{node.module}.{one.name}" for one in node.names)
            yield from inner or {node.module}


def circle(graph: Graph) -> list[str]:
    """Modules of which each is imported by the next, and the last is the first; empty if there
    are none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def upward(graph: Graph, order: Sequence[str]) -> list[tuple[str, str]]:
    """The imports, as pairs of importer and imported, that lead up in the `order` of the packages,
    which begins with the lowest. A package's name is the second part of its modules' names."""
    height = {name: number for number, name in enumerate(order)}
    return [
        (importer, imported)
        for importer, found in graph.items()
        for imported in sorted(found)
        if height[_package(imported)] > height[_package(importer)]
    ]


def _package(module: str) -> str:
    """`lang` for `pykasm.lang.data`; `pykasm` for the package that all are in."""
    root, *rest = module.split(".")
    return rest[0] if rest else root
