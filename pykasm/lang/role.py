"""What a register is used for."""

from __future__ import annotations

from collections.abc import Callable

from pykasm.isa.registers import Register
from pykasm.lang.types import TypeMeta
from pykasm.source import Moment


class Role:
    """What a register is used for: the name that code gave it, and whether anything read it.

    `kind` is parameter, keep, scratch or result. The name is that of the variable the role was
    first assigned to, found in the source when somebody asks. `start` is the index of the item of
    code at which the role's life begins; `extents` are the pairs of indexes between which it lives
    in its register: several if code that stands out of line goes on with it.
    """

    __slots__ = (
        "_name",
        "_since",
        "caller",
        "extents",
        "kind",
        "moment",
        "register",
        "start",
        "type",
        "used",
    )

    def __init__(
        self,
        kind: str,
        register: Register,
        type: TypeMeta,
        name: str = "",
        moment: Moment | None = None,
    ) -> None:
        self.kind = kind
        self.register = register
        self.type = type
        self.start = self._since = 0
        self.extents: list[tuple[int, int]] = []
        self.moment = moment
        self.caller: Moment | None = None
        """Where code in place that took the role was called, to which it gave the role."""
        self.used = False
        self._name = name

    def begin(self, index: int) -> None:
        """Begin the role's life before the item of code at `index`."""
        self.start = self._since = index

    def resume(self, index: int) -> None:
        """Extend the life of the role to code out of line, from the item at `index`."""
        self._since = index

    def end(self, index: int) -> None:
        """End the life that was begun or resumed last, before the item at `index`."""
        self.extents.append((self._since, index))

    def renumber(self, moved: Callable[[int], int]) -> None:
        """Take the items of code by their new indexes."""
        self.start, self._since = moved(self.start), moved(self._since)
        self.extents = [(moved(start), moved(end)) for start, end in self.extents]

    @property
    def name(self) -> str:
        """The variable's name; the register's where the source has none."""
        if not self._name:
            moments = (one for one in (self.caller, self.moment) if one is not None)
            names = (one.assigned_name for one in moments)
            self._name = next(filter(None, names), self.register.name)
        return self._name
