"""E020: the stack has different depths where paths meet."""

from pykasm import *


class Broken(Subsystem):
    """Pushes on one path only."""

    @function
    def run(self, value: U64) -> U64:
        """Return `value`, or 1."""
        push(1)
        with if_(value != 0):
            push(value)
        pop(rax)
        ret(rax)


class Mended(Subsystem):
    """Pushes the same on both paths."""

    @function
    def run(self, value: U64) -> U64:
        """Return `value`, or 1."""
        with if_(value != 0):
            push(value)
        with else_():
            push(1)
        pop(rax)
        ret(rax)
