"""`pykasm check`: what can be proved of the code, without building the rest."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

import click
from rich.console import Console
from rich.syntax import Syntax

from pykasm.build.pipeline import assembled, checked
from pykasm.build.stages import Stages
from pykasm.build.units import Units
from pykasm.check.build import Build, FunctionAnalysis
from pykasm.check.causes import Fault
from pykasm.check.checker import Report
from pykasm.check.finding import Finding
from pykasm.check.graphtext import graph_text
from pykasm.check.rule import RULES, load_rules
from pykasm.check.stacks import Stacks, report_lines
from pykasm.commands.project import image_option, this_project
from pykasm.errors import SHOWN_AT_MOST, BuildFailed, PykasmError
from pykasm.escapes import COLOURS
from pykasm.source import rooted_at


@click.command
@click.argument("name", metavar="[FUNCTION|SUBSYSTEM]", required=False)
@click.option("--explain", metavar="RULE", help="Tell about a rule, such as E012.")
@click.option("--all", "shows_all", is_flag=True, help="Show all errors, not the first 20 alone.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option("--graph", metavar="FUNCTION", help="Draw the control flow of a function.")
@click.option("--stacks", is_flag=True, help="Show the deepest path of each stack.")
@image_option
def command(
    name: str | None,
    explain: str | None,
    shows_all: bool,
    as_json: bool,
    graph: str | None,
    stacks: bool,
    image: str | None,
) -> None:
    """Look for faults in the code of a function or a subsystem; in all if none is named.

    Ends with status 1 if there is an error.
    """
    if explain is not None:
        _explain(explain)
        return
    project = this_project(image=image)
    if graph is None and not stacks:
        made = _named(*checked(project, Stages()), name)
        with rooted_at(project.root):
            _show(made, as_json, shows_all)
        return
    code = assembled(project, Stages())
    with rooted_at(project.root):
        build = Build.of(code.program, code.assembled)
        if graph is not None:
            _draw(graph, build)
        else:
            click.echo("\n".join(report_lines(Stacks(build))).rstrip())


def _named(units: Units, made: Report, name: str | None) -> Report:
    """What was found in the function or subsystem `name`, or in all if None."""
    if name is None:
        return made
    routines = [placed.routine for unit in units.assembled for placed in unit.routines]
    chosen = [one for one in routines if name in (one.symbol, one.symbol.split(".")[0])]
    if not chosen:
        known = [one.symbol for one in routines]
        names = [*known, *(unit.name for unit in units.program.units)]
        raise _unknown("function or subsystem", name, names)
    symbols = {one.symbol for one in chosen}
    exceptions = sum(len(one.allowances) for one in chosen)
    return Report(
        len(chosen),
        exceptions,
        [one for one in made.findings if one.symbol in symbols],
        [one for one in made.faults if any(each.symbol in symbols for each in one.all)],
    )


def _unknown(what: str, name: str, known: Sequence[str]) -> PykasmError:
    close = get_close_matches(name, known, n=3)
    meant = f"; did you mean {' or '.join(f'`{one}`' for one in close)}?" if close else ""
    return PykasmError(f"there is no {what} `{name}`{meant}")


def _show(made: Report, as_json: bool, shows_all: bool) -> None:
    errors, warnings = made.errors, made.warnings
    if as_json:
        click.echo(json.dumps([*_records(made.faults)], indent=1))
        if errors:
            raise SystemExit(1)
        return
    if shows_all:
        errors, warnings = _all(made.faults, "error"), _all(made.faults, "warning")
    for warning in warnings:
        click.echo(f"{warning}\n", err=True)
    if errors:
        raise BuildFailed([*errors], None if shows_all else SHOWN_AT_MOST)
    click.echo(made.summary)


def _all(faults: Sequence[Fault], severity: str) -> list[Finding]:
    """All findings, each behind the one that stands for its cause."""
    found = [one for fault in faults for one in fault.all if one.severity == severity]
    for one in found:
        one.more = 0
    return found


def _records(faults: Sequence[Fault]) -> Iterator[dict[str, object]]:
    """The findings for programs: those that follow from another one say which by its number, which
    counts from 0 as they stand there."""
    number = 0
    for fault in faults:
        for place, one in enumerate(fault.all):
            yield {**_record(one), "follows": number if place else None}
        number += len(fault.all)


def _record(finding: Finding) -> dict[str, object]:
    """A finding for programs; lines and columns count from 1."""
    span = finding.span
    assert span is not None
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "function": finding.symbol,
        "what": finding.what,
        "file": span.source.file,
        "line": span.source.line,
        "column": span.start + 1,
        "end": span.end + 1,
        "mark": finding.mark,
        "help": finding.fix,
        "notes": [
            {"file": note.span.source.file, "line": note.span.source.line, "text": note.text}
            for note in finding.notes
        ],
    }


def _draw(name: str, build: Build) -> None:
    placed = build.routines.get(name)
    if placed is None:
        raise _unknown("function", name, list(build.routines))
    click.echo("\n".join(graph_text(FunctionAnalysis(placed, build).graph)))


def _explain(number: str) -> None:
    """Show a rule, why it matters, and code that breaks and keeps it."""
    load_rules()
    rule = RULES.get(number.upper())
    if rule is None:
        raise _unknown("rule", number, sorted(RULES))
    console = Console(color_system=COLOURS)
    if not console.is_terminal:
        console.width = _WIDTH
    console.print(f"[bold]{rule.number}[/]: {rule.title}\n\n{rule.why}\n", highlight=False)
    for heading, code in _parts(rule.example):
        console.print(f"[bold]{heading}[/]")
        console.print(Syntax(code, "python", background_color="default", word_wrap=True))


_WIDTH = 100
"""Columns of texts that go to no terminal: as many as the lines of examples have at most."""


def _parts(example: str) -> Iterator[tuple[str, str]]:
    """The two classes of an example, without what surrounds them."""
    before, mended = example.split("class Mended", 1)
    yield "Broken", "class Broken" + before.split("class Broken", 1)[1].rstrip() + "\n"
    yield "Mended", "class Mended" + mended
