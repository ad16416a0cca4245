"""The stacks of a build: the deepest path on each, and the interrupts that may come on top."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from pykasm.check.build import Build
from pykasm.check.depths import CallEdge, Depths, Frame, StackPath
from pykasm.check.functionsummary import CallSite
from pykasm.check.remembered import indirect_target
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


class Location(NamedTuple):
    """The instruction at the index `at` of a function."""

    symbol: str
    at: int


class Layer(NamedTuple):
    """Code that may begin `times` as often on top of a stack's deepest path, by its first function,
    and the bytes from there on."""

    symbol: str
    size: int
    times: int


class Stack(NamedTuple):
    """A stack by the function that it begins with: the bytes of the deepest path from there, and
    what may come on top of that."""

    root: Routine
    deepest: int
    layers: tuple[Layer, ...]

    @property
    def bound(self) -> int:
        """The most bytes that it needs."""
        return self.deepest + sum(one.size * one.times for one in self.layers)

    @property
    def overflows(self) -> bool:
        """Whether it needs more than it has."""
        return 0 < self.root.stack < self.bound


class Stacks:
    """The stacks of a build. A function with `stack=` begins on one of its own; interrupt handlers
    without use whichever was in use.

    Handlers leave interrupts off. So at most one comes on top of a thread that has them on, and in
    it an exception, which nothing keeps out. More come only where handlers let them in
    (`interruptible=`), each with all that handlers run on such a stack.
    """

    def __init__(self, build: Build) -> None:
        self._build = build
        self._routines = build.analysis.routines
        self._uses = build.stack_uses
        self.unknown_calls: list[Location] = []
        """Calls of which nothing says where they go."""
        # Return addresses lie on this stack, whatever callees begin on
        own = {
            symbol: max([use.own, *(one.depth for one in use.calls)])
            for symbol, use in self._uses.items()
        }
        self._depths = Depths(own, self._calls_on_one_stack(), self._bounds)

    def _calls_on_one_stack(self) -> dict[str, list[CallEdge]]:
        """Return the calls of each function of those that stay on its stack."""
        staying = {symbol for symbol in self._uses if not self._routines[symbol].routine.stack}
        return {
            symbol: [one for one in self._calls(symbol, use) if one.callee in staying]
            for symbol, use in self._uses.items()
        }

    @property
    def _bounds(self) -> dict[str, int]:
        return {
            symbol: placed.routine.recursion
            for symbol, placed in self._routines.items()
            if placed.routine.recursion
        }

    def _calls(self, symbol: str, use: StackUse) -> Sequence[CallEdge]:
        """Return the calls of a function, those through pointers once for each target."""
        if not use.indirect_calls:
            return use.calls
        indirect = [
            one._replace(callee=target)
            for one in use.indirect_calls
            for target in self._targets(symbol, one.at)
        ]
        return [*use.calls, *indirect]

    def _targets(self, symbol: str, at: int) -> Iterable[str]:
        routine = self._routines[symbol].routine
        target = indirect_target(routine, at)
        found = self._build.analysis.indirect_calls.targets(target, routine)
        if found is None and target.is_call:
            self.unknown_calls.append(Location(symbol, at))
        return found or ()

    # Stacks

    @property
    def all(self) -> list[Stack]:
        """Every stack in use, the deepest first."""
        found = [self._stack(one) for one in self._roots if one not in self._on_top]
        return sorted((one for one in found if one.deepest), key=lambda one: -one.bound)

    @property
    def with_size(self) -> list[Stack]:
        """The stacks whose size is declared."""
        return [self._stack(one) for one in self._roots if self._routines[one].routine.stack]

    @property
    def without_size(self) -> list[Stack]:
        """The stacks of reachable code whose size is not declared. Code that only others than the
        image call uses the stacks of these, and what nobody calls by a pointer of its type none."""
        reached, entries = self._build.program.reached, self._build.program.entries
        by_pointers = self._build.analysis.indirect_calls.contexts
        return [
            one
            for one in self.all
            if not one.root.stack
            and one.root.symbol in reached
            and one.root.symbol not in by_pointers
            and (not one.root.exported or one.root.symbol in entries)
        ]

    @cached_property
    def interrupt(self) -> str | None:
        """The interrupt entry that needs most on top of other stacks."""
        return self._deepest_of(self._on_top)

    @cached_property
    def exception(self) -> str | None:
        """The one that needs most of those that come with interrupts off, too."""
        return self._deepest_of(
            one for one in self._on_top if not self._routines[one].routine.maskable
        )

    def _deepest_of(self, entries: Iterable[str]) -> str | None:
        roots = set(self._roots)
        return max(sorted(roots & set(entries)), key=self._depths.sizes.__getitem__, default=None)

    def path(self, symbol: str) -> StackPath:
        """Return the deepest path from a root, with what the processor pushes."""
        first, *rest = self._depths.path(symbol).frames
        return StackPath.of([Frame(symbol, self._pushed(symbol) + first.size), *rest])

    @cached_property
    def _roots(self) -> list[str]:
        """Functions that no other enters on its own stack: entries, handlers, threads."""
        called = {
            call.callee
            for symbol, calls in self._depths.calls.items()
            for call in calls
            if call.callee != symbol
        }
        called.difference_update(self._build.program.entries)
        return [symbol for symbol in self._uses if symbol not in called]

    @cached_property
    def _on_top(self) -> set[str]:
        entered = self._build.analysis.contexts.entered_by_interrupts
        return {symbol for symbol in entered if not self._routines[symbol].routine.stack}

    def _stack(self, symbol: str) -> Stack:
        return Stack(
            self._routines[symbol].routine, self._size(symbol), tuple(self._layers(symbol))
        )

    def _layers(self, symbol: str) -> Iterator[Layer]:
        """Yield what may come on top of the deepest path from a root."""
        routine = self._routines[symbol].routine
        begins_in_handler = symbol in self._in_handlers and not routine.is_of_program
        let_in = self._let_in([symbol] if begins_in_handler else self._on_top)
        if let_in and begins_in_handler:
            yield Layer(symbol, self._size(symbol), let_in)
        interrupts = let_in + (not begins_in_handler)
        if self.interrupt is not None and interrupts:
            yield Layer(self.interrupt, self._size(self.interrupt), interrupts)
        if self.exception is not None:
            yield Layer(self.exception, self._size(self.exception), 1)

    def _let_in(self, roots: Iterable[str]) -> int:
        """Return how many interrupts come on top of handlers that turn them on, as these state,
        while on one stack with `roots`."""
        staying = _reachable(roots, self._depths.calls.__getitem__)
        return sum(self._routines[one].routine.interruptible for one in staying)

    def _size(self, symbol: str) -> int:
        return self._pushed(symbol) + self._depths.sizes[symbol]

    def _pushed(self, symbol: str) -> int:
        """Return the bytes that the processor skips and pushes before a root is entered."""
        routine = self._routines[symbol].routine
        lost = LOST if symbol in self._on_top else 0
        return lost + PUSHED.get(routine.entered, 0) + routine.pushed

    # What has no bound

    @cached_property
    def reached(self) -> set[str]:
        """The functions that run on stacks of a declared size, and in interrupts."""
        begins = [one for one in self._roots if self._routines[one].routine.stack]
        return _reachable([*begins, *self._on_top], self._depths.calls.__getitem__)

    @property
    def unbounded_recursion(self) -> list[Location]:
        """The calls that may come back to a function without a bound."""
        return [Location(caller, call.at) for caller, call in self._depths.back_edges]

    @property
    def dynamic(self) -> list[Location]:
        """The instructions that allocate as much stack as a register or memory says."""
        return [Location(symbol, at) for symbol, use in self._uses.items() for at in use.dynamic]

    @property
    def interrupt_enables(self) -> list[Location]:
        """Where code that handlers are known to lead to turns interrupts on, without stating how
        many may come."""
        analysis = self._build.analysis
        return [
            Location(symbol, at)
            for symbol in self._in_handlers
            if not self._routines[symbol].routine.interruptible
            for at in analysis.summaries[symbol].local.interrupt_enables
        ]

    @cached_property
    def _in_handlers(self) -> set[str]:
        """The functions that interrupt handlers are known to lead to."""
        summaries = self._build.analysis.summaries
        handlers = [one for one in self._roots if self._is_handler(self._routines[one].routine)]
        return _reachable(handlers, lambda one: summaries[one].calls)

    def _is_handler(self, routine: Routine) -> bool:
        return routine.entered in PUSHED and not routine.is_of_program


def _reachable(
    symbols: Iterable[str], calls: Callable[[str], Iterable[CallEdge] | Iterable[CallSite]]
) -> set[str]:
    """Return `symbols` and all that they lead to."""
    worklist = list(symbols)
    found = set(worklist)
    for symbol in worklist:  # grows while callees are met
        new = {one.callee for one in calls(symbol)} - found
        found |= new
        worklist += new
    return found


def report_lines(stacks: Stacks) -> Iterator[str]:
    """Yield the lines of `pykasm check --stacks`: the bytes that each stack needs, then those of
    the frames on it."""
    for stack in stacks.all:
        size = f" of {stack.root.stack:,}" if stack.root.stack else ""
        yield f"{stack.root.symbol}  {stack.bound:,}{size} bytes"
        yield from _frames(stacks.path(stack.root.symbol))
        for layer in stack.layers:
            often = "once" if layer.times == 1 else f"{layer.times} times"
            yield f"  {layer.size:7,}  {layer.symbol}, {often} on top"
        yield ""
    for symbol in dict.fromkeys((stacks.interrupt, stacks.exception)):
        if symbol is not None:
            path = stacks.path(symbol)
            yield f"on top of these: {symbol}  {path.size:,} bytes"
            yield from _frames(path)


def _frames(path: StackPath) -> Iterator[str]:
    for frame in path.frames:
        times = f", {frame.times} times" if frame.times > 1 else ""
        yield f"  {frame.size:7,}  {frame.symbol}{times}"
