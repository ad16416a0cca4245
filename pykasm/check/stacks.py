"""How deep stacks get: the deepest path over the call graph from each place where one begins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from pykasm.check.graph import Node
from pykasm.check.subject import Build, Subject
from pykasm.lang.piece import INTERRUPT_FRAME_SIZE, SLOT
from pykasm.objects.debug import EntryFrame
from pykasm.source import Source

PUSHED = {
    EntryFrame.INTERRUPT: INTERRUPT_FRAME_SIZE,
    EntryFrame.INTERRUPT_WITH_ERROR: INTERRUPT_FRAME_SIZE + SLOT,
}
"""Bytes that the processor pushes before the first instruction."""


class Frame(NamedTuple):
    """A function on a path, and the bytes from its entry to that of the next, or to its deepest."""

    symbol: str
    size: int


@dataclass(frozen=True, slots=True)
class Path:
    """A deepest path. `unbounded` tells what may make it deeper: recursion, a call through a
    pointer."""

    frames: tuple[Frame, ...]
    unbounded: frozenset[str] = frozenset()

    @property
    def size(self) -> int:
        """Bytes of all frames."""
        return sum(frame.size for frame in self.frames)


class _Call(NamedTuple):
    depth: int
    callee: str | None
    source: Source


class Stacks:
    """The stacks of a build."""

    def __init__(self, build: Build) -> None:
        self.build = build
        self._paths: dict[str, Path] = {}
        self._open: set[str] = set()

    def deepest(self) -> list[Path]:
        """The deepest path from each root, the deepest first."""
        return sorted(map(self._path, self.roots), key=lambda path: -path.size)

    @cached_property
    def roots(self) -> list[str]:
        """Code that nothing calls by its name: entries, handlers, what pointers lead to."""
        called = {call.callee for calls, _ in self._pieces.values() for call in calls}
        return [symbol for symbol in self._pieces if symbol not in called]

    @cached_property
    def _pieces(self) -> dict[str, tuple[list[_Call], int]]:
        """The calls in each piece, and the bytes of its own that it needs."""
        return {
            symbol: _own(Subject(placed, self.build))
            for symbol, placed in self.build.pieces.items()
            if placed.piece.bits == 64
        }

    def _path(self, symbol: str) -> Path:
        if symbol not in self._paths:
            self._open.add(symbol)
            self._paths[symbol] = self._deepest_from(symbol)
            self._open.remove(symbol)
        return self._paths[symbol]

    def _deepest_from(self, symbol: str) -> Path:
        calls, own = self._pieces[symbol]
        deepest, unbounded = Path((Frame(symbol, own),)), set[str]()
        for call in calls:
            if call.callee is None:
                unbounded.add(f"the pointer called at {call.source}")
            elif call.callee in self._open:
                unbounded.add(f"recursion of {call.callee}")
            elif call.callee in self._pieces:
                below = self._path(call.callee)
                unbounded |= below.unbounded
                path = Path((Frame(symbol, call.depth), *below.frames))
                deepest = max(deepest, path, key=lambda one: one.size)
        return Path(deepest.frames, frozenset(unbounded))


def _own(subject: Subject) -> tuple[list[_Call], int]:
    entered = PUSHED.get(subject.piece.entered, 0) + subject.piece.pushed
    calls, deepest = [], entered
    for _, node, state in subject.visits():
        depth = entered + (state.depth or 0)  # not known: the code is on a stack of its own
        deepest = max(deepest, depth)
        if node.is_call:
            calls.append(_Call(depth + SLOT, node.callee, node.line.source))
        elif _goes_on_elsewhere(node):
            calls.append(_Call(depth, node.callee, node.line.source))
    return calls, deepest


def _goes_on_elsewhere(node: Node) -> bool:
    return node.callee is not None or node.unknown_target


def report_lines(paths: list[Path]) -> Iterator[str]:
    """The paths for people: the bytes of each root, then those of the frames below it."""
    for path in paths:
        yield f"{path.frames[0].symbol}  {path.size:,} bytes"
        yield from (f"  {frame.size:7,}  {frame.symbol}" for frame in path.frames)
        yield from (f"  unbounded through {one}" for one in sorted(path.unbounded))
        yield ""
