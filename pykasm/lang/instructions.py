"""Instructions: a call named after a mnemonic is exactly that instruction."""

from __future__ import annotations

from typing import Any

from pykasm.errors import Mistake, PlaceMistake, report
from pykasm.lang.builder import EndlessCode, _builders, current
from pykasm.lang.types import named_arguments

ELIDING = ("xacquire", "xrelease")
"""Prefixes that stand before `lock`."""


class Mnemonic:
    """An instruction by its name in the manuals: `mov(rax, rbx)` emits it."""

    __slots__ = ("_name", "_prefix")
    __test__ = False  # pytest: the mnemonic `test` is not one

    def __init__(self, name: str, prefix: str = "") -> None:
        self._name = name
        self._prefix = prefix

    def __repr__(self) -> str:
        return f"{self._prefix} {self._name}".strip()

    def __call__(self, *operands: object, **named: object) -> None:
        """Emit the instruction. A wrong operand is reported at this line, and nothing emitted."""
        if named:
            raise named_arguments(self._name, named, f"`{self._name}(…)` with its operands")
        builder = _builders[-1] if _builders else current(self._name)
        try:
            builder.add(self._name, operands, self._prefix)
        except EndlessCode:
            raise
        except Mistake as mistake:
            report(mistake)
            builder.refused += 1


class Prefix:
    """A prefix, or two: `lock.xadd(counter, rax)`, `rep.movsb()`, `xacquire.lock.inc(counter)`."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, mnemonic: str) -> Any:
        if mnemonic.startswith("_"):
            raise AttributeError(mnemonic)
        if mnemonic == "lock" and self._name in ELIDING:
            return Prefix(f"{self._name} lock")
        return Mnemonic(mnemonic.rstrip("_"), self._name)

    def __call__(self, *operands: object) -> None:
        """Point out how a prefix is used."""
        raise PlaceMistake(
            f"`{self._name}` is a prefix",
            expected=f"`{self._name}.instruction(…)`",
            got="a call of the prefix",
        )


lock = Prefix("lock")
rep = Prefix("rep")
repe = Prefix("repe")
repne = Prefix("repne")
xacquire = Prefix("xacquire")
xrelease = Prefix("xrelease")
