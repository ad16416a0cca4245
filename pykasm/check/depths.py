"""The deepest path over the call graph from each function, in bytes of stack.

A longest-path problem, solved bottom-up over the strongly connected components (SCCs) of the call
graph. Recursion with a bound is unrolled that many times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias


class CallEdge(NamedTuple):
    """A call of `callee` by the instruction at the index `at`, made `depth` bytes below where the
    caller was entered."""

    callee: str
    depth: int
    at: int


class Frame(NamedTuple):
    """A function on a path, the bytes from its entry to that of the next one or to its own deepest
    point, and how often it is entered so."""

    symbol: str
    size: int
    times: int = 1


@dataclass(frozen=True, slots=True)
class StackPath:
    """Frames from a function downwards, and the bytes of all of them."""

    frames: tuple[Frame, ...]
    size: int

    @classmethod
    def of(cls, frames: Iterable[Frame]) -> StackPath:
        """Return the path through `frames`."""
        entered = tuple(one for one in frames if one.times)
        return cls(entered, sum(one.size * one.times for one in entered))

    def under(self, symbol: str, depth: int) -> StackPath:
        """Return this path, entered from `symbol` at `depth` bytes."""
        return StackPath((Frame(symbol, depth), *self.frames), self.size + depth)

    def repeated(self, times: int) -> tuple[Frame, ...]:
        """Return its frames, each entered `times` as often."""
        return tuple(one._replace(times=one.times * times) for one in self.frames)


Calls: TypeAlias = Callable[[str], Iterable[CallEdge]]
"""Gives the calls of a function."""

BackEdge: TypeAlias = tuple[str, CallEdge]
"""A function, and its call of one that has not returned yet."""


class Depths:
    """The deepest paths in a call graph.

    `own` is what each function needs by itself, `calls` its calls, `bounds` how often recursive
    functions are entered at most. `back_edges` are the calls that no bound breaks; paths are those
    without them. `sizes` are the bytes of the paths.
    """

    def __init__(
        self,
        own: Mapping[str, int],
        calls: Mapping[str, Sequence[CallEdge]],
        bounds: Mapping[str, int],
    ) -> None:
        self.own = own
        self.calls = calls
        self.bounds = bounds
        self.sizes: dict[str, int] = {}
        self.back_edges: list[BackEdge] = []
        self._deepest_call: dict[str, CallEdge | None] = {}
        self._recursive: dict[str, StackPath] = {}
        for component in _components(calls):
            self._solve(component)

    def path(self, symbol: str) -> StackPath:
        """Return the deepest path from a function."""
        frames: list[Frame] = []
        while symbol not in self._recursive:
            call = self._deepest_call[symbol]
            frames.append(Frame(symbol, self.own[symbol] if call is None else call.depth))
            if call is None:
                return StackPath.of(frames)
            symbol = call.callee
        return StackPath.of([*frames, *self._recursive[symbol].frames])

    def _solve(self, component: Sequence[str]) -> None:
        """Find the paths from the functions of an SCC, whose callees outside have theirs."""
        symbol = component[0]
        if len(component) == 1 and all(one.callee != symbol for one in self.calls[symbol]):
            call, size = self.deepest(symbol, self.calls[symbol])
            self._deepest_call[symbol], self.sizes[symbol] = call, size
            return
        recursion = _Recursion(self, component)
        self.back_edges += recursion.back_edges
        self._recursive |= recursion.paths
        self.sizes |= {symbol: path.size for symbol, path in recursion.paths.items()}

    def deepest(self, symbol: str, calls: Iterable[CallEdge]) -> tuple[CallEdge | None, int]:
        """Return which of `calls` leads deepest, None if `symbol` by itself does, and how deep."""
        deepest, size, sizes = None, self.own[symbol], self.sizes
        for call in calls:
            below = call.depth + sizes[call.callee]
            if below >= size:  # callers are told of a callee rather than of nothing
                deepest, size = call, below
        return deepest, size


class _Recursion:
    """The paths from the functions of an SCC with cycles.

    Between two entries of bounded functions, a path comes through no function twice. So the deepest
    one takes, from each bounded function, the deepest way to a bounded one as often as that may be
    entered, and then once the deepest way down from there.
    """

    def __init__(self, depths: Depths, component: Sequence[str]) -> None:
        self._depths = depths
        self._members = set(component)
        self._down: dict[str, StackPath] = {}
        """The deepest paths that enter no bounded function."""
        self._to_bounded: dict[str, StackPath] = {}
        """The deepest paths that end where a bounded function is entered."""
        # without the calls of bounded functions and the back edges, the SCC has no cycle: its
        # functions can be solved in post-order
        order, self.back_edges = _depth_first(component, self._unbounded_calls)
        for symbol in order:
            self._find(symbol)
        self._unrolled = self._deepest_unrolled()
        self.paths = {symbol: self._path(symbol) for symbol in component}

    def _calls(self, symbol: str) -> list[CallEdge]:
        calls = self._depths.calls[symbol]
        return [one for one in calls if (symbol, one) not in self.back_edges]

    def _unbounded_calls(self, symbol: str) -> list[CallEdge]:
        """Return the calls of others of the SCC that have no bound."""
        return [
            one
            for one in self._depths.calls[symbol]
            if one.callee in self._members and one.callee not in self._depths.bounds
        ]

    def _find(self, symbol: str) -> None:
        calls = self._calls(symbol)
        inside = [one for one in calls if one.callee in self._members]
        unbounded = [one for one in inside if one.callee not in self._depths.bounds]
        outside = [one for one in calls if one.callee not in self._members]
        self._down[symbol] = self._deepest(symbol, outside, unbounded)
        ways = [StackPath.of([Frame(symbol, one.depth)]) for one in inside if one not in unbounded]
        ways += [
            self._to_bounded[one.callee].under(symbol, one.depth)
            for one in unbounded
            if one.callee in self._to_bounded
        ]
        if ways:
            self._to_bounded[symbol] = max(ways, key=_size)

    def _deepest(
        self, symbol: str, outside: Sequence[CallEdge], inside: Sequence[CallEdge]
    ) -> StackPath:
        call, size = self._depths.deepest(symbol, outside)
        below = StackPath((Frame(symbol, size),), size)
        if call is not None:
            below = self._depths.path(call.callee).under(symbol, call.depth)
        ways = [self._down[one.callee].under(symbol, one.depth) for one in inside]
        return max([below, *ways], key=_size)

    def _deepest_unrolled(self) -> StackPath | None:
        """Return all that may follow when a bounded function is entered."""
        bounded = [one for one in self._down if one in self._depths.bounds]
        ways = [self._ending_with(last, bounded) for last in bounded]
        return max(ways, key=_size, default=None)

    def _ending_with(self, last: str, bounded: Iterable[str]) -> StackPath:
        frames: list[Frame] = []
        for symbol in bounded:
            # its last entry goes down instead of round once more
            times = self._depths.bounds[symbol] - (symbol == last)
            if symbol in self._to_bounded:  # else the call that would come back is a back edge
                frames += self._to_bounded[symbol].repeated(times)
        return StackPath.of([*frames, *self._down[last].frames])

    def _path(self, symbol: str) -> StackPath:
        down, to_bounded = self._down[symbol], self._to_bounded.get(symbol)
        if self._unrolled is None or to_bounded is None:
            return down
        # a bounded function is entered by the first of its own rounds
        above = () if symbol in self._depths.bounds else to_bounded.frames
        return max(down, StackPath.of([*above, *self._unrolled.frames]), key=_size)


def _size(path: StackPath) -> int:
    return path.size


def _components(calls: Mapping[str, Sequence[CallEdge]]) -> list[list[str]]:
    """Return the SCCs of a call graph, each after those that it leads to (Kosaraju and Sharir)."""
    order, back_edges = _depth_first(calls, calls.__getitem__)
    if not back_edges:  # nearly always: no recursion, each function an SCC of its own
        return [[symbol] for symbol in order]
    callers: dict[str, list[str]] = {symbol: [] for symbol in calls}
    for caller, edges in calls.items():
        for edge in edges:
            callers[edge.callee].append(caller)
    components: list[list[str]] = []
    placed: set[str] = set()
    # what leads to `first` and has no SCC yet is led to by it too, as it comes later in post-order
    for first in reversed(order):
        component = [] if first in placed else [first]
        placed.add(first)
        for symbol in component:  # grows while callers are met
            new = [one for one in dict.fromkeys(callers[symbol]) if one not in placed]
            placed.update(new)
            component += new
        components += [component] if component else []
    return components[::-1]


def _depth_first(symbols: Iterable[str], calls: Calls) -> tuple[list[str], list[BackEdge]]:
    """Search depth-first from `symbols`. Return the functions in post-order, and the back edges."""
    order: dict[str, None] = {}
    back_edges: list[BackEdge] = []
    for first in symbols:
        active = {} if first in order else {first: iter(calls(first))}
        while active:
            symbol, edges = next(reversed(active.items()))
            edge = next(edges, None)
            if edge is None:
                order[symbol] = None
                del active[symbol]
            elif edge.callee in active:
                back_edges.append((symbol, edge))
            elif edge.callee not in order:
                active[edge.callee] = iter(calls(edge.callee))
    return list(order), back_edges
