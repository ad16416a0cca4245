"""Trees against a sorted list."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from math import log2
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.structures.tree import Tree, TreeNode, Trees
from pykasm.hostrun import Host

LAST_KEY = (1 << 64) - 1


class Model:
    """A tree on a host, and the nodes in it as a list in the order of their keys."""

    def __init__(self, traced: bool = False) -> None:
        self.trees = Trees()
        self.host = Host(self.trees, traced=traced)
        self.host.checkpoint()
        self.start()

    def start(self) -> None:
        """Begin with an empty tree."""
        self.host.reset()
        self.tree = self.host.new(Tree)
        self.nodes: list[Any] = []

    @property
    def keys(self) -> list[int]:
        return [node.key for node in self.nodes]

    def insert(self, key: int) -> None:
        node = self.host.new(TreeNode, key=key, parent=1, child=[1, 1])  # as junk as memory is
        self.host.call(self.trees.insert, self.tree, node)
        self.nodes.insert(bisect_right(self.keys, key), node)

    def remove(self, index: int) -> None:
        self.host.call(self.trees.remove, self.tree, self.nodes.pop(index))

    def walk(self) -> Iterator[Any]:
        """The nodes from the first on, as the tree has them."""
        node = self.tree.first
        while node:
            yield node
            node = self.host.call(self.trees.next, node)

    def check(self) -> None:
        """Order, links and priorities are as they should be."""
        assert [int(node) for node in self.walk()] == [int(node) for node in self.nodes]
        if root := self.tree.root:
            assert not root.parent
        for node in self.nodes:
            for child in (one for one in node.child if one):
                assert child.parent == node
                assert child.priority <= node.priority

    def depth(self, node: Any) -> int:
        """How many nodes lie on the way from `node` up to the root, both counted."""
        count = 0
        while node:
            node, count = node.parent, count + 1
        return count


@pytest.fixture(scope="module")
def model() -> Model:
    return Model()


KEYS = st.one_of(st.integers(0, 9), st.integers(0, LAST_KEY))
STEPS = st.lists(st.one_of(st.tuples(st.just("insert"), KEYS), st.tuples(st.just("remove"), KEYS)))


@given(steps=STEPS)
def test_nodes_stay_in_order_whatever_comes_and_goes(
    model: Model, steps: list[tuple[str, int]]
) -> None:
    model.start()
    for what, number in steps:
        if what == "insert":
            model.insert(number)
        elif model.nodes:
            model.remove(number % len(model.nodes))
        model.check()


@given(keys=st.lists(KEYS), wanted=KEYS)
def test_searches_find_the_nearest_key(model: Model, keys: list[int], wanted: int) -> None:
    model.start()
    for key in keys:
        model.insert(key)
    behind, before = bisect_left(model.keys, wanted), bisect_right(model.keys, wanted) - 1
    found = model.host.call(model.trees.at_least, model.tree, wanted)
    assert found == (model.nodes[behind] if behind < len(keys) else 0)
    found = model.host.call(model.trees.at_most, model.tree, wanted)
    assert found == (model.nodes[before] if before >= 0 else 0)


@pytest.mark.parametrize("order", ["rising", "falling", "equal"])
def test_a_tree_of_thousands_is_flat_in_whatever_order_they_came(model: Model, order: str) -> None:
    count = 4096
    keys = {"rising": range(count), "falling": range(count, 0, -1), "equal": [7] * count}[order]
    model.start()
    for key in keys:
        node = model.host.new(TreeNode, key=key)
        model.host.call(model.trees.insert, model.tree, node)
        model.nodes.append(node)
    assert max(map(model.depth, model.nodes)) < 4 * log2(count)


def test_work_grows_slowly_with_the_tree() -> None:
    model = Model(traced=True)
    for key in range(0, 2000, 2):
        model.insert(key)
    node = model.host.new(TreeNode, key=1001)
    model.host.call(model.trees.insert, model.tree, node)
    assert model.host.instructions < 500
    model.host.call(model.trees.remove, model.tree, node)
    assert model.host.instructions < 500
