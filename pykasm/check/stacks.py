"""How deep stacks get: each stack of a build with the deepest path on it, and what lies on top."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from pykasm.check.build import Build
from pykasm.check.depths import Depths, Frame, Path, Step
from pykasm.check.functionsummary import CallSite
from pykasm.check.stackuse import StackUse
from pykasm.lang.convention import INTERRUPT_FRAME_SIZE, SLOT, STACK_ALIGNMENT
from pykasm.lang.routine import Routine
from pykasm.objects.debug import EntryFrame

PUSHED = {
    EntryFrame.INTERRUPT: INTERRUPT_FRAME_SIZE,
    EntryFrame.INTERRUPT_WITH_ERROR: INTERRUPT_FRAME_SIZE + SLOT,
}
"""Bytes that the processor pushes before the first instruction."""

LOST = STACK_ALIGNMENT - SLOT
"""Bytes that it may leave out before those, to align them (AMD64 APM vol. 2, 8.9.3)."""

ON_THREADS, ON_INTERRUPTS = 2, 1
"""How many interrupts lie on top of each other: handlers leave interrupts off, which keeps all out
but one exception in the handler. On threads those come on top that handlers let in."""


class Place(NamedTuple):
    """The `at`th instruction of a routine."""

    symbol: str
    at: int


class Stack(NamedTuple):
    """A stack by the code that begins on it: the bytes of the deepest path from there, and how
    often an interrupt may lie on top, of so many bytes."""

    root: Routine
    deepest: int
    interrupts: int
    interrupt: int

    @property
    def bound(self) -> int:
        """The most bytes that it needs."""
        return self.deepest + self.interrupts * self.interrupt

    @property
    def overflows(self) -> bool:
        """Whether it needs more than it has."""
        return 0 < self.root.stack < self.bound


class Stacks:
    """The stacks of a build. A routine marked `stack=` begins on one of its own; interrupts without
    lie on top of whichever was in use."""

    def __init__(self, build: Build) -> None:
        self._build = build
        self._routines = build.analysis.routines
        self._uses = build.stack_uses
        self.blind: list[Place] = []
        """Calls of which nobody knows where they go."""
        own = {symbol: use.own for symbol, use in self._uses.items()}
        self._depths = Depths(own, self._all_steps(), self._bounds)

    def _all_steps(self) -> dict[str, list[Step]]:
        """How each routine leads to others that go on with its stack."""
        going_on = {symbol for symbol in self._uses if not self._routines[symbol].routine.stack}
        return {
            symbol: [one for one in self._steps(symbol, use) if one.callee in going_on]
            for symbol, use in self._uses.items()
        }

    @property
    def _bounds(self) -> dict[str, int]:
        return {
            symbol: placed.routine.recursion
            for symbol, placed in self._routines.items()
            if placed.routine.recursion
        }

    def _steps(self, symbol: str, use: StackUse) -> Sequence[Step]:
        """How a routine leads to others, by pointers too."""
        if not use.pointers:
            return use.steps
        pointed = [
            one._replace(callee=target)
            for one in use.pointers
            for target in self._pointed_to(symbol, one.at)
        ]
        return [*use.steps, *pointed]

    def _pointed_to(self, symbol: str, at: int) -> Iterable[str]:
        line = self._build.analysis.line(symbol, at)
        found = self._build.analysis.pointers.targets(line, self._routines[symbol].routine)
        if found is None and line.statement.mnemonic == "call":
            self.blind.append(Place(symbol, at))
        return found or ()

    # Stacks

    @property
    def all(self) -> list[Stack]:
        """Every stack that something lies on, the deepest first."""
        found = [self._stack(one) for one in self._roots if one not in self._on_top]
        return sorted((one for one in found if one.deepest), key=lambda one: -one.bound)

    @property
    def with_size(self) -> list[Stack]:
        """Those that somebody says the size of."""
        return [self._stack(one) for one in self._roots if self._routines[one].routine.stack]

    @property
    def without_size(self) -> list[Stack]:
        """Those that nobody says the size of, of code that is reached."""
        reached = self._build.program.reached
        return [one for one in self.all if not one.root.stack and one.root.symbol in reached]

    @cached_property
    def interrupt(self) -> str | None:
        """The interrupt that lies deepest on top of other stacks."""
        candidates = (one for one in self._roots if one in self._on_top)
        return max(candidates, key=self._depths.sizes.__getitem__, default=None)

    def path(self, symbol: str) -> Path:
        """The deepest path from a root, with what the processor pushes."""
        first, *rest = self._depths.path(symbol).frames
        return Path.of([Frame(symbol, self._pushed(symbol) + first.size), *rest])

    @cached_property
    def _roots(self) -> list[str]:
        """Code that no other code leads to on its own stack: entries, handlers, threads."""
        led_to = {
            step.callee
            for symbol, steps in self._depths.steps.items()
            for step in steps
            if step.callee != symbol
        }
        led_to.difference_update(self._build.program.entries)
        return [symbol for symbol in self._uses if symbol not in led_to]

    @cached_property
    def _on_top(self) -> set[str]:
        entered = self._build.analysis.contexts.entered_by_interrupts
        return {symbol for symbol in entered if not self._routines[symbol].routine.stack}

    def _stack(self, symbol: str) -> Stack:
        routine = self._routines[symbol].routine
        interrupts = ON_INTERRUPTS if routine.entered in PUSHED else ON_THREADS + self._let_in
        over = 0 if self.interrupt is None else self._size(self.interrupt)
        return Stack(routine, self._size(symbol), interrupts, over)

    @cached_property
    def _let_in(self) -> int:
        """How many interrupts lie on top of handlers that turn them on, as these state."""
        return sum(self._routines[symbol].routine.interruptible for symbol in self._in_handlers)

    def _size(self, symbol: str) -> int:
        return self._pushed(symbol) + self._depths.sizes[symbol]

    def _pushed(self, symbol: str) -> int:
        """What the processor leaves out and pushes before a root begins."""
        routine = self._routines[symbol].routine
        lost = LOST if symbol in self._on_top else 0
        return lost + PUSHED.get(routine.entered, 0) + routine.pushed

    # What has no bound

    @cached_property
    def reached(self) -> set[str]:
        """The code on stacks whose size somebody says, and in interrupts."""
        begun = [one for one in self._roots if self._routines[one].routine.stack]
        return _led_to([*begun, *self._on_top], self._depths.steps.__getitem__)

    @property
    def circles(self) -> list[Place]:
        """The calls by which functions come to themselves again as often as they like."""
        return [Place(caller, step.at) for caller, step in self._depths.circles]

    @property
    def varying(self) -> list[Place]:
        """The instructions that take as much stack as a register says."""
        return [Place(symbol, at) for symbol, use in self._uses.items() for at in use.varying]

    @property
    def turned_on(self) -> list[Place]:
        """Where code that interrupts are known to lead to turns interrupts on, and does not state
        how often."""
        analysis = self._build.analysis
        return [
            Place(symbol, at)
            for symbol in self._in_handlers
            if not self._routines[symbol].routine.interruptible
            for at in analysis.summaries[symbol].local.turns_on
        ]

    @cached_property
    def _in_handlers(self) -> set[str]:
        """The code that interrupts are known to lead to."""
        summaries = self._build.analysis.summaries
        handlers = [one for one in self._roots if self._routines[one].routine.entered in PUSHED]
        return _led_to(handlers, lambda one: summaries[one].calls)


def _led_to(
    symbols: Iterable[str], paths: Callable[[str], Iterable[Step] | Iterable[CallSite]]
) -> set[str]:
    """All that `symbols` lead to, with them."""
    waiting = list(symbols)
    found = set(waiting)
    for symbol in waiting:  # grows while callees are met
        new = {one.callee for one in paths(symbol)} - found
        found |= new
        waiting += new
    return found


def report_lines(stacks: Stacks) -> Iterator[str]:
    """The stacks for people: the bytes that each needs, then those of the frames on it."""
    over = stacks.interrupt
    for stack in stacks.all:
        size = f" of {stack.root.stack:,}" if stack.root.stack else ""
        yield f"{stack.root.symbol}  {stack.bound:,}{size} bytes"
        yield from _frames(stacks.path(stack.root.symbol))
        if over is not None:
            yield f"  {stack.interrupt:7,}  {stack.interrupts} times {over}"
        yield ""
    if over is not None:
        path = stacks.path(over)
        yield f"on top of these: {over}  {path.size:,} bytes"
        yield from _frames(path)


def _frames(path: Path) -> Iterator[str]:
    for frame in path.frames:
        times = f", {frame.times} times" if frame.times > 1 else ""
        yield f"  {frame.size:7,}  {frame.symbol}{times}"
