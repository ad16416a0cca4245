"""Search trees whose links lie in what they hold."""

from pykasm import *

LEFT, RIGHT = 0, 1
"""Indexes of `TreeNode.child`."""

MIXERS = (0xFF51_AFD7_ED55_8CCD, 0xC4CE_B9FE_1A85_EC53)
"""Multipliers that spread every bit of a number over those above it (A. Appleby, MurmurHash3)."""


class TreeNode(Struct, link=True):
    """A place in a tree, for a field of what is to be found by `key`."""

    child: Array[Ptr["TreeNode"]] = field(count=2)
    """Nodes with smaller keys, and with keys that are not smaller."""
    parent: Ptr["TreeNode"]
    key: U64
    priority: U64
    """No node has a higher one than its parent; as good as random, so that the tree is flat."""


class Tree(Struct, link=True):
    """Nodes in the order of their keys; zeros are an empty tree."""

    root: Ptr[TreeNode]
    first: OrNull[Ptr[TreeNode]]
    """The node with the smallest key, null in an empty tree."""


class Trees(Subsystem):
    """Operations on trees: treaps, in which keys are in order from left to right and priorities
    from top to bottom (Seidel and Aragon, Randomized Search Trees, 1996).

    `insert`, `remove` and the searches take O(log n) steps as expected of random priorities.
    Several nodes may have one key: they are kept in the order in which they came. Whoever owns the
    tree keeps others away from it; context: any.
    """

    @function
    def insert(self, tree: Ptr[Tree], node: Ptr[TreeNode]) -> None:
        """Put `node`, whose `key` is set and which is in no tree, into `tree`."""
        self._choose_priority(node)
        place, below, key = scratch(Ptr[Ptr[TreeNode]]), scratch(Ptr[TreeNode]), scratch(node.key)
        mov(below, tree.first)
        with if_((below == 0) | (below.key > key)):
            mov(tree.first, node)
        mov(node.parent, 0)
        lea(place, tree.root)
        with loop():
            mov(below, at(place))
            break_if(below == 0)
            mov(rax, below.priority)
            break_if(rax < node.priority)  # here it belongs, with all below under it
            mov(node.parent, below)
            lea(place, below.child[LEFT])
            with if_(key >= below.key):
                lea(place, below.child[RIGHT])
        mov(at(place), node)
        tail(self.split, node, below)

    @inline(changes=rax)
    def _choose_priority(self, node: Ptr[TreeNode]) -> None:
        """Derive the priority from the node's address, which no key depends on.

        Priorities differ in their upper bits, to which a product carries all lower bits of its
        factors; the upper half is added to the lower one so that it counts there too.
        """
        upper = scratch(U64)
        mov(rax, MIXERS[0])
        imul(rax, u64(node))
        mov(upper, rax)
        shr(upper, 32)
        xor(rax, upper)
        mov(upper, MIXERS[1])
        imul(rax, upper)
        mov(node.priority, rax)
        release(upper)

    @function
    def split(self, node: Ptr[TreeNode], below: Ptr[TreeNode]) -> None:
        """Split the subtree `below`, which may be null, under `node`: keys that are not larger go
        to its left, larger ones to its right."""
        places = scratch(Ptr[Ptr[TreeNode]]), scratch(Ptr[Ptr[TreeNode]])
        parents = scratch(node), scratch(node)
        mov(rax, node.key)
        for side in (LEFT, RIGHT):
            lea(places[side], node.child[side])
        with while_(below != 0):
            with if_(below.key <= rax):
                self._hang(below, LEFT, places, parents)
            with else_():
                self._hang(below, RIGHT, places, parents)
        for side in (LEFT, RIGHT):
            mov(at(places[side]), 0)

    @inline(changes=("below", "places", "parents"))
    def _hang(
        self,
        below: Ptr[TreeNode],
        side: int,
        places: tuple[Ptr[Ptr[TreeNode]], ...],
        parents: tuple[Ptr[TreeNode], ...],
    ) -> None:
        """Hang `below` at the place of a `side`. The next place on that side is where `below` has
        nodes that may belong to the other; they come next."""
        mov(at(places[side]), below)
        mov(below.parent, parents[side])
        mov(parents[side], below)
        lea(places[side], below.child[1 - side])
        mov(below, at(places[side]))

    @function
    def remove(self, tree: Keep[Ptr[Tree]], node: Keep[Ptr[TreeNode]]) -> None:
        """Take `node` out of `tree`, which has it."""
        with if_(tree.first == node):
            mov(tree.first, self.next(node))
        place, parent = scratch(Ptr[Ptr[TreeNode]]), scratch(node.parent)
        lea(place, tree.root)
        with if_(parent != 0):
            lea(place, parent.child[LEFT])
            with if_(at(place) != node):
                lea(place, parent.child[RIGHT])
        self.join(place, parent, node.child[LEFT], node.child[RIGHT])

    @function
    def join(
        self,
        place: Ptr[Ptr[TreeNode]],
        parent: Ptr[TreeNode],
        left: Ptr[TreeNode],
        right: Ptr[TreeNode],
    ) -> None:
        """Join two subtrees, of which either may be null and all keys of `left` come first, at
        `place`, which is in `parent`."""
        right = scratch(right)
        left = scratch(left)
        with while_((left != 0) & (right != 0)):
            mov(rax, left.priority)
            with if_(rax >= right.priority):
                self._descend(place, parent, left, RIGHT)
            with else_():
                self._descend(place, parent, right, LEFT)
        with if_(left == 0):
            mov(left, right)
        mov(at(place), left)
        with if_(left != 0):
            mov(left.parent, parent)

    @inline(changes=("place", "parent", "node"))
    def _descend(
        self, place: Ptr[Ptr[TreeNode]], parent: Ptr[TreeNode], node: Ptr[TreeNode], side: int
    ) -> None:
        """Hang `node` at `place` and go on at its `side`, with what is there in its stead."""
        mov(at(place), node)
        mov(node.parent, parent)
        mov(parent, node)
        lea(place, node.child[side])
        mov(node, at(place))

    @function
    def next(self, node: Ptr[TreeNode]) -> OrNull[Ptr[TreeNode]]:
        """Return the node after `node` in the order of keys, null after the last."""
        below = scratch(node.child[RIGHT])
        with if_(below != 0):
            with while_(below.child[LEFT] != 0):
                mov(below, below.child[LEFT])
            ret(below)
        with loop():
            mov(below, node)
            mov(node, node.parent)
            break_if((node == 0) | (node.child[LEFT] == below))
        ret(node)

    @function
    def at_least(self, tree: Ptr[Tree], key: U64) -> OrNull[Ptr[TreeNode]]:
        """Return the first node whose key is `key` or larger, or null."""
        node, found = scratch(tree.root), scratch(Ptr[TreeNode])
        xor(u32(found), u32(found))
        with while_(node != 0):
            with if_(node.key >= key):
                mov(found, node)
                mov(node, node.child[LEFT])
            with else_():
                mov(node, node.child[RIGHT])
        ret(found)

    @function
    def at_most(self, tree: Ptr[Tree], key: U64) -> OrNull[Ptr[TreeNode]]:
        """Return the last node whose key is `key` or smaller, or null."""
        node, found = scratch(tree.root), scratch(Ptr[TreeNode])
        xor(u32(found), u32(found))
        with while_(node != 0):
            with if_(node.key <= key):
                mov(found, node)
                mov(node, node.child[RIGHT])
            with else_():
                mov(node, node.child[LEFT])
        ret(found)
