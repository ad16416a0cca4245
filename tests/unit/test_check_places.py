"""Findings stand where the fault is, also where code is shared or comes from elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager

from click.testing import CliRunner

from pykasm import *
from pykasm.commands.main import cli as command_line
from pykasm.errors import BuildFailed, Mistake, Note
from pykasm.source import Source, line_span
from tests.unit.checking import EXAMPLES, findings


class Block(Struct):
    """Something that is owned."""

    size: U64


class Latch(Struct):
    """A lock."""

    taken: U32

    @inline
    @contextmanager
    def held(self) -> Iterator[None]:
        old = scratch(U32)
        mov(old, 1)
        pushfq()
        cli()
        taking(self)
        with while_(old != 0):
            xchg(self.taken, old)
        release(old)
        yield
        releasing(self)
        mov(self.taken, 0)
        popfq()


class Ring(Struct):
    """What a lock guards."""

    latch: Latch
    count: U64 = field(guarded_by="latch")

    @inline
    def put(self) -> None:
        inc(self.count)


class Base(Subsystem):
    """Gives blocks and takes them back."""

    spare = bss(OrNull[Owned[Ptr[Block]]])

    @function(exported=True)
    def allocate(self) -> OrNull[Owned[Ptr[Block]]]:
        xor(eax, eax)
        xchg(self.spare, rax)
        ret(rax)

    @function(exported=True)
    def free(self, block: Owned[Ptr[Block]]) -> None:
        mov(self.spare, block)


class SharedExit(Base):
    """Forgets a block where the second test fails."""

    @function(exported=True)
    def run(self, number: Keep[U64]) -> I32:
        one = keep(try_(self.allocate(), 12))
        errdefer(self.free, one)
        fail_if(number == 3, 22)
        two = keep(try_(self.allocate(), 12))
        fail_if(number == 4, 22)  # here
        self.free(two)
        self.free(one)
        ret(0)


class LeftLoop(Base):
    """Forgets a block where it leaves the loop."""

    @function(exported=True)
    def run(self, number: Keep[U64]) -> None:
        with loop():
            block = keep(self.allocate())
            break_if(block == 0)
            break_if(number == 4)  # here
            self.free(block)


class InPlace(Base):
    """Touches what is guarded by code in place."""

    @function(exported=True)
    def run(self, ring: Ptr[Ring]) -> None:
        ring.put()  # here


class TurnedOff(Base):
    """Turns interrupts off behind a lock that leaves them as they were."""

    @function(exported=True, context="thread")
    def run(self, ring: Ptr[Ring]) -> None:
        with ring.latch.held():
            inc(ring.count)
        cli()  # here


def marked(subsystem: Subsystem, line: str) -> bool:
    """Whether a finding shows a line with the comment that the fault is here."""
    found = [one for one in findings(subsystem) if one.startswith("error")]
    return len(found) == 1 and f"{line}  # here" in found[0]


def test_the_failure_that_forgets_something_is_shown() -> None:
    [found] = findings(SharedExit())
    assert found.splitlines()[2].endswith("fail_if(number == 4, 22)  # here")


def test_where_a_loop_is_left_is_shown() -> None:
    [found] = findings(LeftLoop())
    assert found.splitlines()[2].endswith("break_if(number == 4)  # here")


def test_the_call_of_code_in_place_is_shown() -> None:
    [found] = findings(InPlace())
    assert found.splitlines()[2].endswith("ring.put()  # here")
    assert "inc(self.count)" in found
    assert "this touches it" in found


def test_what_leaves_interrupts_off_is_shown() -> None:
    assert marked(TurnedOff(), "cli()")


def test_notes_say_which_file_they_are_in() -> None:
    notes = tuple(Note(line_span(Source(f"{name}.py", 1)), name) for name in "bab")
    shown = str(Mistake("something is wrong", span=line_span(Source("a.py", 1)), notes=notes))
    headers = [line.strip() for line in shown.splitlines() if line.strip().endswith(".py:1")]
    assert headers == ["a.py:1", "b.py:1", "a.py:1", "b.py:1"]


def test_explanations_are_not_cut() -> None:
    for rule in ("E081", "E084", "E089"):
        shown = CliRunner().invoke(command_line, ["check", "--explain", rule]).output
        example = (EXAMPLES / f"{rule.lower()}.py").read_text()
        broken = example[example.index("class Broken") : example.index("class Mended")]
        lines = [line.rstrip() for line in shown.splitlines()]
        assert [one for one in broken.splitlines() if one.rstrip() not in lines] == []


def test_all_errors_are_shown_where_that_is_asked() -> None:
    mistakes = [Mistake(f"number {one}", span=line_span(Source("a.py", one))) for one in range(25)]
    assert "number 24" not in str(BuildFailed(mistakes))
    assert "number 24" in str(BuildFailed(mistakes, None))
