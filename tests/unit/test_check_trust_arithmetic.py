"""Rule E084 where numbers are computed of what somebody else chose: what bounds what."""

from pykasm import *
from tests.unit.checking import faults, findings


class Packet(Struct):
    """What came over the wire."""

    length: Untrusted[U32]
    other: Untrusted[U32]
    kind: Untrusted[U8]
    id: Untrusted[U16]
    sid: Untrusted[I32]
    wide: Untrusted[U64]
    wide2: Untrusted[U64]
    be: Untrusted[U16BE]
    be32: Untrusted[U32BE]


class Big(Struct):
    """An element of 24 bytes."""

    a: U64
    b: U64
    c: U64


class Base(Subsystem):
    """What is looked at by numbers that came over the wire."""

    table = bss(U64 * 256)
    big = bss(U64 * 65536)
    bigs = bss(Big * 8)
    small = bss(U64 * 8)
    bytes = bss(U8 * 64)
    counter = bss(U64)
    limit = bss(U64)

    @function(exported=True)
    def run(self) -> None:
        nop()


class Right(Base):
    """Bounds every number, in one way or another."""

    @function(exported=True)
    def from_one_on(self, p: Ptr[Packet]) -> U64:
        n = scratch(p.length)
        mov(eax, n)
        dec(eax)
        with if_(eax >= 7):
            ret(0)
        ret(self.small[n])

    @function(exported=True)
    def signed(self, p: Ptr[Packet]) -> U64:
        n = scratch(p.sid)
        with if_((n >= 8) | (n < 0)):
            ret(0)
        movsxd(rax, n)
        ret(self.small[rax])

    @function(exported=True)
    def signed2(self, p: Ptr[Packet]) -> U64:
        n = scratch(p.sid)
        with if_(n < 0):
            ret(0)
        with if_(n >= 8):
            ret(0)
        movsxd(rax, n)
        ret(self.small[rax])

    @function(exported=True)
    def signed3(self, p: Ptr[Packet]) -> U64:
        movzx(eax, p.kind)
        with if_(i32(eax) >= 8):
            ret(0)
        ret(self.small[rax])

    @function(exported=True)
    def part(self, p: Ptr[Packet]) -> U64:
        n = scratch(p.wide)
        with if_(u32(n) >= 8):
            ret(0)
        mov(eax, u32(n))
        ret(self.small[rax])

    @function(exported=True)
    def part2(self, p: Ptr[Packet]) -> U64:
        n = scratch(p.length)
        with if_(u16(n) >= 8):
            ret(0)
        movzx(eax, u16(n))
        ret(self.small[rax])

    @function(exported=True)
    def sub(self, p: Ptr[Packet], to: Ptr[U8]) -> None:
        mov(ecx, p.length)
        with if_((ecx > 1500) | (ecx < 14)):
            ret()
        sub(ecx, 14)
        mov(rdi, to)
        lea(rsi, self.bytes)
        rep.movsb()

    @function(exported=True)
    def sub_carry(self, p: Ptr[Packet], to: Ptr[U8]) -> None:
        mov(ecx, p.length)
        with if_(ecx > 1500):
            ret()
        sub(ecx, 14)
        with if_(CF):
            ret()
        mov(rdi, to)
        lea(rsi, self.bytes)
        rep.movsb()

    @function(exported=True)
    def sub_first(self, p: Ptr[Packet]) -> U64:
        n = scratch(p.length)
        sub(n, 1)
        with if_(n >= 8):
            ret(0)
        ret(self.small[n])

    @function(exported=True)
    def countdown(self, p: Ptr[Packet]) -> U64:
        n = scratch(p.length)
        with if_(n > 8):
            ret(0)
        xor(eax, eax)
        with while_(n != 0):
            dec(n)
            add(rax, self.small[n])
        ret(rax)

    @function(exported=True)
    def wrap(self, p: Ptr[Packet], base: Ptr[U8]) -> U8:
        off, len = scratch(p.wide), scratch(p.wide2)
        mov(rax, off)
        add(rax, len)
        with if_(CF):
            ret(0)
        with if_(rax > self.limit):
            ret(0)
        ret(base[off])

    @function(exported=True)
    def wrap2(self, p: Ptr[Packet], base: Ptr[U8]) -> U8:
        off, len = scratch(p.wide), scratch(p.wide2)
        mov(rax, off)
        add(rax, len)
        with if_((rax < off) | (rax > self.limit)):
            ret(0)
        ret(base[off])

    @function(exported=True)
    def wrap3(self, p: Ptr[Packet], base: Ptr[U8]) -> U8:
        off, len = scratch(U64), scratch(U64)
        mov(u32(off), p.length)
        mov(u32(len), p.other)
        mov(rax, off)
        add(rax, len)
        with if_(rax > self.limit):
            ret(0)
        ret(base[off])

    @function(exported=True)
    def remaining(self, p: Ptr[Packet], base: Ptr[U8]) -> U8:
        off, len = scratch(p.wide), scratch(p.wide2)
        with if_(off > self.limit):
            ret(0)
        mov(rax, self.limit)
        sub(rax, off)
        with if_(len > rax):
            ret(0)
        add(off, len)
        ret(base[off])

    @function(exported=True)
    def point_at(self, p: Ptr[Packet]) -> U64:
        n = scratch(p.length)
        with if_(n >= 8):
            ret(0)
        big = scratch(Ptr[Big])
        point_at(big, self.bigs, n)
        ret(big.b)

    @function(exported=True)
    def counted(self, p: Ptr[Packet]) -> U64:
        n = scratch(p.length)
        with if_(n > 8):
            ret(0)
        xor(eax, eax)
        with for_(scratch(U32), 0, n) as i:
            add(rax, self.small[i])
        ret(rax)

    @function(exported=True)
    def for_break(self, p: Ptr[Packet]) -> U64:
        n = scratch(p.length)
        xor(eax, eax)
        with for_(scratch(U32), 0, n) as i:
            break_if(i >= 8)
            add(rax, self.small[i])
        ret(rax)

    @function(exported=True)
    def for_two(self, p: Ptr[Packet]) -> U64:
        n = scratch(p.length)
        i = scratch(U32)
        xor(i, i)
        xor(eax, eax)
        with while_((i < 8) & (i < n)):
            add(rax, self.small[i])
            inc(i)
        ret(rax)

    @function(exported=True)
    def for_only_counts(self, p: Ptr[Packet]) -> U64:
        n = scratch(p.length)
        xor(eax, eax)
        with for_(scratch(U32), 0, n):
            add(rax, 3)
        ret(rax)

    @function(exported=True)
    def be32(self, p: Ptr[Packet]) -> U64:
        n = scratch(p.be32)
        with if_(n >= 8):
            ret(0)
        ret(self.small[n])

    @function(exported=True)
    def div(self, p: Ptr[Packet]) -> U64:
        mov(eax, p.length)
        xor(edx, edx)
        mov(ecx, 8)
        div(ecx)
        ret(self.small[rdx])

    @function(exported=True)
    def mask_register(self, p: Ptr[Packet], mask: U32) -> U64:
        n = scratch(p.length)
        and_(n, mask)
        ret(self.small[n])

    @function(exported=True)
    def later(self, p: Ptr[Packet]) -> U64:
        n = scratch(p.length)
        m = scratch(U32)
        lea(m, u32[u64(n) + 4])
        with if_(n >= 8):
            ret(0)
        ret(self.table[m])

    @function(exported=True)
    def end(self, p: Ptr[Packet], base: U64) -> U64:
        end = scratch(base)
        mov(eax, p.length)
        with if_(rax > 100):
            ret(0)
        add(end, rax)
        xor(eax, eax)
        with while_(base < end):
            movzx(ecx, u8[base])
            add(rax, rcx)
            inc(base)
        ret(rax)

    @function(exported=True)
    def clamp_cmov(self, p: Ptr[Packet]) -> U64:
        n = scratch(p.length)
        mov(eax, 7)
        cmp(n, eax)
        cmova(n, eax)
        ret(self.small[n])

    @function(exported=True)
    def clamp_cmov2(self, p: Ptr[Packet]) -> U64:
        n = scratch(p.length)
        mov(eax, 7)
        cmp(eax, n)
        cmova(eax, n)
        ret(self.small[rax])

    @function(exported=True)
    def clamp_cmov_mem(self, p: Ptr[Packet]) -> U64:
        n = scratch(U64)
        mov(u32(n), p.length)
        cmp(n, self.counter)
        cmovae(n, self.counter)
        ret(self.small[n])

    @function(exported=True)
    def clamp_zero(self, p: Ptr[Packet]) -> U64:
        n = scratch(p.length)
        xor(eax, eax)
        cmp(n, 8)
        cmovae(n, eax)
        ret(self.small[n])

    @function(exported=True)
    def clamp_branch(self, p: Ptr[Packet]) -> U64:
        n = scratch(p.length)
        with if_(n > 7):
            mov(n, 7)
        ret(self.small[n])

    @function(exported=True)
    def by_byte(self, p: Ptr[Packet]) -> U64:
        n = scratch(U32)
        movzx(n, p.kind)
        ret(self.table[n])

    @function(exported=True)
    def by_byte_scratch(self, p: Ptr[Packet]) -> U64:
        n = scratch(p.kind)
        movzx(eax, n)
        ret(self.table[rax])

    @function(exported=True)
    def by_word(self, p: Ptr[Packet]) -> U64:
        movzx(eax, p.id)
        ret(self.big[rax])

    @function(exported=True)
    def by_parameter(self, kind: Untrusted[U8]) -> U64:
        movzx(eax, kind)
        ret(self.table[rax])


class Wrong(Base):
    """Has a fault in each function."""

    @function(exported=True)
    def signed(self, p: Ptr[Packet]) -> U64:
        n = scratch(I32)
        mov(n, i32(p.length))
        with if_(n >= 8):
            ret(0)
        ret(self.small[u32(n)])

    @function(exported=True)
    def signed2(self, p: Ptr[Packet]) -> U64:
        n = scratch(p.sid)
        with if_(n >= 8):
            ret(0)
        movsxd(rax, n)
        ret(self.small[rax])

    @function(exported=True)
    def part(self, p: Ptr[Packet]) -> U64:
        n = scratch(p.length)
        with if_(u16(n) >= 8):
            ret(0)
        ret(self.small[n])

    @function(exported=True)
    def part64(self, p: Ptr[Packet]) -> U64:
        n = scratch(p.wide)
        with if_(u32(n) >= 8):
            ret(0)
        ret(self.small[n])

    @function(exported=True)
    def dec(self, p: Ptr[Packet]) -> U64:
        n = scratch(p.length)
        with if_(n > 8):
            ret(0)
        dec(n)
        ret(self.small[n])

    @function(exported=True)
    def sub(self, p: Ptr[Packet], to: Ptr[U8]) -> None:
        mov(ecx, p.length)
        with if_(ecx > 1500):
            ret()
        sub(ecx, 14)
        mov(rdi, to)
        lea(rsi, self.bytes)
        rep.movsb()

    @function(exported=True)
    def sum(self, p: Ptr[Packet]) -> U64:
        n, m = scratch(p.length), scratch(p.other)
        with if_(n >= 8):
            ret(0)
        add(n, m)
        ret(self.small[n])

    @function(exported=True)
    def sum_lea(self, p: Ptr[Packet]) -> U64:
        n, m = scratch(p.length), scratch(p.other)
        with if_(n >= 8):
            ret(0)
        lea(rax, u64[u64(n) + u64(m)])
        ret(self.small[rax])

    @function(exported=True)
    def wrap(self, p: Ptr[Packet], base: Ptr[U8]) -> U8:
        off, len = scratch(p.wide), scratch(p.wide2)
        mov(rax, off)
        add(rax, len)
        with if_(rax > self.limit):
            ret(0)
        ret(base[off])

    @function(exported=True)
    def shl(self, p: Ptr[Packet]) -> U64:
        m = scratch(p.other)
        shl(m, 3)
        ret(self.table[m])

    @function(exported=True)
    def point_at(self, p: Ptr[Packet]) -> U64:
        n = scratch(p.length)
        big = scratch(Ptr[Big])
        point_at(big, self.bigs, n)
        ret(big.b)

    @function(exported=True)
    def counted(self, p: Ptr[Packet]) -> U64:
        n = scratch(p.length)
        xor(eax, eax)
        with for_(scratch(U32), 0, n) as i:
            add(rax, self.small[i])
        ret(rax)

    @function(exported=True)
    def be(self, p: Ptr[Packet]) -> U64:
        n = scratch(p.be)
        movzx(eax, n)
        ret(self.small[rax])

    @function(exported=True)
    def be32(self, p: Ptr[Packet]) -> U64:
        n = scratch(p.be32)
        ret(self.small[n])

    @function(exported=True)
    def zero_div(self, p: Ptr[Packet]) -> U32:
        n = scratch(p.length)
        with if_(n > 8):
            ret(0)
        mov(eax, 100)
        xor(edx, edx)
        div(n)
        ret(eax)

    @function(exported=True)
    def div(self, p: Ptr[Packet]) -> U64:
        mov(eax, p.length)
        xor(edx, edx)
        mov(ecx, 8)
        div(ecx)
        ret(self.small[rax])

    @function(exported=True)
    def end(self, p: Ptr[Packet], base: U64) -> U64:
        end = scratch(base)
        mov(eax, p.length)
        add(end, rax)
        xor(eax, eax)
        with while_(base < end):
            movzx(ecx, u8[base])
            add(rax, rcx)
            inc(base)
        ret(rax)


def test_correct_code() -> None:
    assert findings(Right()) == []


def test_every_fault_is_found() -> None:
    names = {name for name in vars(Wrong) if not name.startswith("_")}
    assert faults(Wrong()) == {(name, "E084") for name in names}
