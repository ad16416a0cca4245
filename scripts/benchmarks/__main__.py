"""Runs the benchmarks and prints a table."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import click

from pykasm.build.tables import Table
from scripts.benchmarks import (
    build,
    check,
    edits,
    encoder,
    files,
    images,
    kernel,
    mutants,
    programs,
    scale,
    shell,
)
from scripts.benchmarks.figure import Figure

GROUPS: dict[str, Callable[[], Iterator[Figure]]] = {
    "encoder": encoder.figures,
    "build": build.figures,
    "check": check.figures,
    "kernel": kernel.figures,
    "programs": programs.figures,
    "files": files.figures,
    "shell": shell.figures,
    "images": images.figures,
    "mutants": mutants.figures,
    "scale": scale.figures,
    "edits": edits.figures,
}
HEADS = ("figure", "measured: median (least … most)", "target", "")
MARKS = {None: "", True: click.style("met", fg="green"), False: click.style("missed", fg="red")}


def main() -> None:
    """Measure the groups named on the command line, or all."""
    chosen = sys.argv[1:] or list(GROUPS)
    unknown = [name for name in chosen if name not in GROUPS]
    if unknown:
        sys.exit(f"no benchmark is called {unknown[0]}; there are: {', '.join(GROUPS)}")
    for name in chosen:
        rows = [(*figure[:3], MARKS[figure.met]) for figure in GROUPS[name]()]
        click.echo("\n".join([name, *Table(HEADS, rows).lines, ""]))


if __name__ == "__main__":
    main()
