"""The container: makes each part once, of the parts that its constructor asks for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, TypeVar

from pykasm.errors import WiringMistake
from pykasm.wiring.contents import Contents, entries_by_class
from pykasm.wiring.kinds import belongs
from pykasm.wiring.mistakes import Chain, circle, missing, no_class, several
from pykasm.wiring.needs import Count, Need, needs_of

T = TypeVar("T")

NOBODY: Mapping[type[Any], object] = MappingProxyType({})


class Parts:
    """The parts of an image, each made when it is first asked for.

    A constructor gets the part that is of the class of its parameter, or of the only class that is
    derived from it; for `Part | None` also none; for `Sequence[Part]` all that there are, in the
    order of the contents; for `Parts` this. Protocols are kinds of parts too: a class belongs to
    one if it has its members.

    `roots`: leave out what these, and what they need, do without. `instead`: objects that stand
    for the parts of some classes, whether the contents name those or not.

    Raises `WiringMistake` for contents that are wrong, and when parts are asked for, for one that
    is missing, two where one is asked for, and circles.
    """

    def __init__(
        self,
        contents: Contents,
        *,
        roots: Iterable[type[Any]] | None = None,
        instead: Mapping[type[Any], object] = NOBODY,
    ) -> None:
        self._entries = entries_by_class(contents)
        self._made: dict[type[Any], Any] = {}
        self._making: Chain = {}
        self._found: dict[type[Any], list[type[Any]]] = {}
        for kind, part in instead.items():
            self._stand_in(kind, part)
        if roots is not None:
            self._keep(roots)

    def __getitem__(self, kind: type[T]) -> T:
        """The part that is a `kind`."""
        part: T = self._part(self._one(_checked(kind), None))
        return part

    def __contains__(self, kind: type[Any]) -> bool:
        """Whether some part is a `kind`."""
        return self._has(_checked(kind))

    def all(self, kind: type[T]) -> tuple[T, ...]:
        """All parts that are a `kind`, in the order of the contents."""
        return tuple(self._part(one) for one in self._all(_checked(kind)))

    def _stand_in(self, kind: type[Any], part: object) -> None:
        _checked(kind)
        if isinstance(part, type):
            raise WiringMistake(
                f"a class is to stand for the part `{kind.__name__}`",
                expected="an object",
                got=f"the class `{part.__name__}`",
                fix=f"`instead={{{kind.__name__}: {part.__name__}()}}`",
            )
        self._entries.setdefault(kind, kind)
        self._made[kind] = part

    def _keep(self, roots: Iterable[type[Any]]) -> None:
        """Forget all entries but those of `roots` and of what they can't do without."""
        kept: set[type[Any]] = set()
        for root in roots:
            self._visit(self._one(_checked(root), None), kept)
        self._entries = {kind: one for kind, one in self._entries.items() if kind in kept}
        self._found.clear()

    def _visit(self, kind: type[Any], kept: set[type[Any]]) -> None:
        """Add `kind` to `kept`, and what its constructor insists on."""
        if kind in kept:
            return
        kept.add(kind)
        if kind in self._made:
            return
        with self._at(kind):
            for need in needs_of(self._entries[kind]):
                if need.kind is not Parts and need.count is Count.ONE and not need.is_optional:
                    self._making[kind] = need
                    self._visit(self._one(need.kind, need), kept)

    def _part(self, kind: type[Any]) -> Any:
        """The part of the entry of `kind`."""
        if kind not in self._made:
            if kind in self._making:
                raise circle(kind, self._making)
            with self._at(kind):
                self._made[kind] = self._make(kind)
        return self._made[kind]

    def _make(self, kind: type[Any]) -> Any:
        entry = self._entries[kind]
        arguments = {}
        for need in needs_of(entry):
            self._making[kind] = need
            if not need.has_default or self._has(need.kind):
                arguments[need.name] = self._answer(need)
        self._making[kind] = None
        return entry(**arguments)

    @contextmanager
    def _at(self, kind: type[Any]) -> Iterator[None]:
        """Have the chain end with `kind`."""
        self._making[kind] = None
        try:
            yield
        finally:
            del self._making[kind]

    def _answer(self, need: Need) -> object:
        """What the constructor gets for a parameter."""
        if need.kind is Parts:
            return self
        if need.count is Count.ALL:
            return tuple(self._part(one) for one in self._all(need.kind))
        if need.is_optional and not self._has(need.kind):
            return None
        return self._part(self._one(need.kind, need))

    def _has(self, kind: type[Any]) -> bool:
        return kind in self._entries or bool(self._all(kind))

    def _one(self, kind: type[Any], need: Need | None) -> type[Any]:
        """The entry of `kind`, or the only one of a class that is derived from it."""
        if kind in self._entries:
            return kind
        candidates = self._all(kind)
        if not candidates:
            raise missing(kind, need, self._making, self._entries)
        if len(candidates) > 1:
            raise several(kind, candidates, need, self._making)
        return candidates[0]

    def _all(self, kind: type[Any]) -> list[type[Any]]:
        """The classes of all entries that are a `kind`."""
        if kind not in self._found:
            self._found[kind] = [one for one in self._entries if belongs(one, kind)]
        return self._found[kind]


def _checked(kind: object) -> type[Any]:
    if not isinstance(kind, type):
        raise no_class(kind)
    return kind
