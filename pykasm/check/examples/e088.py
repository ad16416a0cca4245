from pykasm import *


class Errno(ErrorNumber):
    EBUSY = 16


class Broken(Subsystem):
    is_used = bss(U32)

    @function
    def run(self) -> OrErrno[I32]:
        result = scratch(I32)
        mov(result, Errno.EBUSY)
        with if_(self.is_used == 0):
            mov(self.is_used, 1)
            mov(result, 0)
        ret(result)


class Mended(Subsystem):
    is_used = bss(U32)

    @function
    def run(self) -> OrErrno[I32]:
        result = scratch(I32)
        mov(result, -Errno.EBUSY)
        with if_(self.is_used == 0):
            mov(self.is_used, 1)
            mov(result, 0)
        ret(result)
