"""Stacks that can't overflow unnoticed."""

from kernel.cpu.pagetable import PAGE
from pykasm import *

STACK_SIZE = 2 * PAGE
"""Bytes; what a thread of the kernel or an interrupt may use."""


class GuardedStack(Struct, align=PAGE):
    """A stack with a page below it that the final page tables leave out."""

    guard: Array[U8] = field(count=PAGE)
    room: Array[U8] = field(count=STACK_SIZE)
    top: Array[U8] = field(count=0)
