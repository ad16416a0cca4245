"""The listing as a page: contents at the side, code coloured, targets as links."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pykasm.listing.model import UnitListing


class Highlighter:
    """Python lines in colour. Most of making a page is this, so lines are remembered in the file
    `memory` from one build to the next; those that a build does not show are forgotten."""

    def __init__(self, memory: Path | None = None) -> None:
        self._memory = memory
        self._before = _remembered(memory)
        self._now: dict[str, str] = {}

    def python(self, text: str) -> Markup:
        """`text` as HTML with a class for each kind of token."""
        if text not in self._now:
            self._now[text] = self._before.get(text) or _highlighted(text)
        return Markup(self._now[text])

    def save(self) -> None:
        """Write what is remembered, if it changed."""
        if self._memory is not None and self._now != self._before:
            self._memory.write_text(json.dumps(self._now), encoding="utf-8")


def _remembered(memory: Path | None) -> dict[str, str]:
    """What an earlier build wrote to `memory`; nothing if that is missing or damaged."""
    try:
        known = json.loads(memory.read_text(encoding="utf-8")) if memory is not None else {}
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _highlighted(text: str) -> str:
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    lexer = PythonLexer(stripnl=True, ensurenl=False)
    return str(highlight(text, lexer, HtmlFormatter(nowrap=True)))


def listing_page(
    units: Sequence[UnitListing], title: str, highlighter: Highlighter | None = None
) -> str:
    """The listing as one HTML page that needs nothing else."""
    environment = Environment(
        loader=PackageLoader("pykasm.listing", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["python"] = (highlighter or Highlighter()).python
    known = {function.symbol for unit in units for function in unit.functions}
    template = environment.get_template("listing.html.j2")
    return template.render(title=title, units=units, known=known)


def write_listing(
    units: Sequence[UnitListing], text: Path, page: Path, title: str, memory: Path | None = None
) -> None:
    """Write the `.lst` file and the page; `memory` is a file that makes the next one faster."""
    from pykasm.listing.text import listing_text

    highlighter = Highlighter(memory)
    text.write_text(listing_text(units), encoding="utf-8")
    page.write_text(listing_page(units, title, highlighter), encoding="utf-8")
    highlighter.save()
