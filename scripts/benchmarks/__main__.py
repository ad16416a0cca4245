"""Runs the benchmarks and prints a table."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.table import Table

from scripts.benchmarks import build, check, encoder, kernel, mutants
from scripts.benchmarks.figure import Figure

GROUPS: dict[str, Callable[[], Iterator[Figure]]] = {
    "encoder": encoder.figures,
    "build": build.figures,
    "check": check.figures,
    "kernel": kernel.figures,
    "mutants": mutants.figures,
}
MARKS = {None: "", True: "[green]met[/]", False: "[red]missed[/]"}


def main() -> None:
    """Measure the groups named on the command line, or all."""
    chosen = sys.argv[1:] or list(GROUPS)
    unknown = [name for name in chosen if name not in GROUPS]
    if unknown:
        sys.exit(f"no benchmark is called {unknown[0]}; there are: {', '.join(GROUPS)}")
    console = Console()
    for name in chosen:
        table = Table(title=name, title_justify="left", box=None)
        for heading in ("figure", "measured: median (least … most)", "target", ""):
            table.add_column(heading)
        for figure in GROUPS[name]():
            table.add_row(figure.name, figure.measured, figure.target, MARKS[figure.met])
        console.print(table)


if __name__ == "__main__":
    main()
