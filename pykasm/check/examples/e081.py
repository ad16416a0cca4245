from pykasm import *


class Block(Struct):
    next: Ptr["Block"]
    size: U64


class Broken(Subsystem):
    spare = bss(Owned[Ptr[Block]])
    bytes = bss(U64)

    @function(exported=True)
    def run(self, block: Owned[Ptr[Block]]) -> None:
        block = keep(block)
        self.give_back(block)
        mov(rax, block.size)
        add(self.bytes, rax)

    @function
    def give_back(self, block: Owned[Ptr[Block]]) -> None:
        mov(self.spare, block)


class Mended(Broken):
    @function(exported=True)
    def run(self, block: Owned[Ptr[Block]]) -> None:
        mov(rax, block.size)
        add(self.bytes, rax)
        self.give_back(block)
