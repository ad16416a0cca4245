"""Paths that are never gone are no faults, and those beside them are: conditions that are tested
again, loops with a round at least, first errors, tests of places in memory."""

from collections.abc import Iterator
from contextlib import contextmanager

from pykasm import *
from tests.unit.checking import faults, faults_by_name, findings


class Latch(Struct):
    """A lock."""

    taken: U32

    @inline
    def acquire(self) -> None:
        old = scratch(U32)
        mov(old, 1)
        taking(self)
        with while_(old != 0):
            xchg(self.taken, old)
        release(old)

    @inline
    def release(self) -> None:
        releasing(self)
        mov(self.taken, 0)

    @inline
    @contextmanager
    def held(self) -> Iterator[None]:
        self.acquire()
        yield
        self.release()


class Item(Struct):
    """An element of a list, with its size."""

    next: OrNull[Ptr["Item"]]
    size: U64


STATE = PairedState("some state")


class Base(Subsystem):
    """What the functions use."""

    latch = bss(Latch)
    first = bss(OrNull[Ptr[Item]], guarded_by="latch")
    sum = bss(U64, guarded_by="latch")
    count = bss(U64)

    @function(exported=True)
    def run(self) -> None:
        nop()

    @function(exported=True)
    def attempt(self) -> OrErrno[I32]:
        mov(rax, self.count)
        ret(eax)

    @function(exported=True)
    def allocate(self) -> OrNull[Owned[Ptr[Item]]]:
        ret(0)

    @function(exported=True)
    def free(self, item: Owned[Ptr[Item]]) -> None:
        mov(item.size, 0)
        disown(item, "nobody needs it")


class Right(Base):
    """Correct, though each rule by itself would look at paths that are never gone."""

    @function(exported=True)
    def loop_by_for(self, place: Ptr[U64]) -> U64:
        with for_(scratch(U32), 0, 4) as i:
            mov(rax, place[i])
        ret(rax)

    @function(exported=True)
    def loop_by_while(self, place: Ptr[U64]) -> U64:
        i = scratch(U64)
        xor(u32(i), u32(i))
        with while_(i < 8):
            mov(rax, place[i])
            add(i, 2)
        ret(rax)

    @function(exported=True)
    def loop_down(self, place: Ptr[U64]) -> U64:
        with for_(scratch(U32), 0, 4, down=True) as i:
            mov(rax, place[i])
        ret(rax)

    @function(exported=True)
    def same_test(self, a: U64, b: U64) -> U64:
        with if_(a != 0):
            mov(rax, b)
        add(self.count, b)
        with if_(a != 0):
            ret(rax)
        ret(0)

    @function(exported=True)
    def same_number(self, a: U64, b: U64) -> U64:
        x = scratch(U64)
        with if_(a == 3):
            mov(x, b)
        add(self.count, b)
        with if_(a == 3):
            add(self.count, x)
        ret(0)

    @function(exported=True)
    def same_place(self, a: Ptr[Item], b: U64) -> U64:
        with if_(a.size > 5):
            mov(rax, b)
        nop()
        with if_(a.size > 5):
            ret(rax)
        ret(0)

    @function(exported=True)
    def by_local(self, a: U64, b: U64) -> U64:
        x = local(U64)
        with if_(a == 3):
            mov(x, b)
        nop()
        with if_(a == 3):
            ret(x)
        ret(0)

    @function(exported=True)
    def over_a_call(self, a: Keep[U64], b: U64) -> U64:
        with if_(a != 0):
            self.run()
        with if_(a == 0):
            ret(b)
        ret(0)

    @function(exported=True)
    def state(self, a: U64) -> None:
        with if_(a != 0):
            begins(STATE)
            nop()
        inc(self.count)
        with if_(a != 0):
            ends(STATE)
            nop()

    @function(exported=True)
    def lock(self, a: U64) -> None:
        with if_(a >= 3):
            self.latch.acquire()
        inc(self.count)
        with if_(a >= 3):
            inc(self.sum)
            self.latch.release()

    @function(exported=True)
    def first_error(self) -> OrErrno[I32]:
        result = keep(self.attempt())
        second = self.attempt()
        with if_(result >= 0):
            mov(result, second)
        ret(result)

    @function(exported=True)
    def first_error_at_once(self) -> OrErrno[I32]:
        result = keep(self.attempt())
        second = self.attempt()
        with if_(result < 0):
            ret(result)
        ret(second)

    @function(exported=True)
    def first_error_of_many(self) -> OrErrno[I32]:
        result = keep(I32)
        xor(result, result)
        with for_(keep(U32), 0, 4):
            one = self.attempt()
            with if_(result == 0):
                mov(result, one)
        ret(result)

    @function(exported=True)
    def loaded_once_more(self) -> U64:
        with self.latch.held():
            xor(eax, eax)
            with if_(self.first != 0):
                item = scratch(self.first)
                mov(rax, item.size)
        ret(rax)

    @function(exported=True)
    def loaded_from_a_field(self, item: Ptr[Item]) -> U64:
        with if_(item.next != 0):
            mov(item.size, 1)
            other = scratch(item.next)
            ret(other.size)
        ret(0)

    @function(exported=True)
    def many_at_once(self) -> None:
        items = local(Ptr[Item] * 4)
        with for_(keep(U64), 0, 4) as i:
            item = self.allocate()
            mov(items[i], item)
        with for_(keep(U64), 0, 4) as i:
            self.free(items[i])


class Wrong(Base):
    """Has a fault in each function, of the rule in its name."""

    @function(exported=True)
    def e010_loop(self, place: Ptr[U64], count: U32) -> U64:
        with for_(scratch(U32), 0, count) as i:
            mov(rax, place[i])
        ret(rax)

    @function(exported=True)
    def e010_other_test(self, a: U64, b: U64) -> U64:
        with if_(a == 3):
            mov(rax, b)
        nop()
        with if_(a >= 3):
            ret(rax)
        ret(0)

    @function(exported=True)
    def e010_changed(self, a: U64, b: U64) -> U64:
        with if_(a == 3):
            mov(rax, b)
        inc(a)
        with if_(a == 3):
            ret(rax)
        ret(0)

    @function(exported=True)
    def e010_opposite(self, a: U64, b: U64) -> U64:
        with if_(a == 3):
            mov(rax, b)
        nop()
        with if_(a != 3):
            ret(rax)
        ret(0)

    @function(exported=True)
    def e010_memory(self, a: Ptr[Item], b: U64) -> U64:
        with if_(a.size > 5):
            mov(rax, b)
        inc(a.size)
        with if_(a.size > 5):
            ret(rax)
        ret(0)

    @function(exported=True)
    def e026(self, a: U64, b: U64) -> U64:
        x = local(U64)
        with if_(a == 3):
            mov(x, b)
        nop()
        with if_(a == 4):
            ret(x)
        ret(0)

    @function(exported=True)
    def e012(self, a: Keep[U64], b: U64) -> U64:
        with if_(a != 0):
            self.run()
        with if_(a != 0):
            ret(b)
        ret(0)

    @function(exported=True)
    def e054(self, a: U64) -> None:
        with if_(a != 0):
            begins(STATE)
            nop()
        inc(a)
        with if_(a != 0):
            ends(STATE)
            nop()

    @function(exported=True)
    def e050(self, a: U64) -> None:
        with if_(a >= 3):
            self.latch.acquire()
        inc(self.count)
        with if_(a >= 4):
            self.latch.release()

    @function(exported=True)
    def e051(self, a: U64) -> None:
        with if_(a >= 3):
            self.latch.acquire()
        inc(self.sum)
        with if_(a >= 3):
            self.latch.release()

    @function(exported=True)
    def e082_success(self) -> OrErrno[I32]:
        result = keep(self.attempt())
        second = self.attempt()
        with if_(result < 0):
            mov(result, second)
        ret(result)

    @function(exported=True)
    def e083_store(self, item: Ptr[Item], other: Ptr[Item]) -> U64:
        with if_(item.next != 0):
            mov(other.next, 0)
            item = scratch(item.next)
            ret(item.size)
        ret(0)

    @function(exported=True)
    def e083_call(self, item: Keep[Ptr[Item]]) -> U64:
        with if_(item.next != 0):
            self.run()
            other = scratch(item.next)
            ret(other.size)
        ret(0)

    @function(exported=True)
    def e083_other(self, item: Ptr[Item], other: Ptr[Item]) -> U64:
        with if_(item.next != 0):
            last = scratch(other.next)
            ret(last.size)
        ret(0)

    @function(exported=True)
    def e083_in_turn(self, item: Ptr[Item]) -> U64:
        with if_(item.next != 0):
            mov(item, item.next)
            mov(item, item.next)
            ret(item.size)
        ret(0)

    @function(exported=True)
    def e080(self) -> None:
        item = keep(self.allocate())
        with if_(item != 0):
            inc(self.count)


def test_paths_that_are_never_gone() -> None:
    assert findings(Right()) == []


def test_faults_on_paths_beside_them() -> None:
    assert faults(Wrong()) == faults_by_name(Wrong)
