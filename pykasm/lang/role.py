"""What a register is used for."""

from __future__ import annotations

from pykasm.isa.registers import Register
from pykasm.lang.types import TypeMeta
from pykasm.source import Moment


class Role:
    """What a register is used for: the name that code gave it, and whether anything read it.

    `kind` is parameter, keep, scratch or result. The name is that of the variable the role was
    first assigned to, found in the source when somebody asks. `start` and `end` are the indexes of
    the items of code between which the role lives there (`end` None: up to the routine's end).
    """

    __slots__ = ("_name", "end", "kind", "moment", "register", "start", "type", "used")

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
        self.start = 0
        self.end: int | None = None
        self.moment = moment
        self.used = False
        self._name = name

    @property
    def name(self) -> str:
        """The variable's name; the register's where the source has none."""
        if not self._name:
            found = self.moment.assigned_name if self.moment else None
            self._name = found or self.register.name
        return self._name
