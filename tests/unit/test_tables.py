"""Tables as text."""

import click
from hypothesis import given
from hypothesis import strategies as st

from pykasm.build.tables import Table, beside

SIZES = Table(("name", "bytes"), [("Clock", "1,200"), ("Log", "7")], right=frozenset({1}))
NOTES = Table(("stage", ""), [("emit", "new")])


def shown(lines: list[str]) -> list[str]:
    return [click.unstyle(line) for line in lines]


def test_columns_are_as_wide_as_their_widest_cell_and_numbers_end_together() -> None:
    assert shown(SIZES.lines) == [
        "name   bytes",
        "Clock  1,200",
        "Log        7",
    ]


def test_heads_are_bold() -> None:
    assert NOTES.lines[0].startswith(click.style("stage", bold=True))


def test_styles_take_no_room() -> None:
    table = Table(("a", "b"), [(click.style("✗", fg="red"), "x"), ("ab", "y")])
    assert shown(table.lines) == ["a   b", "✗   x", "ab  y"]


def test_tables_stand_side_by_side_where_there_is_room() -> None:
    assert shown(beside([SIZES, NOTES], 80)) == [
        "name   bytes   stage",
        "Clock  1,200   emit   new",
        "Log        7",
    ]


def test_tables_stand_below_each_other_where_there_is_none() -> None:
    assert shown(beside([SIZES, NOTES], 20)) == [
        *shown(SIZES.lines),
        "",
        "stage",
        "emit   new",
    ]


CELLS = st.text("abc ,", max_size=6)


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1), st.integers(0, 60))
def test_every_row_is_a_line_of_one_width(rows: list[tuple[str, str]], width: int) -> None:
    table = Table(("head", "n"), rows, right=frozenset({1}))
    assert len(table.lines) == len(rows) + 1
    assert len({len(line) for line in shown(table.lines)}) == 1
    lines = beside([table, table], width)
    assert all(len(line) <= max(width, len(shown(table.lines)[0])) for line in shown(lines))
