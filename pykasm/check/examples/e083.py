from pykasm import *


class Block(Struct):
    next: OrNull[Ptr["Block"]]
    size: U64


class Broken(Subsystem):
    first = bss(OrNull[Ptr[Block]])

    @function(exported=True)
    def run(self) -> U64:
        block = scratch(self.first)
        with if_(block == 0):
            ret(0)
        mov(block, block.next)
        ret(block.size)


class Mended(Broken):
    @function(exported=True)
    def run(self) -> U64:
        block = scratch(self.first)
        with if_(block == 0):
            ret(0)
        mov(block, block.next)
        with if_(block == 0):
            ret(0)
        ret(block.size)
