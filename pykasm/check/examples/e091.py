"""E091: an error is made longer without its sign."""

from pykasm import *

EBUSY = 16


class Broken(Subsystem):
    """Writes zeros above the error."""

    busy = bss(U32)

    @function(exported=True)
    def run(self) -> OrErrno[I64]:
        """Reserve it. Returns 0 or -EBUSY."""
        result = self.reserve()
        mov(eax, result)
        ret(rax)

    @function
    def reserve(self) -> OrErrno[I32]:
        """Reserve it. Returns 0 or -EBUSY."""
        bts(self.busy, 0)
        fail_if(CF, EBUSY)
        ret(0)


class Mended(Broken):
    """Extends its sign."""

    @function(exported=True)
    def run(self) -> OrErrno[I64]:
        """Reserve it. Returns 0 or -EBUSY."""
        result = self.reserve()
        movsxd(rax, result)
        ret(rax)
