from pykasm import *


class Errno(ErrorNumber):
    EBUSY = 16


class Broken(Subsystem):
    is_used = bss(U32)

    @function
    def run(self) -> I32:
        with if_(self.is_used != 0):
            ret(-Errno.EBUSY)
        mov(self.is_used, 1)
        ret(0)


class Mended(Subsystem):
    is_used = bss(U32)

    @function
    def run(self) -> OrErrno[I32]:
        with if_(self.is_used != 0):
            ret(-Errno.EBUSY)
        mov(self.is_used, 1)
        ret(0)
