from pykasm import *


class Broken(Subsystem):
    @function(exported=True)
    def run(self, number: U64, shift: U64) -> U64:
        mov(rcx, shift)
        self.halve(number)
        shl(number, cl)
        ret(number)

    @inline(changes=("number",))
    def halve(self, number: U64) -> None:
        mov(cl, 1)
        shr(number, cl)


class Mended(Broken):
    @inline(changes=("number",))
    def halve(self, number: U64) -> None:
        shr(number, 1)
