"""RIP-relative memory of instructions that the emulator itself reads wrongly."""

from __future__ import annotations

from typing import Any

import pytest

from pykasm import *
from pykasm.hostrun import Host

WORDS = [0x1111_1111_1111_1111, 0x0123_4567_89AB_CDEF, 0x3333_3333_3333_3333]


class Shifts(Subsystem):
    """Each function works on the word in the middle."""

    words = data(U64 * 3, WORDS)

    @function
    def left(self, a: U64) -> None:
        shld(self.words[1], a, 12)

    @function
    def right(self, a: U64) -> None:
        shrd(self.words[1], a, 12)

    @function
    def narrow(self, a: U64) -> None:
        shld(u16(self.words[1]), u16(a), 4)

    @function
    def by_cl(self, a: U64) -> None:
        mov(ecx, 12)
        shld(self.words[1], a, cl)

    @function
    def rotated(self) -> U64:
        rorx(rax, self.words[1], 8)
        ret(rax)

    @function
    def elsewhere(self, a: U64) -> None:
        shld(u64[symbol("elsewhere")], a, 8)

    @function
    def code_behind(self) -> tuple[U64, U64]:
        behind = Label("behind")
        rorx(rax, u64[rip + 0], 8)
        place(behind)
        mov(rdx, address_of(behind))
        ret(rax, rdx)


shifts = Shifts()


@pytest.mark.parametrize(
    ("function", "middle"),
    [
        (shifts.left, 0x3456_789A_BCDE_FABC),
        (shifts.right, 0x2100_1234_5678_9ABC),
        (shifts.narrow, 0x0123_4567_89AB_DEFA),
        (shifts.by_cl, 0x3456_789A_BCDE_FABC),
    ],
)
def test_shifts_change_the_word_that_they_name(function: Any, middle: int) -> None:
    host = Host(shifts)
    host.call(function, 0xABC0_0000_0000_A210)
    assert list(host[shifts.words]) == [WORDS[0], middle, WORDS[2]]


def test_a_rotation_reads_the_word_that_it_names() -> None:
    assert Host(shifts).call(shifts.rotated) == 0xEF01_2345_6789_ABCD


def test_a_symbol_that_is_defined_later() -> None:
    host = Host(shifts)
    host.define("elsewhere", int(host.address(shifts.words[1])))
    host.call(shifts.elsewhere, 0x0A << 56)
    assert list(host[shifts.words]) == [WORDS[0], 0x2345_6789_ABCD_EF0A, WORDS[2]]


def test_a_distance_without_a_symbol() -> None:
    host = Host(shifts)
    found, behind = host.call(shifts.code_behind)
    word = int.from_bytes(host.read(behind, 8), "little")
    assert found == (word >> 8 | word << 56) % (1 << 64)
