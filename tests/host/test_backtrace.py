"""Backtraces over sound and over broken chains of frames."""

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.cpu.trapframe import TrapFrame
from kernel.debug.backtrace import MAX_DEPTH, Backtrace
from kernel.paging.walk import PageWalk
from pykasm import *
from tests.host.console_support import Paper, host_for, parts_on, written

STACK, SIZE = 0x40_0000, 0x2000
FUNCTION = 0x5000
"""Where the only function of the tests begins; code from there on is in it."""
WORD = 8


class Interrupts(Subsystem):
    """Stands for the stub of the interrupts, and for what has handlers run on another stack."""

    @naked
    def interrupt(self) -> None:
        ud2()

    @naked
    def switch(self) -> None:
        ud2()


class Walker:
    """A host that walks a stack made of the words that a test puts there."""

    def __init__(self) -> None:
        self.paper = Paper()
        self.symbols = self.paper.symbols
        self.stub = Interrupts()
        parts = parts_on(self.paper, PageWalk)
        self.backtrace, self.memory = parts[Backtrace], parts[PageWalk]
        self.backtrace.stubs = [self.stub.interrupt]
        self.backtrace.stack_switch = self.stub.switch
        self.host = host_for(self.backtrace, self.stub)
        self.host.map(STACK, SIZE)
        self.host.stub(parts[PageWalk].is_mapped, lambda at: int(STACK <= at < STACK + SIZE))
        self.trap = int(self.host.address(self.stub.interrupt))
        self.switch = int(self.host.address(self.stub.switch))
        self.host.stub(self.symbols.lookup, self._describe)
        self.host.checkpoint()

    def _describe(self, address: int, place: Any) -> int:
        """As `Symbols.lookup`, for the stub, the switch and one function."""
        known = (("stub", self.trap, 2), ("switch", self.switch, 2), ("f", FUNCTION, 0x1000))
        for name, start, size in known:
            if start <= address < start + size:
                place.name, place.file = self.host.text(name), self.host.text("f.py")
                place.offset, place.line = address - start, 7
                return 1
        return 0

    def lines(
        self,
        words: dict[int, int],
        rbp: int,
        rip: int = FUNCTION + 9,
        rsp: int = 0,
        null: bytes = b"",
    ) -> list[str]:
        """What is printed for these words of the stack, by their offsets; `null` is what lies at
        address 0, where it is mapped."""
        self.host.reset()
        if null:
            self.host.map(0, SIZE)
            self.host.write(0, null)
            self.host.stub(self.memory.is_mapped, lambda at: int(at < STACK + SIZE))
        for offset, word in words.items():
            self.host.write(STACK + offset, struct.pack("<Q", word % (1 << 64)))
        trap = self.host.new(TrapFrame, rip=rip, rbp=rbp, rsp=rsp)
        self.host.call(self.backtrace.print, trap)
        return written(self.host, self.paper).decode().splitlines()


def frame(at: int, caller: int, returns_to: int) -> dict[int, int]:
    """A stack frame at the offset `at`."""
    return {at: caller, at + WORD: returns_to}


def shown(depth: int, offset: int) -> str:
    """The line for code `offset` bytes into the function."""
    return f"  #{depth} 0x{FUNCTION + offset:016x} <f+{offset:#x} f.py:7>"


@pytest.fixture(scope="module")
def walker() -> Walker:
    return Walker()


def test_callers_are_shown_by_the_last_bytes_of_their_calls(walker: Walker) -> None:
    words = {
        **frame(0x10, STACK + 0x40, FUNCTION + 0x21),
        **frame(0x40, STACK + 0x80, FUNCTION + 0x31),
        **frame(0x80, 0, 0),
    }
    assert walker.lines(words, STACK + 0x10) == [shown(0, 9), shown(1, 0x20), shown(2, 0x30)]


@pytest.mark.parametrize(
    "caller",
    [0, STACK + 0x10, STACK + 8, STACK + 0x44, STACK + SIZE, STACK + SIZE - 8, (1 << 64) - 8],
    ids=["null", "itself", "below", "unaligned", "unmapped", "half mapped", "above all"],
)
def test_a_chain_ends_where_it_is_broken(walker: Walker, caller: int) -> None:
    words = frame(0x10, caller, FUNCTION + 0x21)
    assert walker.lines(words, STACK + 0x10) == [shown(0, 9), shown(1, 0x20)]


def test_null_ends_a_chain_even_where_it_is_mapped(walker: Walker) -> None:
    """As it is by the page tables that the kernel starts on."""
    words = frame(0x10, 0, FUNCTION + 0x21)
    null = struct.pack("<QQ", STACK, FUNCTION + 0x31)
    assert walker.lines(words, STACK + 0x10, null=null) == [shown(0, 9), shown(1, 0x20)]
    assert walker.lines(words, 0, null=null) == [shown(0, 9)]


@pytest.mark.parametrize("rbp", [0, 1, STACK - 8, STACK + SIZE, 1 << 63])
def test_code_without_a_chain_is_shown_alone(walker: Walker, rbp: int) -> None:
    assert walker.lines({}, rbp) == [shown(0, 9)]


def interrupted(at: int, **registers: int) -> dict[int, int]:
    """A trap frame behind the stack frame at the offset `at`."""
    start = at + 2 * WORD
    return {start + offsetof(TrapFrame, name): value for name, value in registers.items()}


def test_a_trace_goes_on_through_an_interrupt(walker: Walker) -> None:
    words = {
        **frame(0x10, STACK + 0x1000, walker.trap + 1),
        **interrupted(0x10, rip=FUNCTION + 0x51, rbp=STACK + 0x1000, vector=33),
        **frame(0x1000, 0, FUNCTION + 0x21),
    }
    assert walker.lines(words, STACK + 0x10) == [
        shown(0, 9),
        f"{shown(1, 0x51)} (interrupt 33)",
        shown(2, 0x20),
    ]


def test_an_interrupted_stack_may_lie_below(walker: Walker) -> None:
    words = {
        **frame(0x1000, 0, walker.trap + 1),
        **interrupted(0x1000, rip=FUNCTION + 0x51, rbp=STACK + 0x10, vector=2),
        **frame(0x10, 0, FUNCTION + 0x21),
    }
    assert walker.lines(words, STACK + 0x1000)[2:] == [shown(2, 0x20)]


@pytest.mark.parametrize("interrupted_stack", [0x800, 0x1800], ids=["below", "above"])
def test_a_trace_goes_on_from_the_stack_of_interrupts(
    walker: Walker, interrupted_stack: int
) -> None:
    at = interrupted_stack
    words = {
        **frame(0x1000, STACK + 0x1040, FUNCTION + 0x21),
        **frame(0x1040, STACK + at, walker.switch + 1),
        **frame(at, STACK + at + 0x400, walker.trap + 1),
        **interrupted(at, rip=FUNCTION + 0x51, rbp=STACK + at + 0x400, vector=33),
        **frame(at + 0x400, 0, FUNCTION + 0x31),
    }
    assert walker.lines(words, STACK + 0x1000) == [
        shown(0, 9),
        shown(1, 0x20),
        f"  #2 0x{walker.switch:016x} <switch+0x0 f.py:7>",
        f"{shown(3, 0x51)} (interrupt 33)",
        shown(4, 0x30),
    ]


def test_interrupts_that_interrupt_each_other_for_ever_are_cut(walker: Walker) -> None:
    words = {
        **frame(0x1000, 0, walker.trap + 1),
        **interrupted(0x1000, rip=FUNCTION + 0x51, rbp=STACK + 0x10),
        **frame(0x10, 0, walker.trap + 1),
        **interrupted(0x10, rip=FUNCTION + 0x52, rbp=STACK + 0x1000),
    }
    lines = walker.lines(words, STACK + 0x10)
    assert len(lines) == MAX_DEPTH + 1
    assert lines[-1] == "  ... and so on"


def test_a_trap_frame_beyond_the_stack_is_not_read(walker: Walker) -> None:
    words = frame(SIZE - 0x20, 0, walker.trap + 1)
    assert len(walker.lines(words, STACK + SIZE - 0x20)) == 2


@pytest.mark.parametrize("rip", [FUNCTION, 0x20], ids=["first instruction", "no function"])
def test_code_without_a_frame_was_called_from_where_the_stack_says(
    walker: Walker, rip: int
) -> None:
    words = {0x08: FUNCTION + 0x21, **frame(0x10, 0, FUNCTION + 0x31)}
    lines = walker.lines(words, STACK + 0x10, rip, rsp=STACK + 0x08)
    assert lines[1:] == [shown(1, 0x20), shown(2, 0x30)]


@pytest.mark.parametrize("rsp", [0, STACK + SIZE, STACK + 0x100])
def test_a_stack_that_says_nothing_is_not_believed(walker: Walker, rsp: int) -> None:
    words = frame(0x10, 0, FUNCTION + 0x31)
    assert walker.lines(words, STACK + 0x10, FUNCTION, rsp)[1:] == [shown(1, 0x30)]


@given(data=st.data())
def test_no_stack_is_left_and_no_trace_is_endless(walker: Walker, data: st.DataObject) -> None:
    places = st.integers(-2, SIZE // WORD + 2).map(lambda n: STACK + n * WORD)
    code = st.sampled_from(
        [0, 1, walker.trap + 1, walker.switch + 1, FUNCTION, FUNCTION + 0x21, -1]
    )
    offsets = st.integers(0, SIZE // WORD - 1).map(lambda n: n * WORD)
    words = data.draw(st.dictionaries(offsets, places | code, max_size=40))
    rbp, rsp = data.draw(places), data.draw(places)
    rip = data.draw(code) % (1 << 64)
    assert len(walker.lines(words, rbp, rip, rsp)) <= MAX_DEPTH + 1
