"""Methods of structs: code in place, on whatever operand the struct is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pykasm import *
from pykasm.errors import BuildFailed
from pykasm.hostrun import Host
from tests.unit.messages import normalised


class Tally(Struct):
    """A sum and how many numbers went into it."""

    count: U32
    sum: U64

    def take(self, number: U64) -> None:
        """Add `number`, a register."""
        add(self.sum, number)
        self._counted()

    def _counted(self) -> None:
        inc(self.count)

    @contextmanager
    def twice(self) -> Iterator[None]:
        """Count before and after the block."""
        self._counted()
        yield
        self._counted()


class Short(Struct):
    """A struct of a size that addresses can scale by."""

    value: U32

    def raise_it(self) -> None:
        """Add one."""
        inc(self.value)


class Page(Struct):
    """A struct in a struct, behind other fields."""

    next: Ptr[Page]
    tally: Tally
    shorts: Array[Short] = field(count=4)

    def take_all(self, number: U64) -> None:
        """Call the methods of fields."""
        self.tally.take(number)
        self.shorts[2].raise_it()


class Loudest(Short):
    """A struct that extends another one."""

    times: U32

    def raise_it(self) -> None:
        """Add one, and count how often."""
        Short.raise_it(self)
        inc(self.times)


class Book(Subsystem):
    """Calls methods in all the places where a struct may lie."""

    total = bss(Tally)
    loudest = bss(Loudest)
    page = bss(Page)
    shorts = bss(Short * 8)
    mine = percpu(Tally)

    @function(exported=True)
    def datum(self, number: U64) -> None:
        self.total.take(number)

    @function(exported=True)
    def nested(self, number: U64) -> None:
        self.page.tally.take(number)

    @function(exported=True)
    def pointer(self, page: Ptr[Page], number: U64) -> None:
        page.take_all(number)

    @function(exported=True)
    def element(self, index: U64) -> None:
        self.shorts[index].raise_it()
        self.shorts[1].raise_it()

    @function(exported=True)
    def context(self) -> None:
        with self.total.twice():
            add(self.total.sum, 5)

    @function(exported=True)
    def overridden(self) -> None:
        self.loudest.raise_it()

    @function(exported=True)
    def per_processor(self, number: U64) -> None:
        self.mine.take(number)


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def host(book: Book) -> Host:
    return Host(book)


def test_methods_of_a_datum(book: Book, host: Host) -> None:
    host.call(book.datum, 40)
    host.call(book.datum, 2)
    assert (host[book.total.count], host[book.total.sum]) == (2, 42)


def test_methods_of_a_field(book: Book, host: Host) -> None:
    host.call(book.nested, 7)
    assert (host[book.page.tally.count], host[book.page.tally.sum]) == (1, 7)


def test_methods_behind_a_pointer_and_of_its_fields(book: Book, host: Host) -> None:
    page = host.new(Page)
    host.call(book.pointer, page, 9)
    assert (page.tally.count, page.tally.sum) == (1, 9)
    assert [one.value for one in page.shorts] == [0, 0, 1, 0]


def test_methods_of_elements(book: Book, host: Host) -> None:
    host.call(book.element, 5)
    assert [host[book.shorts[n].value] for n in range(8)] == [0, 1, 0, 0, 0, 1, 0, 0]


def test_methods_that_hold_a_block(book: Book, host: Host) -> None:
    host.call(book.context)
    assert (host[book.total.count], host[book.total.sum]) == (2, 5)


def test_overridden_methods(book: Book, host: Host) -> None:
    host.call(book.overridden)
    assert (host[book.loudest.value], host[book.loudest.times]) == (1, 1)


def test_methods_of_a_per_processor_variable_go_through_gs(book: Book) -> None:
    program = Image(entry=book.per_processor, subsystems=[book]).assemble()
    (routine,) = [one for one in program.units[0].routines if one.symbol == "Book.per_processor"]
    segments = [
        operand.segment.name
        for item in routine.items
        for operand in getattr(getattr(item, "statement", None), "operands", ())
        if getattr(operand, "segment", None) is not None
    ]
    assert segments == ["gs", "gs"]


class Misspelled(Subsystem):
    """Calls what there is not."""

    total = bss(Tally)

    @function(exported=True)
    def run(self) -> None:
        self.total.twise()  # type: ignore[attr-defined]


class Instance(Subsystem):
    """Takes an initial value for a datum."""

    def __init__(self) -> None:
        self.total = Tally()

    @function(exported=True)
    def run(self, number: U64) -> None:
        self.total.take(number)


def failure(subsystem: Misspelled | Instance) -> str:
    with pytest.raises(BuildFailed) as caught:
        Image(subsystem.run, [subsystem]).assemble()
    return normalised(str(caught.value))


def test_misspelled_methods_are_suggested() -> None:
    assert (
        failure(Misspelled())
        == """\
error[unknown-field]: `Tally` has no field or method `twise`
  FILE:LINE
  LINE |         self.total.twise()  # type: ignore[attr-defined]
        |         ^^^^^^^^^^^^^^^^
expected: one of count, sum, take(), twice()
got: twise
help: did you mean `twice()`?

1 error"""
    )


def test_an_initial_value_is_no_datum() -> None:
    assert (
        failure(Instance())
        == """\
error[type]: `Tally(…)` is an initial value and lies nowhere in memory
  FILE:LINE
  LINE |         add(self.sum, number)
        |             ^^^^^^^^
expected: a datum, or a pointer to a struct
got: an instance of `Tally`
help: `bss(Tally)`, or `data(Tally, Tally(…))`, is a datum

1 error"""
    )
