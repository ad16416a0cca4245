"""More correct code of unusual shapes: ownership that goes through lists, lookups and retries."""

from __future__ import annotations

from pykasm import *
from tests.unit.checking import findings
from tests.unit.test_check_unusual import EINVAL, Base, Item, Wire

ENOMEM = 12


class More(Base):
    """Functions that hand things around, and look wrong at first."""

    # What is looked up

    @function(exported=True)
    def found_or_made(self, size: Keep[U64]) -> OrNull[Ptr[Item]]:
        found = keep(self.find(size))
        with if_(found != 0):
            ret(found)
        made = scratch(try_(self.allocate()))
        mov(self.first, made)
        disown(made, "the list has it")
        ret(made)

    @function(exported=True)
    def found_again_after_an_allocation(self, size: Keep[U64]) -> OrErrno[I32]:
        spare = keep(try_(self.allocate(), ENOMEM))
        found = self.find(size)
        with if_(found == 0):
            mov(self.first, spare)
            disown(spare, "the list has it")
            ret(0)
        self.free(spare)
        ret(0)

    @function(exported=True)
    def taken_out_and_freed(self, size: U64) -> None:
        found = scratch(self.find(size))
        with if_(found != 0):
            mov(rax, u64(found.next))
            mov(u64(self.first), rax)
            take_over(found, "it is no more in the list")
            self.free(found)

    @function(exported=True)
    def taken_out_and_given_back(self, size: U64) -> Owned[OrNull[Ptr[Item]]]:
        found = scratch(self.find(size))
        with if_(found == 0):
            ret(0)
        mov(rax, u64(found.next))
        mov(u64(self.first), rax)
        take_over(found, "it is no more in the list")
        ret(found)

    @function(exported=True)
    def all_freed(self) -> None:
        item = keep(OrNull[Ptr[Item]])
        with loop():
            mov(item, self.find(0))
            break_if(item == 0)
            mov(rax, u64(item.next))
            mov(u64(self.first), rax)
            take_over(item, "it is no more in the list")
            self.free(item)

    @function(exported=True)
    def all_freed_but_one(self, spared: Keep[Ptr[Item]]) -> None:
        item = keep(OrNull[Ptr[Item]])
        with loop():
            mov(item, self.find(0))
            break_if((item == 0) | (item == spared))
            take_over(item, "it is no more in the list")
            self.free(item)

    @function(exported=True)
    def shown_from_two_places(self, size: Keep[U64]) -> OrNull[Ptr[Item]]:
        found = scratch(self.find(size))
        with if_(found == 0):
            tail(self.find, 0)
        ret(found)

    @function(exported=True)
    def looked_at_and_another_given_away(self, size: Keep[U64]) -> U64:
        mine, found = keep(self.allocate()), keep(self.find(size))
        with if_(mine != 0):
            self.free(mine)
        with if_(found == 0):
            ret(0)
        ret(u64(found.next))

    # What failed before

    @function(exported=True)
    def two_resources(self) -> OrErrno[I32]:
        one = keep(try_(self.allocate(), ENOMEM))
        errdefer(self.free, one)
        two = keep(try_(self.allocate(), ENOMEM))
        errdefer(self.free, two)
        try_(self.read())
        self.free(two)
        self.free(one)
        ret(0)

    @function(exported=True)
    def two_resources_by_hand(self) -> OrErrno[I32]:
        result, one = keep(I32), keep(self.allocate())
        mov(result, -ENOMEM)
        with if_(one != 0):
            two = keep(self.allocate())
            with if_(two != 0):
                mov(result, self.read())
                self.free(two)
            self.free(one)
        ret(result)

    @function(exported=True)
    def tried_again(self, times: Keep[U64]) -> OrErrno[I32]:
        result = keep(I32)
        with loop():
            mov(result, self.read())
            break_if((result >= 0) | (times == 0))
            dec(times)
        ret(result)

    @function(exported=True)
    def first_error_counts(self) -> OrErrno[I32]:
        result, second = keep(self.read()), scratch(self.read())
        with if_(result < 0):
            ignore(second, "the first error is told")
            ret(result)
        ret(second)

    @function(exported=True)
    def in_two_phases(self) -> OrErrno[I32]:
        made = keep(try_(self.allocate(), ENOMEM))
        with errdefer(self.free, made):
            try_(self.read())
        mov(self.kept, made)
        ret(0)

    @function(exported=True)
    def swapped_for_a_new_one(self) -> OrErrno[I32]:
        made = scratch(try_(self.allocate(), ENOMEM))
        xchg(self.kept, made)
        with if_(made != 0):
            self.free(made)
        ret(0)

    @function(exported=True)
    def given_on_by_a_jump(self, item: Owned[Ptr[Item]]) -> None:
        inc(self.count)
        tail(self.free, item)

    # Locks and states

    @function(exported=True)
    def out_of_a_loop_under_a_lock(self, item: Ptr[Item]) -> U64:
        item.latch.acquire()
        with while_(item.size > 9):
            dec(item.size)
            with if_(item.size == 12):
                item.latch.release()
                ret(12)
        item.latch.release()
        ret(0)

    @function(exported=True)
    def dropped_around_a_rest(self, item: Keep[Ptr[Item]]) -> None:
        item.latch.acquire()
        with while_(item.size != 0):
            item.latch.release()
            self.rest()
            item.latch.acquire()
        item.latch.release()

    @function(exported=True)
    def one_lock_then_another(self, item: Keep[Ptr[Item]]) -> None:
        item.latch.acquire()
        inc(item.size)
        item.latch.release()
        self.latch.acquire()
        inc(self.total)
        self.latch.release()
        self.rest()

    @function(exported=True)
    def off_and_back_on_each_way(self, number: U64) -> U64:
        number = scratch(number)
        pushfq()
        cli()
        inc(self.ticks)
        with if_(number == 0):
            popfq()
            ret(0)
        popfq()
        ret(number)

    # Numbers of others

    @function(exported=True)
    def clipped_twice(self, wire: Ptr[Wire]) -> U64:
        mov(ecx, wire.index)
        with if_(rcx >= 32):
            mov(ecx, 31)
        shr(ecx, 1)
        ret(self.table[rcx])

    @function(exported=True)
    def refused_when_large(self, wire: Ptr[Wire]) -> OrErrno[I64]:
        mov(ecx, wire.index)
        fail_if(ecx > 15, EINVAL)
        mov(rax, self.table[rcx])
        shr(rax, 1)
        ret(rax)

    @function(exported=True)
    def in_a_loop_to_a_bound(self, wire: Ptr[Wire]) -> U64:
        count, sum = scratch(wire.length), scratch(U64)
        xor(u32(sum), u32(sum))
        with if_(count > 16):
            mov(count, 16)
        with while_(count != 0):
            dec(count)
            add(sum, self.table[count])
        ret(sum)

    # Values

    @function(exported=True)
    def pushed_and_popped_in_loops(self, count: U64) -> U64:
        left = scratch(count)
        xor(eax, eax)
        with while_(left != 0):
            add(rax, left)
            dec(left)
        ret(rax)

    @function(exported=True)
    def both_ways_write(self, wanted: Bool, value: U64) -> U64:
        result = scratch(U64)
        with if_(wanted):
            mov(result, value)
        with else_():
            mov(result, 3)
        ret(result)

    @function(exported=True)
    def written_by_a_loop_that_runs_once(self, value: U64) -> U64:
        value, result = scratch(value), scratch(U64)
        with loop():
            mov(result, value)
            break_if(value != 3)
            inc(value)
        ret(result)

    @function(exported=True)
    def local_by_its_parts(self) -> U64:
        pair = local(U64 * 2)
        mov(pair[0], 1)
        mov(pair[1], 2)
        mov(rax, pair[0])
        add(rax, pair[1])
        ret(rax)

    @function(exported=True)
    def local_filled_by_a_callee(self) -> U64:
        place = local(U64)
        self.fill(address_of(place))
        ret(place)

    @function(exported=True)
    def three_ways(self, number: U64) -> U64:
        with switch(number):
            with case(1):
                ret(10)
            with case(2):
                ret(20)
            with default():
                ret(0)

    @function(exported=True)
    def null_by_the_flags(self) -> U64:
        item = scratch(self.first)
        test(item, item)
        with if_(ZF):
            ret(0)
        ret(u64(item.next))

    @function(exported=True)
    def run(self) -> None:
        nop()


def test_nothing_is_found() -> None:
    subsystem = More()
    assert findings(subsystem) == []
