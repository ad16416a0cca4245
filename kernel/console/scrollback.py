"""Rows that have left the screen."""

from __future__ import annotations

from kernel.console.cell import MAX_COLUMNS, ROW_SHIFT
from pykasm import *

KEPT = 256
"""Rows that are kept, a power of two."""
KEPT_MASK = KEPT - 1

QUADWORDS = MAX_COLUMNS * sizeof(U16) // sizeof(U64)
"""Of a row."""


class Scrollback(Subsystem):
    """The last rows that have left the top of the screen which is shown, to be looked at again.
    They are forgotten when another one is shown, as Linux did with a VGA. Context: with the
    console's lock."""

    rows = bss(U16 * (KEPT * MAX_COLUMNS))
    count = bss(U32)
    """How many there were."""
    offset = bss(U32)
    """How many of them are looked at, above what is on the screen."""

    @function
    def add(self, cells: Ptr[U16]) -> None:
        """Add a row."""
        mov(eax, self.count)
        and_(eax, KEPT_MASK)
        shl(eax, ROW_SHIFT)
        mov(rsi, cells)
        lea(rdi, self.rows[rax])
        mov(ecx, QUADWORDS)
        rep.movsq()
        inc(self.count)

    @function
    def forget(self) -> None:
        """Forget all rows."""
        mov(self.count, 0)
        mov(self.offset, 0)

    @function
    def find(self, row: U32) -> Ptr[U16]:
        """Return the cells of the row that is looked at in `row`, above the screen."""
        mov(eax, self.count)
        sub(eax, self.offset)
        add(eax, row)
        and_(eax, KEPT_MASK)
        shl(eax, ROW_SHIFT)
        lea(rax, self.rows[rax])
        ret(rax)

    @function
    def move(self, rows: I32) -> Bool:
        """Look at what is so many `rows` further back, or as far as there is something. Return
        whether that is something else than before."""
        former = scratch(self.offset)
        mov(eax, self.count)
        with if_(eax > KEPT):
            mov(eax, KEPT)
        add(rows, i32(former))
        with if_(rows < 0):
            xor(rows, rows)
        with if_(rows > i32(eax)):
            mov(rows, i32(eax))
        mov(self.offset, u32(rows))
        ret(former != u32(rows))
