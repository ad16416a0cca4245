"""What a path through a function knows of the values in registers and in the frame."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

NEGATIVE, ZERO, POSITIVE = 1, 2, 4
"""What a value may be, as a set: below 0 if it has a sign, 0, above."""

ANYTHING = NEGATIVE | ZERO | POSITIVE

WIDE, NARROW = 0, 1
"""Whether a sign is that of all 64 bits or of the low 32."""

NOWHERE = -1
"""Stands for a place of which nothing is known."""

FRAME = 16
"""Places from here on are words of the stack, by their depth; those below are registers."""

AT_ENTRY, EARLIER = -1, -2
"""The indexes of the instructions that made what a function is entered with, and what was computed
in an earlier round of a loop."""


ELSEWHERE, CONTAINER, PART = 0, 1, 2
"""Whether one address is in what another one points to: a number was subtracted to get from a part
to what has it, or `lea` added one to get to a part."""


class Value(NamedTuple):
    """What the instruction at the index `site` left in the register `number`.

    `root` is the value that it was computed from, `nearness` whether it is an address in what that
    points to: `PART`, `CONTAINER`, or `ELSEWHERE` where nothing says so. `is_earlier`: the
    instruction has run again since, and this is still somewhere.
    """

    site: int
    number: int
    root: Value | None = None
    nearness: int = PART
    is_earlier: bool = False

    @property
    def whole(self) -> Value:
        """The value that this was computed from, or itself."""
        return self.root or self


class Test(NamedTuple):
    """What is in a place, in one width, was compared with a number; or, as far as is
    known, with what is in `other`. `size` is how many bytes of it were."""

    place: int
    width: int
    number: int | None
    other: int | None = None
    size: int = 8


Key: TypeAlias = frozenset[object]
"""The states of values with the places where they are, and the conditions that are known. Paths
that agree in it are joined."""


_NONE: Key = frozenset()


class Path:
    """What is known on some paths to an instruction: the `values` in places, the `signs` of what is
    there, by place and width, the `states` of the values that a rule follows, and whether
    `conditions` hold that are tested again.

    Paths are only joined where the states agree, and the places of what has one: so the path on
    which something was given away stays apart from the one on which it was not, with what was
    tested on each.
    """

    __slots__ = ("conditions", "left_by", "signs", "states", "test", "values")

    def __init__(
        self,
        values: dict[int, Value],
        signs: dict[tuple[int, int], int],
        states: dict[Value, int],
        test: Test | None = None,
        conditions: dict[tuple[int, int], bool] | None = None,
    ) -> None:
        self.conditions = conditions or {}
        self.left_by: int | None = None
        """The jump of a word, such as `fail_if`, by which the path leaves a block or a function."""
        self.values = values
        self.signs = signs
        self.states = states
        self.test = test
        """What the flags tell of, if it is a comparison with a number."""

    def copy(self) -> Path:
        """Return a path that can be changed independently of this one."""
        values, signs, states = dict(self.values), dict(self.signs), dict(self.states)
        copy = Path(values, signs, states, self.test, dict(self.conditions))
        copy.left_by = self.left_by
        return copy

    @property
    def key(self) -> Key:
        """What has to agree for two paths to be joined."""
        conditions = frozenset(self.conditions.items()) if self.conditions else _NONE
        if not self.states:
            return conditions
        states = {(one, state, self._held(one)) for one, state in self.states.items()}
        return conditions.union(states) if conditions else frozenset(states)

    def _held(self, value: Value) -> tuple[tuple[int, Value], ...]:
        found = [(at, one) for at, one in self.values.items() if (one[2] or one) == value]
        return tuple(sorted(found) if len(found) > 1 else found)

    def join(self, other: Path) -> bool:
        """Join a path with the same key into this one. Return whether anything changed."""
        values = {at: one for at, one in self.values.items() if other.values.get(at) == one}
        signs = {
            at: either
            for at, one in self.signs.items()
            if (either := one | other.signs.get(at, ANYTHING)) != ANYTHING
        }
        test = self.test if self.test == other.test else None
        changed = len(values) != len(self.values) or signs != self.signs or test != self.test
        self.values, self.signs, self.test = values, signs, test
        return changed

    def places_of(self, value: Value) -> list[int]:
        """Return where a value is, or what was computed from it."""
        # `one[2]` is the root: this is asked at every instruction
        return [at for at, one in self.values.items() if (one[2] or one) == value]

    def is_somewhere(self, value: Value) -> bool:
        """Return whether a value is in some place, or what was computed from it."""
        return any((one[2] or one) == value for one in self.values.values())

    # Changes

    def drop(self, places: Iterable[int]) -> None:
        """Forget what is in places."""
        values, signs, test = self.values, self.signs, self.test
        for place in places:
            if test is not None and place in (test.place, test.other):
                self.test = None
            values.pop(place, None)
            if signs:
                signs.pop((place, WIDE), None)
                signs.pop((place, NARROW), None)

    def set_apart(self, value: Value) -> Value:
        """Make a value, which is still somewhere, an earlier one; return that. What was one already
        is forgotten."""
        earlier = value._replace(is_earlier=True)
        self.drop(self.places_of(earlier))
        self.states[earlier] = self.states.pop(value)
        for place in self.places_of(value):
            one = self.values[place]
            self.values[place] = earlier if one == value else one._replace(root=earlier)
        return earlier

    def define(self, place: int, value: Value) -> None:
        """Put a new value into a place. What one of the same origin was before is another one."""
        self.drop((place,))
        if value.root is None:
            self.drop(self.places_of(value))
            self.states.pop(value, None)
        else:
            for at in [at for at, one in self.values.items() if one == value]:
                self.values[at] = value._replace(site=EARLIER, number=at)
        self.values[place] = value

    def move(self, target: int, source: int) -> None:
        """Copy what is in one place to another one."""
        value = self.values.get(source)
        signs = [(width, self.signs.get((source, width))) for width in (WIDE, NARROW)]
        self.drop((target,))
        if value is not None:
            self.values[target] = value
        for width, sign in signs:
            if sign is not None:
                self.signs[target, width] = sign

    def sign(self, place: int, width: int) -> int:
        """Return what may be in a place."""
        return self.signs.get((place, width), ANYTHING)

    def learn(self, place: int, width: int, sign: int) -> bool:
        """Take note that a test found `sign` in a place. Return whether it can be so."""
        found = self.sign(place, width) & sign
        if not found:
            return False
        value = self.values.get(place)
        same = [at for at, one in self.values.items() if one == value] if value else [place]
        for at in same:
            self.signs[at, width] = found
            if found == ZERO and width == WIDE:
                self.signs[at, NARROW] = ZERO
        return True
