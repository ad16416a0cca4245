"""`pykasm asm`: instructions given as text."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from pykasm.encode.text import TextResult, encode_lines
from pykasm.encode.tokens import LONGEST_LINE


@click.command
@click.argument("text")
@click.option("--json", "as_json", is_flag=True, help="Print one list of text, bytes and error.")
@click.option(
    "--bits",
    type=click.Choice(["16", "32", "64"]),
    default="64",
    show_default=True,
    help="The mode of the processor that the instructions are for.",
)
def command(text: str, as_json: bool, bits: str) -> None:
    """Assemble TEXT, in Intel syntax, one instruction a line, and print the machine code.

    TEXT can also be a file, or - for standard input. Each line is either right or refused with
    the reason; the exit status is 1 if any was refused.
    """
    results = encode_lines(_lines(text), int(bits))
    if as_json:
        click.echo(json.dumps([_as_json(result) for result in results]))
    else:
        _show(results)
    if any(result.error for result in results):
        sys.exit(1)


def _lines(text: str) -> list[str]:
    """The lines of `text`, of the file it names, or of standard input, without those that are
    empty or a comment."""
    if text == "-":
        text = sys.stdin.buffer.read().decode(errors="replace")
    elif "\n" not in text and Path(text).is_file():
        text = Path(text).read_text(errors="replace")
    lines = (line.strip() for line in text.split("\n"))
    return [line for line in lines if line and not line.startswith("#")]


def _as_json(result: TextResult) -> dict[str, str | None]:
    code = None if result.code is None else result.code.hex()
    return {"text": result.text, "bytes": code, "error": result.error}


def _show(results: list[TextResult]) -> None:
    width = max((len(result.code.hex(" ")) for result in results if result.code), default=0)
    for result in results:
        if result.code is None:
            click.echo(f"{result.text[:LONGEST_LINE]}\n  error: {result.error}", err=True)
        else:
            click.echo(f"{result.code.hex(' '):{width}}  {result.text}")
