"""Which modules of a package import which, read from the source: at the top, in functions, and
for type checkers only."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

Graph = Mapping[str, set[str]]
"""What each module imports, by dotted names."""


def import_graph(package: Path) -> dict[str, set[str]]:
    """The modules in the folder `package`, each with those of them that it imports anywhere."""
    sources = {_module_name(file, package.parent): file for file in package.rglob("*.py")}
    return {
        name: set(_imported(ast.parse(file.read_text()), set(sources))) - {name}
        for name, file in sources.items()
    }


def _module_name(file: Path, root: Path) -> str:
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(tree: ast.Module, modules: set[str]) -> Iterator[str]:
    """Those of `modules` that the code imports; all imports in this repository are absolute."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names if one.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module in modules:
            inner = {f"{node.module}.{one.name}" for one in node.names}
            yield from inner & modules or {node.module}


def circle(graph: Graph) -> list[str]:
    """Modules that import each other in a circle, the first again at the end; none: empty."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def by_layer(graph: Graph, layers: Mapping[str, str]) -> dict[str, set[str]]:
    """The graph of whole layers; `layers` are those of the modules."""
    made: dict[str, set[str]] = {layer: set() for layer in layers.values()}
    for module, imported in graph.items():
        made[layers[module]] |= {layers[one] for one in imported} - {layers[module]}
    return made
