from pykasm import *


class Block(Struct):
    next: Ptr["Block"]
    size: U64


class Broken(Subsystem):
    spare = bss(Owned[Ptr[Block]])

    @function
    def run(self) -> None:
        ignore(self.join())

    @function
    def join(self) -> U32:
        first = keep(self.take())
        with if_(first == 0):
            ret(0)
        second = self.take()
        with if_(second == 0):
            ret(0)
        mov(first.next, second)
        disown(second, "the first one leads to it")
        self.give_back(first)
        ret(1)

    @function
    def take(self) -> Owned[Ptr[Block]]:
        xor(eax, eax)
        xchg(self.spare, rax)
        ret(rax)

    @function
    def give_back(self, block: Owned[Ptr[Block]]) -> None:
        mov(self.spare, block)


class Mended(Broken):
    @function
    def join(self) -> U32:
        first = keep(self.take())
        with if_(first == 0):
            ret(0)
        second = self.take()
        with if_(second == 0):
            self.give_back(first)
            ret(0)
        mov(first.next, second)
        disown(second, "the first one leads to it")
        self.give_back(first)
        ret(1)
