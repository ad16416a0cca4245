"""E093: an error is taken for a number."""

from pykasm import *

EIO = 5


class Broken(Subsystem):
    """Adds an error to what was read."""

    total, limit = bss(U64), bss(I64)

    @function(exported=True)
    def run(self) -> OrErrno[I64]:
        """Read, and count how much that was. Returns it, or -EIO."""
        result = self.read()
        add(self.total, result)
        ret(result)

    @function
    def read(self) -> OrErrno[I64]:
        """Stands for what reads. Returns how much, or -EIO."""
        fail_if(self.limit == 0, EIO)
        ret(self.limit)


class Mended(Broken):
    """Adds what is no error."""

    @function(exported=True)
    def run(self) -> OrErrno[I64]:
        """Read, and count how much that was. Returns it, or -EIO."""
        result = try_(self.read())
        add(self.total, result)
        ret(result)
