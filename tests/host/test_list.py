"""Intrusive lists, against Python's."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.structures.list import ListHead
from pykasm import *
from pykasm.hostrun import Host, HostFault


class Item(Struct):
    """Something that can be in a list."""

    number: U64
    link: ListHead


class Lists(Subsystem):
    """The list's methods as functions."""

    head = bss(ListHead, elements="Item.link")

    @function(exported=True)
    def reset(self) -> None:
        self.head.reset()

    @function(exported=True)
    def append(self, item: Ptr[Item]) -> None:
        link = scratch(Ptr[ListHead])
        lea(link, item.link)
        self.head.append(link)

    @function(exported=True)
    def prepend(self, item: Ptr[Item]) -> None:
        link = scratch(Ptr[ListHead])
        lea(link, item.link)
        self.head.prepend(link)

    @function(exported=True)
    def unlink(self, item: Ptr[Item]) -> None:
        item.link.unlink()

    @function(exported=True)
    def is_empty(self) -> U32:
        with if_(self.head.is_empty()):
            ret(1)
        ret(0)

    @function(exported=True)
    def number_of(self, link: Ptr[ListHead]) -> U64:
        ret(container_of(link, Item, "link").number)

    @function(exported=True)
    def sum(self) -> U64:
        """The sum of all numbers but 7, behind which it goes on."""
        total = scratch(U64)
        xor(u32(total), u32(total))
        with self.head.each(Item, "link", scratch) as item:
            continue_if(item.number == 7)
            add(total, item.number)
        ret(total)

    @function(exported=True)
    def remove_even(self) -> U64:
        """Take all even numbers out, and forget them; how many."""
        count = keep(U64)
        xor(u32(count), u32(count))
        with self.head.each_removable(Item, "link") as item:
            continue_if(item.number & 1)
            inc(count)
            self.forget(item)
        ret(count)

    @function
    def forget(self, item: Ptr[Item]) -> None:
        """Take `item` out; nothing may be read from it then."""
        item.link.unlink()
        mov(item.link.next, 0)
        mov(item.link.previous, 0)


class Bench:
    """The lists and their host."""

    def __init__(self) -> None:
        self.lists = Lists()
        self.host = Host(self.lists)

    def start(self) -> None:
        """Begin with an empty list."""
        self.host.reset()
        self.host.call(self.lists.reset)

    def numbers(self, towards: str) -> list[int]:
        """Those of all items, going by `next` or `previous`."""
        head = int(self.host.address(self.lists.head))
        found = []
        link = getattr(self.host[self.lists.head], towards)
        while int(link) != head:
            found.append(self.host.call(self.lists.number_of, link))
            link = getattr(self.host.at(ListHead, link), towards)
        return found


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


@given(st.lists(st.tuples(st.sampled_from(["append", "prepend", "unlink"]), st.integers(0, 20))))
def test_a_list_is_in_the_order_of_what_was_done_to_it(bench: Bench, steps: list[Any]) -> None:
    bench.start()
    model: list[int] = []
    items: dict[int, Any] = {}
    for number, (step, choice) in enumerate(steps):
        if step == "unlink" and model:
            gone = model.pop(choice % len(model))
            bench.host.call(bench.lists.unlink, items.pop(gone))
        elif step != "unlink":
            items[number] = bench.host.new(Item, number=number)
            bench.host.call(getattr(bench.lists, step), items[number])
            model.insert(len(model) if step == "append" else 0, number)
    assert bench.numbers("next") == model
    assert bench.numbers("previous") == model[::-1]
    assert bench.host.call(bench.lists.is_empty) == (not model)


@pytest.mark.parametrize("step", ["append", "prepend"])
def test_who_goes_forward_meanwhile_sees_the_list_before_or_after(bench: Bench, step: str) -> None:
    after = [1, 2] if step == "append" else [2, 1]
    seen = []
    for limit in range(-200, 100):  # the harness runs some more of its own first
        bench.start()
        bench.host.call(bench.lists.append, bench.host.new(Item, number=1))
        try:
            bench.host.call(getattr(bench.lists, step), bench.host.new(Item, number=2), limit=limit)
        except HostFault:
            seen.append(bench.numbers("next"))
        else:
            break
    assert bench.numbers("next") == after
    assert seen[0] == [1]
    assert all(one in ([1], after) for one in seen)


def filled(bench: Bench, numbers: list[int]) -> None:
    """Begin with a list of these numbers."""
    bench.start()
    for number in numbers:
        bench.host.call(bench.lists.append, bench.host.new(Item, number=number))


@given(st.lists(st.integers(0, 9)))
def test_a_walk_comes_to_every_struct_once(bench: Bench, numbers: list[int]) -> None:
    filled(bench, numbers)
    assert bench.host.call(bench.lists.sum) == sum(one for one in numbers if one != 7)
    assert bench.numbers("next") == numbers


@given(st.lists(st.integers(0, 9)))
def test_a_walk_may_remove_what_it_comes_to(bench: Bench, numbers: list[int]) -> None:
    filled(bench, numbers)
    removed = bench.host.call(bench.lists.remove_even)
    assert removed == sum(one % 2 == 0 for one in numbers)
    assert bench.numbers("next") == [one for one in numbers if one % 2]
