"""Letters for what may be done with a region."""

from __future__ import annotations

from kernel.text.writer import Writer
from kernel.vm.region import RegionFlags
from kernel.vm.rights import Rights
from pykasm import *

LETTERS = ((Rights.READ, "r"), (Rights.WRITE, "w"), (Rights.EXECUTE, "x"))
"""What is printed for a right; a hyphen where it lacks."""


@inline(changes=CALLER_SAVED)
def print_rights(writer: Writer, rights: U32, flags: U32) -> None:
    """Print the `rights` and whether the memory is shared, by `RegionFlags`: `rw-p`, as proc(5) has
    it for maps. Both are in memory: each letter is printed by a call."""
    for right, letter in LETTERS:
        mov(ecx, ord("-"))
        with if_(rights & right):
            mov(ecx, ord(letter))
        writer.print("%c", cl)
    mov(ecx, ord("p"))
    with if_(flags & RegionFlags.SHARED):
        mov(ecx, ord("s"))
    writer.print("%c", cl)
