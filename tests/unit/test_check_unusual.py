"""Correct code of unusual shapes: the checker has nothing to say of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from pykasm import *
from pykasm.objects.debug import EntryFrame
from tests.unit.checking import findings

EINVAL = 22
PINNED = PairedState("pinned", pins=True)
IF = 1 << 9


class Latch(Struct):
    """A lock that is waited for in a loop, with interrupts as its user has them."""

    taken: U32

    @inline
    def acquire(self, *, rank: str = "") -> None:
        old = scratch(U32)
        mov(old, 1)
        taking(self, rank=rank)
        with while_(old != 0):
            xchg(self.taken, old)
        release(old)

    @inline
    def release(self, *, rank: str = "") -> None:
        releasing(self, rank=rank)
        mov(self.taken, 0)

    @inline
    @contextmanager
    def held(self) -> Iterator[None]:
        self.acquire()
        yield
        self.release()


class Mutex(Struct):
    """Waited for asleep."""

    owner: U64


class Item(Struct):
    """One of a list."""

    next: OrNull[Ptr[Item]]
    latch: Latch
    mutex: Mutex
    size: U64 = field(guarded_by="latch")
    uses: U64 = field(guarded_by="mutex")
    flags: U32 = field(guarded_by="latch", unlocked_reads=True)


class Wire(Struct):
    """What somebody else sends."""

    index: Untrusted[U32]
    shift: Untrusted[U8]
    length: Untrusted[U64]


class Base(Subsystem):
    """What the functions below share."""

    latch = bss(Latch)
    other = bss(Mutex)
    first = bss(OrNull[Ptr[Item]])
    kept = bss(Owned[OrNull[Ptr[Item]]])
    total = bss(U64, guarded_by="latch")
    table = bss(U64 * 16)
    ticks = percpu(U64)
    block = percpu(U64)
    depth = percpu(U32)
    count = bss(U64)
    handler = bss(U64)

    @function(sleeps=True, context="thread")
    def rest(self) -> None:
        hlt()

    @function(sleeps=True, context="thread", locks="mutex")
    def lock(self, mutex: Ptr[Mutex]) -> None:
        mov(mutex.owner, 1)

    @function(context="thread", tries="mutex")
    def try_lock(self, mutex: Ptr[Mutex]) -> Bool:
        ret(mutex.owner == 0)

    @function(sleeps=True, context="thread", tries="mutex")
    def lock_until(self, mutex: Ptr[Mutex], time: U64) -> OrErrno[I32]:
        mov(mutex.owner, time)
        ret(0)

    @function(context="thread", unlocks="mutex")
    def unlock(self, mutex: Ptr[Mutex]) -> None:
        mov(mutex.owner, 0)

    @function
    def allocate(self) -> Owned[OrNull[Ptr[Item]]]:
        ret(0)

    @function
    def free(self, item: Owned[Ptr[Item]]) -> None:
        mov(rax, u64(self.kept))
        mov(u64(item.next), rax)
        mov(self.kept, item)

    @function
    def find(self, size: U64) -> OrNull[Ptr[Item]]:
        ret(self.first)

    @function
    def read(self) -> OrErrno[I32]:
        ret(-EINVAL)

    @function
    def fill(self, place: Ptr[U64]) -> None:
        mov(place[0], 1)


class Unusual(Base):
    """Functions that look wrong at first."""

    # Locks

    @function
    def hand_over_hand(self, one: Ptr[Item], two: Ptr[Item]) -> None:
        one.latch.acquire()
        two.latch.acquire(rank="next")
        one.latch.release()
        inc(two.size)
        two.latch.release(rank="next")

    @function
    def two_ways_out_of_a_lock(self, item: Ptr[Item]) -> U64:
        item.latch.acquire()
        with if_(item.size == 0):
            item.latch.release()
            ret(0)
        mov(rax, item.size)
        item.latch.release()
        ret(rax)

    @function
    def released_in_a_loop(self, item: Ptr[Item]) -> None:
        with loop():
            item.latch.acquire()
            with if_(item.size == 0):
                item.latch.release()
                break_()
            dec(item.size)
            item.latch.release()

    @function
    def taken_until_it_fits(self, item: Ptr[Item]) -> None:
        with loop():
            item.latch.acquire()
            break_if(item.size != 0)
            item.latch.release()
            pause()
        dec(item.size)
        item.latch.release()

    @function
    def looked_at_before_it_is_locked(self, item: Ptr[Item]) -> None:
        with if_(item.flags != 0), item.latch.held(), if_(item.flags != 0):
            mov(item.flags, 0)

    @function(context="thread")
    def taken_if_free(self, item: Keep[Ptr[Item]]) -> Bool:
        with if_(self.try_lock(address_of(item.mutex))):
            inc(item.uses)
            self.unlock(address_of(item.mutex))
            ret(True)
        ret(False)

    @function(context="thread")
    def taken_in_time(self, item: Keep[Ptr[Item]]) -> OrErrno[I32]:
        try_(self.lock_until(address_of(item.mutex), 5))
        inc(item.uses)
        tail(self._unlocked, item)

    @function(context="thread", releases="item.mutex")
    def _unlocked(self, item: Ptr[Item]) -> OrErrno[I32]:
        self.unlock(address_of(item.mutex))
        ret(0)

    @function(context="thread")
    def taken_and_told_later(self, item: Keep[Ptr[Item]]) -> None:
        has_it = keep(self.try_lock(address_of(item.mutex)))
        self.rest()
        with if_(has_it):
            self.unlock(address_of(item.mutex))

    @function(context="thread")
    def unlocked_by_a_jump(self) -> None:
        self.lock(address_of(self.other))
        self.rest()
        tail(self.unlock, address_of(self.other))

    # Sleeping and interrupts

    @function(context="thread")
    def may_wait(self, item: Keep[Ptr[Item]], wait: Keep[Bool]) -> None:
        with if_(wait):
            self.lock(address_of(item.mutex))
            inc(item.uses)
            self.unlock(address_of(item.mutex))
        with else_(), item.latch.held():
            inc(item.size)

    @function(context="any")
    def flags_in_a_loop(self, count: U64) -> None:
        with while_(count != 0):
            pushfq()
            cli()
            inc(self.ticks)
            popfq()
            dec(count)

    @function(context="any")
    def off_twice(self) -> None:
        pushfq()
        cli()
        pushfq()
        cli()
        inc(self.ticks)
        popfq()
        inc(self.ticks)
        popfq()

    @function(context="any")
    def only_where_they_are_on(self) -> None:
        flags = local(U64)
        pushfq()
        pop(flags)
        with if_(flags & IF):
            cli()
            inc(self.ticks)
            push(flags)
            popfq()

    @function(context="interrupts off")
    def on_for_a_moment(self) -> None:
        sti()
        hlt()
        cli()

    @function(context="thread")
    def pinned(self) -> U64:
        begins(PINNED)
        inc(self.depth)
        mov(rax, self.block)
        add(rax, address_of(self.ticks))
        mov(rax, u64[rax])
        ends(PINNED)
        dec(self.depth)
        ret(rax)

    @function
    def counted_at_once(self) -> None:
        inc(self.ticks)

    # Registers and flags

    @function
    def downwards(self, place: U64, count: U64) -> None:
        mov(rcx, count)
        mov(rdi, place)
        xor(eax, eax)
        std()
        rep.stosb()
        cld()

    @function
    def wide_sum(self, low: U64, high: U64, other: U64) -> tuple[U64, U64]:
        mov(rax, low)
        add(rax, other)
        mov(rcx, high)
        adc(rcx, 0)
        mov(rdx, rcx)
        ret(rax, rdx)

    @function
    def spread_carry(self, one: U64, other: U64) -> U64:
        cmp(one, other)
        sbb(rax, rax)
        ret(rax)

    @function
    def byte_by_byte(self, value: U64) -> U64:
        xor(eax, eax)
        mov(al, u8(value))
        mov(ah, al)
        ret(rax)

    @function
    def smaller(self, one: U64, other: U64) -> U64:
        mov(rax, one)
        cmp(one, other)
        cmova(rax, other)
        ret(rax)

    @function
    def vendor(self) -> U32:
        xor(eax, eax)
        xor(ecx, ecx)
        push(rbx)
        cpuid()
        mov(eax, ebx)
        pop(rbx)
        ret(eax)

    @function
    def until_it_stays(self, place: Ptr[U64]) -> None:
        mov(rax, place[0])
        with loop():
            lea(rcx, bare[rax + 1])
            lock.cmpxchg(place[0], rcx)
            break_if(ZF)
            pause()

    # The stack

    @naked
    def aligned_frame(self) -> None:
        push(rbp)
        mov(rbp, rsp)
        and_(rsp, -64)
        sub(rsp, 64)
        mov(u64[rsp], 0)
        call(self.counted_at_once)
        leave()
        ret()

    @function
    def digits(self, value: U64) -> U64:
        mov(rax, value)
        mov(rsi, rsp)
        mov(ecx, 10)
        with loop():
            xor(edx, edx)
            div(rcx)
            push(rdx)
            break_if(rax == 0)
        xor(eax, eax)
        with loop():
            pop(rdx)
            shl(rax, 4)
            or_(rax, rdx)
            break_if(rsp == rsi)
        ret(rax)

    @function
    def filled_by_index(self) -> U64:
        place = local(U64 * 4)
        with for_(scratch(U64), 0, 4) as index:
            mov(place[index], index)
        ret(place[2])

    @function
    def filled_by_another(self) -> U64:
        place = local(U64)
        self.fill(address_of(place))
        ret(place)

    @naked(entered=EntryFrame.INTERRUPT_WITH_ERROR)
    def drops_the_error_code(self) -> None:
        push(rax)
        mov(rax, u64[rsp + 8])
        lock.add(self.count, rax)
        pop(rax)
        add(rsp, 8)
        iretq()

    # Ownership, errors, null

    @function
    def owned_by_a_flag(self, wanted: Keep[Bool]) -> Bool:
        item = keep(Ptr[Item])
        xor(u32(item), u32(item))
        with if_(wanted):
            mov(item, self.allocate())
            with if_(item == 0):
                ret(False)
        self.counted_at_once()
        with if_(wanted):
            self.free(item)
        ret(True)

    @function
    def freed_where_it_fails(self) -> OrErrno[I32]:
        item = keep(try_(self.allocate(), EINVAL))
        errdefer(self.free, item)
        try_(self.read())
        disown(item, "the list leads to it")
        ret(0)

    @function
    def one_of_two(self) -> Owned[OrNull[Ptr[Item]]]:
        item = keep(self.allocate())
        with if_(item == 0):
            tail(self.allocate)
        ret(item)

    @function
    def exchanged(self) -> None:
        item = scratch(Ptr[Item])
        xor(u32(item), u32(item))
        xchg(self.kept, item)
        with if_(item != 0):
            self.free(item)

    @function
    def until_null(self) -> U64:
        xor(eax, eax)
        item = scratch(self.first)
        with while_(item != 0):
            inc(rax)
            mov(item, item.next)
        ret(rax)

    @function
    def null_counts_as_none(self, size: U64) -> U64:
        item = self.find(size)
        xor(ecx, ecx)
        test(item, item)
        with if_(~ZF):
            mov(ecx, item.flags)
        ret(rcx)

    @function
    def by_its_sign(self) -> I32:
        result = self.read()
        test(result, result)
        with if_(SF):
            neg(result)
        ret(result)

    # Numbers of others

    @function
    def masked(self, wire: Ptr[Wire]) -> U64:
        mov(eax, wire.index)
        and_(eax, 15)
        ret(self.table[rax])

    @function
    def at_most(self, wire: Ptr[Wire], place: U64) -> None:
        mov(rcx, wire.length)
        with if_(rcx > 16):
            mov(ecx, 16)
        mov(rdi, place)
        xor(eax, eax)
        rep.stosb()

    @function
    def shifted_in_bounds(self, wire: Ptr[Wire]) -> U64:
        movzx(ecx, wire.shift)
        with if_(ecx >= 64):
            ret(0)
        mov(eax, 1)
        shl(rax, cl)
        ret(rax)

    # Ways out

    @function
    def for_ever(self) -> NoReturn:
        cli()
        with loop():
            hlt()
        never()

    @function(context="thread")
    def run(self, one: Keep[Ptr[Item]], two: Keep[Ptr[Item]], wire: Keep[Ptr[Wire]]) -> None:
        self.hand_over_hand(one, two)
        self.released_in_a_loop(one)
        self.taken_until_it_fits(one)
        self.looked_at_before_it_is_locked(one)
        ignore(self.two_ways_out_of_a_lock(one))
        ignore(self.taken_if_free(one))
        ignore(self.taken_in_time(one), "nothing depends on it")
        self.taken_and_told_later(one)
        self.unlocked_by_a_jump()
        self.may_wait(one, True)
        self.flags_in_a_loop(5)
        self.off_twice()
        self.only_where_they_are_on()
        cli()
        self.on_for_a_moment()
        sti()
        ignore(self.pinned())
        self.downwards(1, 2)
        ignore(self.wide_sum(1, 2, 3))
        ignore(self.spread_carry(1, 2))
        ignore(self.byte_by_byte(1))
        ignore(self.smaller(1, 2))
        ignore(self.vendor())
        self.until_it_stays(address_of(self.count))
        call(self.aligned_frame)
        ignore(self.digits(1))
        ignore(self.filled_by_index())
        ignore(self.filled_by_another())
        mov(rax, address_of(self.drops_the_error_code))
        mov(self.handler, rax)
        ignore(self.owned_by_a_flag(True))
        ignore(self.freed_where_it_fails(), "nothing depends on it")
        item = self.one_of_two()
        with if_(item != 0):
            mov(self.kept, item)
        self.exchanged()
        ignore(self.until_null())
        ignore(self.null_counts_as_none(1))
        ignore(self.by_its_sign())
        ignore(self.masked(wire))
        self.at_most(wire, 1)
        ignore(self.shifted_in_bounds(wire))
        self.for_ever()


SHAPES = [
    name
    for name, one in vars(Unusual).items()
    if not name.startswith("_") and name not in ("run",) and hasattr(one, "body")
]


def test_code_of_unusual_shapes_is_accepted() -> None:
    assert len(SHAPES) >= 38
    assert findings(Unusual()) == []
