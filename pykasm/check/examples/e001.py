"""E001: an exception that nothing needs."""

from pykasm import *


class Broken(Subsystem):
    """Allows what it does not do."""

    @function
    def run(self, value: U64) -> U64:
        """Add one."""
        with allowed("E032", "the caller checks targets"):
            lea(rax, u64[value + 1])
        ret(rax)


class Mended(Subsystem):
    """Needs no exception."""

    @function
    def run(self, value: U64) -> U64:
        """Add one."""
        lea(rax, u64[value + 1])
        ret(rax)
