"""What can go wrong in a host run, told in the author's terms."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby

from pykasm.errors import PykasmError
from pykasm.hostrun.position import Position

LINES_SHOWN = 8
"""How many of the last lines run a report shows."""

CALLERS_SHOWN = 8

REGISTERS_IN_ROW = 4


class HostError(PykasmError):
    """A host run that cannot be done, or that failed."""


class HostAssertion(HostError):
    """A failed `asserts` in the code under test; see `report`."""

    def __init__(self, report: Report) -> None:
        self.report = report
        super().__init__(str(report))


class HostStop(HostError):
    """The code called a function that never returns, such as a panic, that Python stands in for.

    `function` is its symbol, `arguments` are those of the call.
    """

    def __init__(self, function: str, arguments: tuple[object, ...]) -> None:
        self.function = function
        self.arguments = arguments
        super().__init__(f"{function}{arguments!r} was called, which never returns")


@dataclass
class Report:
    """What was known when the code stopped; `what` says in one sentence what it did.

    `position` is the instruction at fault, `callers` are those it was called from, innermost
    first, `ran` are the last instructions run, `registers` all by name.
    """

    what: str
    position: Position | None = None
    callers: list[Position] = field(default_factory=list)
    ran: list[Position] = field(default_factory=list)
    registers: dict[str, int] = field(default_factory=dict)
    fix: str = ""

    def __str__(self) -> str:
        parts = [self.what]
        if self.position:
            parts += _shown(self.position)
        for caller in self.callers[:CALLERS_SHOWN]:
            parts.append(f"  called from {caller}  {caller.source}")
        if self.fix:
            parts.append(f"help: {self.fix}")
        if self.registers:
            parts += ["registers:", *_rows(self.registers)]
        if self.ran:
            parts += ["last lines run:", *_lines(self.ran)]
        return "\n".join(parts)


class HostFault(HostError):
    """The code did what the machine or the calling convention does not allow; see `report`."""

    def __init__(self, report: Report) -> None:
        self.report = report
        super().__init__(str(report))


def _shown(position: Position) -> list[str]:
    source = position.source
    return [f"  {source}  in {position}", f"  {source.line:5} | {source.text}"]


def _rows(registers: dict[str, int]) -> list[str]:
    cells = [f"{name:>7} {value:016x}" for name, value in registers.items()]
    return [
        "  " + "".join(cells[start : start + REGISTERS_IN_ROW]).rstrip()
        for start in range(0, len(cells), REGISTERS_IN_ROW)
    ]


def _lines(positions: list[Position]) -> list[str]:
    lines = [source for source, _ in groupby(one.source for one in positions)]
    return [f"  {one}: {one.text.strip()}" for one in lines[-LINES_SHOWN:]]
