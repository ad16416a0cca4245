"""E025: nothing bounds how deep a stack gets."""

from pykasm import *


class Node(Struct):
    """A node of a tree."""

    left: Ptr["Node"]
    right: Ptr["Node"]


class Broken(Subsystem):
    """Counts the nodes of a tree, and goes down as deep as that is, on a stack of 4 KiB."""

    root = bss(Ptr[Node])
    room = bss(U8 * 4096, align=16)

    @naked(stack=4096)
    def run(self) -> None:
        """Begin."""
        lea(rsp, self.room)
        add(rsp, 4096)
        mov(rdi, self.root)
        call(self.count)
        hlt()
        jmp(self.run)

    @function
    def count(self, node: Ptr[Node]) -> U64:
        """How many nodes there are."""
        with if_(node == 0):
            ret(0)
        node, below = keep(node), keep(U64)
        mov(below, self.count(node.left))
        add(below, self.count(node.right))
        inc(below)
        ret(below)


class Mended(Broken):
    """Says how high its trees are at most."""

    @function(recursion=32)
    def count(self, node: Ptr[Node]) -> U64:
        """How many nodes there are. The tree is balanced: 31 levels have 2**31 nodes."""
        with if_(node == 0):
            ret(0)
        node, below = keep(node), keep(U64)
        mov(below, self.count(node.left))
        add(below, self.count(node.right))
        inc(below)
        ret(below)
