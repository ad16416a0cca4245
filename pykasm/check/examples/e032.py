"""E032: an indirect jump without declared targets."""

from pykasm import *


class Broken(Subsystem):
    """Jumps to where the caller says."""

    @naked
    def run(self, handler: U64) -> None:
        """Go on at `handler`."""
        jmp(handler)


class Mended(Subsystem):
    """Says why nothing is to be proved."""

    @naked
    def run(self, handler: U64) -> None:
        """Go on at `handler`."""
        with allowed("E032", "handlers are entered with the caller's stack, as it called us"):
            jmp(handler)
