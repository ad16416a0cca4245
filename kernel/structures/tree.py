"""Search trees whose links lie in what they hold."""

from pykasm import *

LEFT, RIGHT = 0, 1
"""Indexes of `TreeNode.child`."""

MIXERS = (0xFF51_AFD7_ED55_8CCD, 0xC4CE_B9FE_1A85_EC53)
"""Multipliers that spread every bit of a number over all others (A. Appleby, MurmurHash3)."""


class TreeNode(Struct):
    """A place in a tree, for a field of what is to be found by `key`."""

    child: Array[Ptr["TreeNode"]] = field(count=2)
    """Nodes with smaller keys, and with keys that are not smaller."""
    parent: Ptr["TreeNode"]
    key: U64
    priority: U64
    """No node has a higher one than its parent; as good as random, so that the tree is flat."""


class Tree(Struct):
    """Nodes in the order of their keys; zeros are an empty tree."""

    root: Ptr[TreeNode]
    first: Ptr[TreeNode]
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
        tree, node = keep(tree), keep(node)
        self._choose_priority(node)
        self.hang(tree, node)
        first, key = scratch(tree.first), scratch(node.key)
        with if_((first == 0) | (first.key > key)):
            mov(tree.first, node)
        release(first, key)
        with loop():
            parent = scratch(node.parent)
            break_if(parent == 0)
            mov(rax, parent.priority)
            release(parent)
            break_if(rax >= node.priority)
            self.rotate_up(tree, node)

    def _choose_priority(self, node: Ptr[TreeNode]) -> None:
        """Derive the priority from the node's address, which no key depends on. Changes rax."""
        multiplier, upper = scratch(U64), scratch(U64)
        mov(rax, node)
        for mixer in MIXERS:
            mov(multiplier, mixer)
            imul(rax, multiplier)
            mov(upper, rax)
            shr(upper, 32)
            xor(rax, upper)
        mov(node.priority, rax)
        release(multiplier, upper)

    @function
    def hang(self, tree: Ptr[Tree], node: Ptr[TreeNode]) -> None:
        """Make `node` a leaf of `tree` where its key belongs, behind those that are equal."""
        place, parent, key = scratch(Ptr[Ptr[TreeNode]]), scratch(Ptr[TreeNode]), scratch(node.key)
        lea(place, tree.root)
        xor(u32(parent), u32(parent))
        with while_(at(place) != 0):
            mov(parent, at(place))
            lea(place, parent.child[LEFT])
            with if_(key >= parent.key):
                lea(place, parent.child[RIGHT])
        mov(at(place), node)
        mov(node.parent, parent)
        mov(node.child[LEFT], 0)
        mov(node.child[RIGHT], 0)

    @function
    def rotate_up(self, tree: Ptr[Tree], node: Ptr[TreeNode]) -> None:
        """Let `node` and its parent change places, with all keys still in order."""
        node, parent, side = keep(node), keep(node.parent), keep(U64)
        xor(u32(side), u32(side))
        with if_(parent.child[RIGHT] == node):
            inc(u32(side))
        self.replace(tree, parent, node)
        mov(rax, side)
        xor(eax, RIGHT)
        inner = scratch(node.child[rax])
        mov(parent.child[side], inner)
        with if_(inner != 0):
            mov(inner.parent, parent)
        mov(node.child[rax], parent)
        mov(parent.parent, node)

    @function
    def replace(self, tree: Ptr[Tree], node: Ptr[TreeNode], other: Ptr[TreeNode]) -> None:
        """Let the parent of `node` have `other`, or nothing if that is null, in its place."""
        parent, place = scratch(node.parent), scratch(Ptr[Ptr[TreeNode]])
        lea(place, tree.root)
        with if_(parent != 0):
            lea(place, parent.child[LEFT])
            with if_(at(place) != node):
                lea(place, parent.child[RIGHT])
        mov(at(place), other)
        with if_(other != 0):
            mov(other.parent, parent)

    @function
    def remove(self, tree: Ptr[Tree], node: Ptr[TreeNode]) -> None:
        """Take `node` out of `tree`, which has it."""
        tree, node = keep(tree), keep(node)
        with if_(tree.first == node):
            mov(tree.first, self.next(node))
        with loop():
            left, right = scratch(node.child[LEFT]), scratch(node.child[RIGHT])
            break_if((left == 0) | (right == 0))
            mov(rax, left.priority)
            with if_(rax < right.priority):
                mov(left, right)
            release(right)
            self.rotate_up(tree, left)
        with if_(left == 0):
            mov(left, right)
        self.replace(tree, node, left)

    @function
    def next(self, node: Ptr[TreeNode]) -> Ptr[TreeNode]:
        """The node behind `node` in the order of keys, null behind the last."""
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
    def at_least(self, tree: Ptr[Tree], key: U64) -> Ptr[TreeNode]:
        """The first node whose key is `key` or larger, or null."""
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
    def at_most(self, tree: Ptr[Tree], key: U64) -> Ptr[TreeNode]:
        """The last node whose key is `key` or smaller, or null."""
        node, found = scratch(tree.root), scratch(Ptr[TreeNode])
        xor(u32(found), u32(found))
        with while_(node != 0):
            with if_(node.key <= key):
                mov(found, node)
                mov(node, node.child[RIGHT])
            with else_():
                mov(node, node.child[LEFT])
        ret(found)
