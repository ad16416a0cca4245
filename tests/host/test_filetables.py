"""Tables of open files, against a dictionary."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.errno import Errno
from kernel.fs.files import Files
from kernel.fs.filetables import FileTables
from kernel.fs.openflag import OpenFlag
from tests.host.files_support import FileMachine

LIMIT = 300
STEPS = st.one_of(
    st.tuples(st.just("open"), st.integers(0, LIMIT + 5), st.booleans()),
    st.tuples(st.just("open"), st.just(0), st.booleans()),
    st.tuples(st.just("fill"), st.integers(1, 140), st.booleans()),
    st.tuples(st.just("close"), st.integers(0, LIMIT), st.just(False)),
    st.tuples(st.just("replace"), st.integers(0, LIMIT), st.booleans()),
    st.tuples(st.just("exec"), st.just(0), st.just(False)),
    st.tuples(st.just("clone"), st.just(0), st.just(False)),
)


@pytest.fixture(scope="module")
def machine() -> FileMachine:
    return FileMachine(FileTables)


class Tables:
    """A table, and the close-on-exec bits of its numbers."""

    def __init__(self, machine: FileMachine) -> None:
        self.machine, self.tables = machine, machine.parts[FileTables]
        machine.start()
        self.table = machine.call(self.tables.create)
        self.known: dict[int, bool] = {}

    def file(self) -> int:
        return self.machine.open("file", OpenFlag.CREATE)

    def open(self, least: int, on_exec: bool) -> None:
        call, tables = self.machine.call, self.tables
        free = next(n for n in range(least, least + LIMIT + 1) if n not in self.known)
        number = int(call(tables.reserve, self.table, least, LIMIT, on_exec))
        assert number == (free if free < LIMIT else -Errno.EMFILE)
        if number >= 0:
            assert not int(call(tables.get, self.table, number))
            call(tables.enter, self.table, number, self.file())
            self.known[number] = on_exec

    def fill(self, count: int, on_exec: bool) -> None:
        for _ in range(count):
            self.open(0, on_exec)

    def close(self, number: int, _: bool) -> None:
        file = int(self.machine.call(self.tables.remove, self.table, number))
        assert bool(file) == (number in self.known)
        self.known.pop(number, None)
        if file:
            self.machine.call(self.machine.parts[Files].drop, file)

    def replace(self, number: int, on_exec: bool) -> None:
        function = self.tables.replace
        assert self.machine.call(function, self.table, number, self.file(), on_exec) == 0
        self.known[number] = on_exec

    def exec(self, _: int, __: bool) -> None:
        self.machine.call(self.tables.close_on_exec, self.table)
        self.known = {number: False for number, closes in self.known.items() if not closes}

    def clone(self, _: int, __: bool) -> None:
        made = self.machine.call(self.tables.clone, self.table)
        assert int(made)
        self.machine.call(self.tables.drop, self.table)
        self.table = made

    def check(self) -> None:
        """All numbers are as they should be."""
        for number in range(LIMIT + 1):
            file = int(self.machine.call(self.tables.get, self.table, number))
            assert bool(file) == (number in self.known)
            if file:
                self.machine.call(self.machine.parts[Files].drop, file)
                closes = self.machine.call(self.tables.is_close_on_exec, self.table, number)
                assert bool(closes) == self.known[number]


@settings(max_examples=25, deadline=None)
@given(st.lists(STEPS, max_size=10))
def test_numbers_are_as_in_a_dictionary(
    machine: FileMachine, steps: list[tuple[str, int, bool]]
) -> None:
    tables = Tables(machine)
    for name, number, on_exec in steps:
        getattr(tables, name)(number, on_exec)
    tables.check()
    machine.call(tables.tables.drop, tables.table)
    machine.remove_all()
    assert machine.used() == machine.at_rest


def test_a_table_without_memory_is_none(machine: FileMachine) -> None:
    tables = Tables(machine)
    tables.fill(70, False)
    used = machine.used()
    for allowed in range(3):
        machine.left = allowed
        made = int(machine.call(tables.tables.clone, tables.table))
        machine.left = None
        assert not made
        assert machine.used() == used
