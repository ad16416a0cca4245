"""E031: code can't be reached."""

from pykasm import *


class Broken(Subsystem):
    """Goes on behind a loop without end."""

    ticks = bss(U64)

    @function
    def run(self) -> None:
        """Count up to a thousand."""
        again = Label("again")
        place(again)
        inc(self.ticks)
        jmp(again)
        mov(self.ticks, 0)


class Mended(Subsystem):
    """Leaves the loop by a condition."""

    ticks = bss(U64)

    @function
    def run(self) -> None:
        """Count up to a thousand."""
        again = Label("again")
        place(again)
        inc(self.ticks)
        cmp(self.ticks, 1000)
        jb(again)
        mov(self.ticks, 0)
