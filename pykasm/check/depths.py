"""The deepest path over the call graph from each routine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias


class Step(NamedTuple):
    """From a routine to `callee`, entered `depth` bytes deeper, by the `at`th instruction."""

    callee: str
    depth: int
    at: int


class Frame(NamedTuple):
    """A function on a path, the bytes from its entry to that of the next or to its deepest, and
    how often it is entered so."""

    symbol: str
    size: int
    times: int = 1


@dataclass(frozen=True, slots=True)
class Path:
    """Frames from a routine downwards, and the bytes of all of them."""

    frames: tuple[Frame, ...]
    size: int

    @classmethod
    def of(cls, frames: Iterable[Frame]) -> Path:
        """The path through `frames`."""
        entered = tuple(one for one in frames if one.times)
        return cls(entered, sum(one.size * one.times for one in entered))

    def under(self, symbol: str, depth: int) -> Path:
        """This path, entered from `symbol` at `depth` bytes."""
        return Path((Frame(symbol, depth), *self.frames), self.size + depth)

    def repeated(self, times: int) -> tuple[Frame, ...]:
        """Its frames, each entered so often."""
        return tuple(one._replace(times=one.times * times) for one in self.frames)


CallPaths: TypeAlias = Callable[[str], Iterable[Step]]
"""The steps from a routine."""

Circle: TypeAlias = tuple[str, Step]
"""A routine and the step from it that comes back to where the path has been."""


class Depths:
    """The deepest paths in a call graph.

    `own` is what each routine needs by itself, `steps` how it leads to others, `bounds` how often
    functions that recurse are entered at most. `circles` has the steps that no bound breaks; paths
    are those without them. `sizes` are the bytes of the paths.
    """

    def __init__(
        self,
        own: Mapping[str, int],
        steps: Mapping[str, Sequence[Step]],
        bounds: Mapping[str, int],
    ) -> None:
        self.own = own
        self.steps = steps
        self.bounds = bounds
        self.sizes: dict[str, int] = {}
        self.circles: list[Circle] = []
        self._best: dict[str, Step | None] = {}
        self._recursive: dict[str, Path] = {}
        for component in _components(steps):
            self._settle(component)

    def path(self, symbol: str) -> Path:
        """The deepest path from a routine."""
        frames: list[Frame] = []
        while symbol not in self._recursive:
            best = self._best[symbol]
            frames.append(Frame(symbol, self.own[symbol] if best is None else best.depth))
            if best is None:
                return Path.of(frames)
            symbol = best.callee
        return Path.of([*frames, *self._recursive[symbol].frames])

    def _settle(self, component: Sequence[str]) -> None:
        """Find the paths from routines that lead to each other, or from a single one."""
        symbol = component[0]
        if len(component) == 1 and all(one.callee != symbol for one in self.steps[symbol]):
            self._best[symbol], self.sizes[symbol] = self.best(symbol, self.steps[symbol])
            return
        recursion = _Recursion(self, component)
        self.circles += recursion.circles
        self._recursive |= recursion.paths
        self.sizes |= {symbol: path.size for symbol, path in recursion.paths.items()}

    def best(self, symbol: str, steps: Iterable[Step]) -> tuple[Step | None, int]:
        """Which of `steps` leads deepest, None if `symbol` by itself does, and how deep."""
        best, size, sizes = None, self.own[symbol], self.sizes
        for step in steps:
            below = step.depth + sizes[step.callee]
            if below >= size:
                best, size = step, below
        return best, size


class _Recursion:
    """The paths from functions that lead to each other.

    Between two entries of bounded functions, a path comes by no function twice. So the deepest
    goes round from each bounded function as often as that may be entered, and once on from there.
    """

    def __init__(self, depths: Depths, component: Sequence[str]) -> None:
        self._depths = depths
        self._members = set(component)
        self._down: dict[str, Path] = {}
        """The deepest paths that enter no bounded function."""
        self._round: dict[str, Path] = {}
        """The deepest paths that end where a bounded function is entered."""
        order, self.circles = _explored(component, self._unbounded_steps)
        for symbol in order:
            self._find(symbol)
        self._rounds = self._deepest_rounds()
        self.paths = {symbol: self._path(symbol) for symbol in component}

    def _steps(self, symbol: str) -> list[Step]:
        return [one for one in self._depths.steps[symbol] if (symbol, one) not in self.circles]

    def _unbounded_steps(self, symbol: str) -> list[Step]:
        """Steps to others of the component that have no bound."""
        return [
            one
            for one in self._depths.steps[symbol]
            if one.callee in self._members and one.callee not in self._depths.bounds
        ]

    def _find(self, symbol: str) -> None:
        steps = self._steps(symbol)
        inside = [one for one in steps if one.callee in self._members]
        further = [one for one in inside if one.callee not in self._depths.bounds]
        outside = [one for one in steps if one.callee not in self._members]
        self._down[symbol] = self._deepest(symbol, outside, further)
        rounds = [Path.of([Frame(symbol, one.depth)]) for one in inside if one not in further]
        rounds += [
            self._round[one.callee].under(symbol, one.depth)
            for one in further
            if one.callee in self._round
        ]
        if rounds:
            self._round[symbol] = max(rounds, key=_size)

    def _deepest(self, symbol: str, outside: Sequence[Step], further: Sequence[Step]) -> Path:
        best, size = self._depths.best(symbol, outside)
        below = Path((Frame(symbol, size),), size)
        if best is not None:
            below = self._depths.path(best.callee).under(symbol, best.depth)
        ways = [self._down[one.callee].under(symbol, one.depth) for one in further]
        return max([below, *ways], key=_size)

    def _deepest_rounds(self) -> Path | None:
        """All that may follow when a bounded function is entered."""
        bounded = [one for one in self._down if one in self._depths.bounds]
        ways = [self._ending_with(last, bounded) for last in bounded]
        return max(ways, key=_size, default=None)

    def _ending_with(self, last: str, bounded: Iterable[str]) -> Path:
        frames: list[Frame] = []
        for symbol in bounded:
            times = self._depths.bounds[symbol] - (symbol == last)
            if symbol in self._round:  # else the step by which it would come back was left out
                frames += self._round[symbol].repeated(times)
        return Path.of([*frames, *self._down[last].frames])

    def _path(self, symbol: str) -> Path:
        down, to_bounded = self._down[symbol], self._round.get(symbol)
        if self._rounds is None or to_bounded is None:
            return down
        above = () if symbol in self._depths.bounds else to_bounded.frames
        return max(down, Path.of([*above, *self._rounds.frames]), key=_size)


def _size(path: Path) -> int:
    return path.size


def _components(steps: Mapping[str, Sequence[Step]]) -> list[list[str]]:
    """Routines that lead to each other together, each group after those that it leads to
    (Kosaraju and Sharir)."""
    order, circles = _explored(steps, steps.__getitem__)
    if not circles:
        return [[symbol] for symbol in order]
    callers: dict[str, list[str]] = {symbol: [] for symbol in steps}
    for caller, paths in steps.items():
        for step in paths:
            callers[step.callee].append(caller)
    components: list[list[str]] = []
    placed: set[str] = set()
    for first in reversed(order):
        component = [] if first in placed else [first]
        placed.add(first)
        for symbol in component:  # grows while callers are met
            new = [one for one in dict.fromkeys(callers[symbol]) if one not in placed]
            placed.update(new)
            component += new
        components += [component] if component else []
    return components[::-1]


def _explored(symbols: Iterable[str], paths: CallPaths) -> tuple[list[str], list[Circle]]:
    """All that `symbols` lead to, callees first, and the steps that come back to open routines."""
    order: dict[str, None] = {}
    circles: list[Circle] = []
    for first in symbols:
        waiting = {} if first in order else {first: iter(paths(first))}
        while waiting:
            symbol, steps = next(reversed(waiting.items()))
            step = next(steps, None)
            if step is None:
                order[symbol] = None
                del waiting[symbol]
            elif step.callee in waiting:
                circles.append((symbol, step))
            elif step.callee not in order:
                waiting[step.callee] = iter(paths(step.callee))
    return list(order), circles
