"""Sorting, against Python's."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.contents import CONTENTS
from kernel.structures.sort import HeapSort
from pykasm import Parts
from pykasm.hostrun import Host

MOST = 10_000
"""Elements of the longest array; 600 instructions an element are enough for it."""


class Sorter:
    """A host that sorts."""

    def __init__(self) -> None:
        self.heap_sort = Parts(CONTENTS)[HeapSort]
        self.host = Host(self.heap_sort, traced=False, limit=600 * MOST)
        self.host.checkpoint()

    def sort(self, elements: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
        """The elements, of as many words each, in order."""
        self.host.reset()
        width = len(elements[0]) if elements else 1
        raw = b"".join(word.to_bytes(8, "little") for one in elements for word in one)
        array = int(self.host.bytes(raw or bytes(8), fenced=True))
        self.host.call(self.heap_sort.sort, array, len(elements), 8 * width)
        raw = self.host.read(array, len(raw))
        words = [int.from_bytes(raw[at : at + 8], "little") for at in range(0, len(raw), 8)]
        return list(zip(*(iter(words),) * width, strict=True))


@pytest.fixture(scope="module")
def sorter() -> Sorter:
    return Sorter()


WORDS = st.integers(0, (1 << 64) - 1) | st.integers(0, 9)


@given(st.integers(1, 5).flatmap(lambda width: st.lists(st.tuples(*(WORDS,) * width), max_size=40)))
def test_elements_are_in_the_order_of_their_first_words(
    sorter: Sorter, elements: list[tuple[int, ...]]
) -> None:
    found = sorter.sort(elements)
    assert [one[0] for one in found] == sorted(one[0] for one in elements)
    assert sorted(found) == sorted(elements)


@pytest.mark.parametrize("step", [1, -1])
def test_no_order_takes_long(sorter: Sorter, step: int) -> None:
    elements = [(number, 0, 0) for number in range(MOST)][::step]
    assert sorter.sort(elements) == sorted(elements)
