"""What is owned by words: taken over from a list or a caller, disowned, and on some paths only."""

from pykasm import *
from tests.unit.checking import faults, faults_by_name, findings


class Link(Struct, link=True):
    """The next element of a list."""

    next: OrNull[Ptr["Link"]]


class Count(Struct):
    """How many references there are."""

    number: U32 = field(written_by="Count")

    @inline
    def drop(self) -> Condition:
        dropping(self)
        lock.dec(self.number)
        return ZF


class Item(Struct):
    """An element of a list, which is owned by whoever has it."""

    link: Link
    size: U64


class Shared(Struct):
    """Something that is counted."""

    references: Count
    size: U64


class Base(Subsystem):
    """Has a list."""

    first = bss(Link, elements="Item.link")
    count = bss(U64)
    shared = bss(OrNull[Ptr[Shared]])

    @function(exported=True)
    def run(self) -> None:
        nop()

    @function(exported=True)
    def allocate(self) -> Owned[Ptr[Item]]:
        mov(rax, self.count)
        ret(rax)

    @function(exported=True)
    def free(self, item: Owned[Ptr[Item]]) -> None:
        mov(item.size, 0)
        disown(item, "nobody needs it")

    @function(exported=True)
    def get(self) -> OrNull[Owned[Ptr[Shared]]]:
        shared = scratch(self.shared)
        take_over(shared, "the reference is that of the caller")
        ret(shared)

    @function(exported=True)
    def put(self, shared: Owned[Ptr[Shared]]) -> None:
        with if_(shared.references.drop()):
            disown(shared, "nobody needs it")


class Right(Base):
    """Owns what it says."""

    @function(exported=True)
    def disowned_on_one_path(self, item: Keep[Owned[Ptr[Item]]], is_kept: Keep[U64]) -> None:
        with if_(is_kept != 0):
            disown(item, "the list has it")
        with else_():
            self.free(item)

    @function(exported=True)
    def disowned_by_a_flag(self, item: Keep[Owned[Ptr[Item]]], number: Keep[U64]) -> None:
        with if_(number == 3):
            disown(item, "the list has it")
        inc(self.count)
        with if_(number != 3):
            self.free(item)

    @function(exported=True)
    def disowned_in_turn(self, item: Keep[Owned[Ptr[Item]]], number: U64) -> None:
        with switch(number):
            with case(1):
                disown(item, "the list has it")
            with case(2):
                disown(item, "another list has it")
            with default():
                self.free(item)

    @function(exported=True)
    def disowned_and_taken_back(self, item: Keep[Owned[Ptr[Item]]]) -> None:
        disown(item, "the list has it")
        inc(self.count)
        take_over(item, "it was taken out again")
        self.free(item)

    @function(exported=True)
    def taken_from_a_caller(self, item: Keep[Ptr[Item]]) -> None:
        mov(item.size, 0)
        take_over(item, "it was in a list")
        self.free(item)

    @function(exported=True)
    def found_in_a_list(self, size: Keep[U64]) -> None:
        link = keep(self.first.next)
        with while_(link != 0):
            item = scratch(container_of(scratch(link), Item, "link"))
            with if_(item.size == size):
                take_over(item, "it is no more in the list")
                self.free(item)
                ret()
            mov(link, link.next)

    @function(exported=True)
    def one_more_reference(self) -> None:
        shared = keep(self.get())
        with if_(shared == 0):
            ret()
        take_over(shared, "that of the table")
        self.put(shared)
        self.put(shared)

    @function(exported=True)
    def find(self, size: U64) -> OrNull[Ptr[Item]]:
        size, item = scratch(size), scratch(OrNull[Ptr[Item]])
        xor(u32(item), u32(item))
        link = scratch(self.first.next)
        with if_(link != 0):
            found = scratch(container_of(link, Item, "link"))
            with if_(found.size == size):
                mov(item, found)
        ret(item)

    @function(exported=True)
    def looked_at(self, size: U64) -> U64:
        item = self.find(size)
        with if_(item == 0):
            ret(0)
        ret(item.size)

    @function(exported=True)
    def found_and_freed(self, size: U64) -> None:
        item = self.find(size)
        with if_(item != 0):
            take_over(item, "it is no more in the list")
            self.free(item)

    @function(exported=True)
    def shown_with_one_more(self) -> OrNull[Owned[Ptr[Item]]]:
        item = scratch(self.find(3))
        with if_(item != 0):
            take_over(item, "it is no more in the list")
        ret(item)


class Wrong(Base):
    """Owns less, or more."""

    @function(exported=True)
    def find(self, size: U64) -> OrNull[Ptr[Item]]:
        link = scratch(self.first.next)
        with if_(link == 0):
            ret(0)
        ret(container_of(link, Item, "link"))

    @function(exported=True)
    def e085_freed_though_only_shown(self, size: U64) -> None:
        item = self.find(size)
        with if_(item != 0):
            self.free(item)

    @function(exported=True)
    def e085_returned_though_only_shown(self, size: U64) -> OrNull[Owned[Ptr[Item]]]:
        item = keep(self.find(size))
        inc(self.count)
        ret(item)

    @function(exported=True)
    def e085_part_returned_though_only_shown(self) -> Owned[Ptr[Count]]:
        shared = scratch(self.shared)
        asserts(shared != 0)
        count = scratch(address_of(shared.references))
        ret(count)

    @function(exported=True)
    def e085_disowned_though_only_shown(self, size: U64) -> OrNull[Owned[Ptr[Item]]]:
        item = self.find(size)
        disown(item, "the list has it")
        ret(0)

    @function(exported=True)
    def e080_disowned_on_one_path(self, item: Keep[Owned[Ptr[Item]]], is_kept: U64) -> None:
        with if_(is_kept != 0):
            disown(item, "the list has it")

    @function(exported=True)
    def e081_freed_though_disowned(self, item: Keep[Owned[Ptr[Item]]]) -> None:
        disown(item, "the list has it")
        inc(self.count)
        self.free(item)

    @function(exported=True)
    def e081_freed_by_errdefer(self, size: Keep[U64]) -> I32:
        item = keep(self.allocate())
        errdefer(self.free, item)
        disown(item, "the list has it")
        fail_if(size == 0, 22)
        ret(0)

    @function(exported=True)
    def e081_twice(self, item: Keep[Ptr[Item]]) -> None:
        take_over(item, "it was in a list")
        self.free(item)
        self.free(item)

    @function(exported=True)
    def e081_used(self, item: Keep[Ptr[Item]]) -> U64:
        take_over(item, "it was in a list")
        self.free(item)
        ret(item.size)

    @function(exported=True)
    def e080_kept(self, item: Keep[Ptr[Item]]) -> None:
        take_over(item, "it was in a list")
        inc(item.size)

    @function(exported=True)
    def e080_merged(self, one: Keep[Ptr[Item]], other: Keep[Ptr[Item]]) -> None:
        with if_(one.size == 0):
            mov(one, other)
        take_over(one, "it was in a list")
        with if_(one.size != 0):
            self.free(one)

    @function(exported=True)
    def e081_merged(self, one: Keep[Ptr[Item]], other: Keep[Ptr[Item]]) -> U64:
        with if_(one.size == 0):
            mov(one, other)
        take_over(one, "it was in a list")
        self.free(one)
        ret(one.size)

    @function(exported=True)
    def e080_one_reference_less(self) -> None:
        shared = keep(self.get())
        with if_(shared == 0):
            ret()
        take_over(shared, "that of the table")
        self.put(shared)


def test_correct_code() -> None:
    assert findings(Right()) == []


def test_every_fault_is_found() -> None:
    assert faults(Wrong()) == faults_by_name(Wrong)
