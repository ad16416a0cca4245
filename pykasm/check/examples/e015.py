"""E015: DF is set at a call or return."""

from pykasm import *


class Broken(Subsystem):
    """Leaves the direction as it was needed."""

    @function
    def run(self, target: Ptr[U8], source: Ptr[U8], count: U64) -> None:
        """Copy `count` bytes that end at `source`, the last one first."""
        mov(rcx, count)
        std()
        rep.movsb()


class Mended(Subsystem):
    """Sets the direction back."""

    @function
    def run(self, target: Ptr[U8], source: Ptr[U8], count: U64) -> None:
        """Copy `count` bytes that end at `source`, the last one first."""
        mov(rcx, count)
        std()
        rep.movsb()
        cld()
