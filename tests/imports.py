"""Which modules of a package import which, wherever the import stands: at the top, in a function,
or for type checkers only."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
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


def edges(graph: Graph) -> Iterator[tuple[str, str]]:
    """Each module with each that it imports."""
    return ((user, used) for user, imported in graph.items() for used in imported)


def upward(edges: Iterable[tuple[str, str]], order: Sequence[str]) -> list[str]:
    """Those of the edges, from a user to what it uses, that lead up in the `order` of packages,
    the lowest first. A package is called by the second part of its modules' names."""
    height = {name: number for number, name in enumerate(order)}
    return sorted(
        f"{user} uses {used}"
        for user, used in edges
        if height[package(used)] > height[package(user)]
    )


def package(module: str) -> str:
    """`lang` for `pykasm.lang.data`; `pykasm` for the package that all are in."""
    root, *rest = module.split(".")
    return rest[0] if rest else root
