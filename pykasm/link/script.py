"""The linker script of a layout."""

from __future__ import annotations

from pathlib import Path

from pykasm.link.layout import Layout

TEMPLATE = Path(__file__).with_name("script.ld.j2")

DEBUG_SECTIONS = tuple(
    f".debug_{name}"
    for name in (
        "abbrev",
        "addr",
        "aranges",
        "frame",
        "info",
        "line",
        "line_str",
        "loc",
        "loclists",
        "ranges",
        "rnglists",
        "str",
        "str_offsets",
    )
)
"""What DWARF 4 and 5 call their sections (DWARF 5, table G.1)."""


def render_script(layout: Layout) -> str:
    """The text of the script by which GNU ld makes an image of this `layout`."""
    from jinja2 import Environment, StrictUndefined  # slow, and seldom needed

    templates = Environment(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    template = templates.from_string(TEMPLATE.read_text())
    return template.render(layout=layout, debug_sections=DEBUG_SECTIONS)
