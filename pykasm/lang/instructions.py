"""Instructions: a call named after a mnemonic is exactly that instruction."""

from __future__ import annotations

import sys
from types import FrameType

from pykasm.errors import Mistake, PlaceMistake, report
from pykasm.isa.code import Line
from pykasm.isa.statement import Statement
from pykasm.lang.builder import _builders, _checked, check, convert, emit
from pykasm.source import Source, is_library


class Mnemonic:
    """An instruction by its name in the manuals: `mov(rax, rbx)` emits it."""

    __slots__ = ("_name", "_prefix")
    __test__ = False  # pytest: the mnemonic `test` is not one

    def __init__(self, name: str, prefix: str = "") -> None:
        self._name = name
        self._prefix = prefix

    def __repr__(self) -> str:
        return f"{self._prefix} {self._name}".strip()

    def __call__(self, *operands: object) -> None:
        """Emit the instruction. A wrong operand is reported at this line, and nothing emitted."""
        if not _builders:
            emit(self._name, *operands)  # raises the mistake of being outside of code
        builder = _builders[-1]
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and is_library(frame):
            frame = frame.f_back
        assert frame is not None
        try:
            encodable, references = convert(operands, builder.bits, self._name)
            statement = Statement(builder.bits, self._name, encodable, self._prefix)
            if statement not in _checked:
                check(statement)
        except Mistake as mistake:
            report(mistake)
            return
        source = Source(frame.f_code.co_filename, frame.f_lineno)
        line = builder.body_line(frame)
        builder.items.append(Line(statement, references, source, line, operands))


class Prefix:
    """A prefix: `lock.xadd(counter, rax)`, `rep.movsb()`."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, mnemonic: str) -> Mnemonic:
        if mnemonic.startswith("_"):
            raise AttributeError(mnemonic)
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
