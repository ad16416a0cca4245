"""`Fn[..., R]`: pointers to functions with any parameters."""

import pytest

from pykasm import *
from pykasm.errors import BuildFailed
from pykasm.hostrun import Host


class Call(Fn[..., U64], context="thread"):
    """A call of a table."""


class Table(Subsystem):
    """Calls by number."""

    def __init__(self) -> None:
        self.calls = rodata(Call * 2, [self.add, self.negate])

    @function
    def add(self, a: U64, b: U64) -> U64:
        lea(rax, u64[a + b])
        ret(rax)

    @function
    def negate(self, a: U64) -> U64:
        mov(rax, a)
        neg(rax)
        ret(rax)

    @function(exported=True, context="thread")
    def run(self, a: U64, b: U64, number: U64) -> U64:
        mov(rax, number)
        call(self.calls[rax])
        ret(rax)


def test_functions_of_any_parameters_are_in_one_table() -> None:
    table = Table()
    host = Host(table)
    assert host.call(table.run, 3, 4, 0) == 7
    assert host.call(table.run, 3, 4, 1) == 2**64 - 3


class Mixed(Table):
    """Has one that returns nothing."""

    def __init__(self) -> None:
        self.calls = rodata(Call * 1, [self.nothing])

    @function
    def nothing(self) -> None:
        pass


def test_their_results_have_to_fit() -> None:
    with pytest.raises(BuildFailed, match="nothing"):
        Host(Mixed())
