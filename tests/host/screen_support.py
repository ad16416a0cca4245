"""What writes to the screen, for tests of its outputs."""

from __future__ import annotations

from kernel.console.emulator import Emulator
from kernel.console.screen import TextScreen
from kernel.console.screenstate import Screen
from pykasm import *


class Author(Subsystem):
    """Writes whole texts to the first screen, or to any."""

    def __init__(self, screen: TextScreen, emulator: Emulator) -> None:
        self.screen = screen
        self.emulator = emulator

    @function(exported=True)
    def start(self) -> None:
        self.screen.start()
        self.emulator.start()

    @function(exported=True)
    def write(self, text: Keep[Ptr[U8]]) -> None:
        with while_(at(text) != 0):
            with if_(at(text) == ord("\n")):
                self.emulator.write(address_of(self.screen.screens), ord("\r"))
            self.emulator.write(address_of(self.screen.screens), at(text))
            inc(text)
        self.screen.show_cursor()

    @function(exported=True)
    def write_bytes(
        self, screen: Keep[Ptr[Screen]], bytes: Keep[Ptr[U8]], count: Keep[U64]
    ) -> None:
        with while_(count != 0):
            self.emulator.write(screen, at(bytes))
            inc(bytes)
            dec(count)
        self.screen.show_cursor()
