"""What writes to the screen, for tests of its outputs."""

from __future__ import annotations

from kernel.console.screen import TextScreen
from pykasm import *


class Author(Subsystem):
    """Writes whole texts."""

    def __init__(self, screen: TextScreen) -> None:
        self.screen = screen

    @function(exported=True)
    def write(self, text: Ptr[U8]) -> None:
        text = keep(text)
        with while_(at(text) != 0):
            self.screen.write_byte(at(text))
            inc(text)
        self.screen.show_cursor()
