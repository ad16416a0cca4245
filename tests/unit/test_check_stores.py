"""Rule E090 for stores: they end where their datum or local does."""

from pykasm import *
from tests.unit.checking import faults, faults_by_name, findings


class Pair(Struct):
    """Two numbers."""

    first: U32
    second: U32


class Base(Subsystem):
    """Has data of several sizes."""

    flag = bss(U32)
    pair = bss(Pair)
    bytes = bss(U8 * 16)

    @function(exported=True)
    def run(self) -> None:
        nop()


class Right(Base):
    """Stores no more than there is room for."""

    @function(exported=True)
    def whole(self, value: U64) -> None:
        mov(self.flag, u32(value))
        mov(u64(self.pair), value)  # both at once
        mov(u64(self.bytes[8]), value)

    @function(exported=True)
    def read(self) -> U64:
        mov(rax, u64(self.flag))  # nothing is changed
        ret(rax)

    @function(exported=True)
    def local_of_its_size(self, value: U64) -> U64:
        pair = local(Pair)
        mov(u64(pair), value)
        mov(eax, pair.second)
        ret(rax)

    @function(exported=True)
    def cleared(self) -> U8:
        buffer = local(U8 * 32)
        lea(rdi, buffer)
        mov(ecx, 4)
        xor(eax, eax)
        rep.stosq()
        ret(buffer[3])

    @function(exported=True)
    def copied(self, source: Ptr[U8], size: U64) -> U8:
        buffer = local(U8 * 32)
        with if_(size > sizeof(U8 * 32)):
            ret(0)
        mov(rcx, size)
        mov(rsi, source)
        lea(rdi, buffer)
        rep.movsb()
        ret(buffer[3])

    @function(exported=True)
    def as_many_as_there_are(self, source: Ptr[U8], size: U64) -> U8:
        buffer = local(U8 * 32)
        mov(rcx, size)  # callers know how many there are
        mov(rsi, source)
        lea(rdi, buffer)
        rep.movsb()
        ret(buffer[3])


class Wrong(Base):
    """Stores beyond."""

    @function(exported=True)
    def e090_wide(self, value: U64) -> None:
        mov(u64(self.flag), value)

    @function(exported=True)
    def e090_second(self, value: U64) -> None:
        mov(u64(self.pair.second), value)

    @function(exported=True)
    def e090_last(self, value: U64) -> None:
        mov(u64(self.bytes[12]), value)

    @function(exported=True)
    def e090_local(self, value: U64) -> U32:
        above, one = local(U32), local(U32)
        mov(u64(one), value)
        ret(above)

    @function(exported=True)
    def e090_cleared(self) -> U8:
        buffer = local(U8 * 32)
        lea(rdi, buffer)
        mov(ecx, 5)
        xor(eax, eax)
        rep.stosq()
        ret(buffer[3])

    @function(exported=True)
    def e090_copied(self, source: Ptr[U8], size: U64) -> U8:
        buffer = local(U8 * 32)
        with if_(size > 64):
            ret(0)
        mov(rcx, size)
        mov(rsi, source)
        lea(rdi, buffer)
        rep.movsb()
        ret(buffer[3])


def test_correct_code() -> None:
    assert findings(Right()) == []


def test_every_fault_is_found() -> None:
    assert faults(Wrong()) == faults_by_name(Wrong)
