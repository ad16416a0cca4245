"""A driver's handler of an interrupt."""

from __future__ import annotations

from pykasm import *


class Handler(Fn[[U64], Void], context="interrupt"):
    """Called with the action's `argument` and interrupts off. The interrupt is ended after it."""


class Action(Struct):
    """A driver's handler, linked to the others that share the vector.

    It belongs to the driver, in whose own data it lies: attaching it needs no memory. `next` is
    for `Dispatcher` alone.
    """

    handler: Handler
    argument: U64
    next: Ptr[Action]
