from pykasm import *


class Buffer(Struct):
    memory: Owned[Ptr[U8]]
    size: U64


class Broken(Subsystem):
    spare = bss(Owned[Ptr[U8]])

    @function
    def run(self, buffer: Ptr[Buffer], memory: Owned[Ptr[U8]]) -> None:
        old = scratch(buffer.memory)
        with if_(old != 0):
            mov(buffer.size, 0)
        mov(buffer.memory, memory)

    @function(exported=True)
    def free(self, memory: Owned[Ptr[U8]]) -> None:
        mov(self.spare, memory)


class Mended(Broken):
    @function
    def run(self, buffer: Ptr[Buffer], memory: Owned[Ptr[U8]]) -> None:
        old = scratch(buffer.memory)
        mov(buffer.memory, memory)
        with if_(old != 0):
            mov(buffer.size, 0)
            self.free(old)
