from pykasm import *

EINVAL = 22


class Request(Struct):
    slot: Untrusted[U32]
    value: U32


class Broken(Subsystem):
    values = bss(U32 * 16)

    @function(exported=True)
    def run(self, request: Ptr[Request]) -> OrErrno[I32]:
        slot, value = scratch(request.slot), scratch(request.value)
        mov(self.values[slot], value)
        ret(0)


class Mended(Broken):
    @function(exported=True)
    def run(self, request: Ptr[Request]) -> OrErrno[I32]:
        slot, value = scratch(request.slot), scratch(request.value)
        fail_if(slot >= 16, EINVAL)
        mov(self.values[slot], value)
        ret(0)
