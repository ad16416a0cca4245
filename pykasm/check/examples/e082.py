from pykasm import *

ENOSPC = 28


class Broken(Subsystem):
    free = bss(U32)

    @function(exported=True)
    def run(self) -> OrErrno[I32]:
        ignore(self.reserve())
        ret(0)

    @function
    def reserve(self) -> OrErrno[I32]:
        fail_if(self.free == 0, ENOSPC)
        dec(self.free)
        ret(0)


class Mended(Broken):
    @function(exported=True)
    def run(self) -> OrErrno[I32]:
        try_(self.reserve())
        ret(0)
