from pykasm import *


class Broken(Subsystem):
    @function(exported=True)
    def run(self, number: U64) -> U64:
        with while_(number != 0):
            ignore(self.halve(number))
            dec(number)
        ret(number)

    @function(clobbers=())
    def halve(self, number: U64) -> U64:
        mov(rcx, 1)
        shr(number, cl)
        mov(rax, number)
        ret(rax)


class Mended(Broken):
    @function(clobbers=())
    def halve(self, number: U64) -> U64:
        mov(rax, number)
        shr(rax, 1)
        ret(rax)
