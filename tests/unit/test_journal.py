"""Journals: what one build leaves, the next one finds, and what is damaged is forgotten."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pykasm.journal import Journal

VERSION = "1"

contents = st.dictionaries(st.integers(0, 9), st.integers(), max_size=8)


@contextmanager
def a_file() -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        yield Path(folder) / "journal"


def left(path: Path, version: str = VERSION) -> dict[int, int]:
    """What the next build finds."""
    return Journal[int, int](path, version).known


def leave(path: Path, entries: dict[int, int]) -> None:
    """Save `entries`, with those that are known as they are known."""
    journal = Journal[int, int](path, VERSION)
    journal.save({key: journal.known.get(key, value) for key, value in entries.items()})


@given(st.lists(st.sets(st.integers(0, 99), min_size=1), min_size=1, max_size=6))
def test_everything_that_was_saved_is_found(builds: list[set[int]]) -> None:
    with a_file() as path:
        for keys in builds:
            leave(path, {key: -key for key in keys})
            found = left(path)
            assert found.keys() >= keys
            assert all(value == -key for key, value in found.items())


@given(st.lists(st.sets(st.integers(0, 99), min_size=1), min_size=1, max_size=6))
def test_most_of_a_file_is_in_use(builds: list[set[int]]) -> None:
    with a_file() as path:
        for keys in builds:
            leave(path, {key: -key for key in keys})
            assert len(left(path)) <= 2 * len(keys)


def test_what_changed_is_found_as_it_is_now(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    leave(path, {1: 10, 2: 20})
    journal = Journal[int, int](path, VERSION)
    journal.save({**journal.known, 2: 21})
    assert left(path) == {1: 10, 2: 21}


def test_nothing_is_written_where_nothing_is_new(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    leave(path, {1: 10})
    path.chmod(0o400)
    before = path.stat()
    leave(path, {1: 10})
    assert path.stat() == before


def test_another_version_is_as_good_as_none(tmp_path: Path) -> None:
    leave(tmp_path / "journal", {1: 10})
    assert left(tmp_path / "journal", "2") == {}


@given(contents, contents, st.data())
def test_a_file_cut_short_counts_up_to_there_and_is_mended(
    first: dict[int, int], second: dict[int, int], data: st.DataObject
) -> None:
    with a_file() as path:
        leave(path, first)
        leave(path, {**first, **second})
        raw = path.read_bytes()
        path.write_bytes(raw[: data.draw(st.integers(0, len(raw)))])
        found = left(path)
        assert found.items() <= {**second, **first}.items()
        leave(path, {5: 6})
        assert left(path)[5] == found.get(5, 6)


@pytest.mark.parametrize(
    "raw", [b"", b"damaged", pickle.dumps(7), pickle.dumps(VERSION) + pickle.dumps([1])]
)
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "journal").write_bytes(raw)
    assert left(tmp_path / "journal") == {}
