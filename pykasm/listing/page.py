"""The listing as a page: contents at the side, code coloured, targets as links."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from pykasm.listing.model import UnitListing

_LEXER = PythonLexer(stripnl=True, ensurenl=False)
_FORMATTER = HtmlFormatter(nowrap=True)


def _python(text: str) -> Markup:
    return Markup(highlight(text, _LEXER, _FORMATTER))


def listing_page(units: Sequence[UnitListing], title: str) -> str:
    """The listing as one HTML page that needs nothing else."""
    environment = Environment(
        loader=PackageLoader("pykasm.listing", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["python"] = _cached_python()
    known = {function.symbol for unit in units for function in unit.functions}
    template = environment.get_template("listing.html.j2")
    return template.render(title=title, units=units, known=known)


def _cached_python() -> object:
    seen: dict[str, Markup] = {}

    def python(text: str) -> Markup:
        if text not in seen:
            seen[text] = _python(text)
        return seen[text]

    return python


def write_listing(units: Sequence[UnitListing], text: Path, page: Path, title: str) -> None:
    """Write the `.lst` file and the page."""
    from pykasm.listing.text import listing_text

    text.write_text(listing_text(units), encoding="utf-8")
    page.write_text(listing_page(units, title), encoding="utf-8")
