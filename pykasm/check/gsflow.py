"""Whose GS base is loaded on the paths through code that interrupts enter.

A path is told apart by where it came from: code that tests the privilege level in the CS that the
processor pushed does different things for each. Code that may interrupt the kernel before it has
swapped GS, as on an NMI, looks at the GS base itself, and notes in a register what it found.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from iced_x86 import ConditionCode, Mnemonic, OpKind, Register

from pykasm.check.constants import NOTHING, RCX, Constants, after, is_zero
from pykasm.check.functionsummary import FunctionSummary
from pykasm.check.graph import Node
from pykasm.check.programanalysis import ProgramAnalysis
from pykasm.lang.convention import Kind

PRIVILEGE = 3
"""The bits of a selector that are its privilege level (AMD64 APM vol. 2, 4.5.1)."""

GS_BASE = 0xC000_0101
"""The MSR with the GS base that is loaded (AMD64 APM vol. 2, 4.5.3)."""


class Test(Enum):
    """What the flags tell."""

    NOTHING = "nothing"
    PRIVILEGE = "ZF: the kernel was interrupted"
    BASE = "SF: the GS base is the kernel's, an address in the upper half"
    ZERO = "ZF is set"
    NONZERO = "ZF is clear"


class Path(NamedTuple):
    """What is known on a path: whether it came from user code, whether GS is swapped, and whether
    it was the user's at entry.

    `constants` are numbers in registers; `read` whether edx holds the upper half of the GS base.
    """

    from_user: bool | None = None
    swapped: bool = False
    users: bool | None = None
    test: Test = Test.NOTHING
    constants: Constants = NOTHING
    read: bool = False


class GsFlow:
    """The paths before each instruction of every routine that interrupts or programs lead to."""

    def __init__(self, analysis: ProgramAnalysis) -> None:
        self.analysis = analysis
        self.paths: dict[tuple[str, int], set[Path]] = {}
        self._waiting: list[tuple[str, int, Path]] = []
        if any(summary.local.swaps_gs for summary in analysis.summaries.values()):
            contexts = analysis.contexts
            program = Path(from_user=True, users=True)
            self._waiting += [(symbol, 0, program) for symbol in contexts.entered_by_programs]
            self._waiting += [(symbol, 0, Path()) for symbol in contexts.entered_by_interrupts]
        while self._waiting:
            self._follow(*self._waiting.pop())

    def _follow(self, symbol: str, at: int, path: Path) -> None:
        known = self.paths.setdefault((symbol, at), set())
        nodes = self.analysis.graph(symbol).nodes
        if path in known or at >= len(nodes):
            return
        known.add(path)
        node = nodes[at]
        after = _after(node, path)
        if self.analysis.summaries[symbol].routine.kind not in (Kind.NAKED, Kind.ENTRY):
            after = after._replace(constants=NOTHING)
        for following in node.successors:
            further = _along(node, at, following, after)
            if further is not None:
                self._waiting.append((symbol, following, further))
        if node.leaves and node.callee in self.analysis.summaries:
            self._waiting.append((node.callee, 0, after._replace(test=Test.NOTHING)))

    def ends(self) -> Iterator[tuple[FunctionSummary, Node, set[Path]]]:
        """Where interrupts and system calls are returned from, and the paths to there."""
        yield from self._at(Mnemonic.IRETQ, Mnemonic.SYSRETQ)

    def swaps(self) -> Iterator[tuple[FunctionSummary, Node, set[Path]]]:
        """Where GS is swapped, and the paths to there."""
        yield from self._at(Mnemonic.SWAPGS)

    def _at(self, *mnemonics: int) -> Iterator[tuple[FunctionSummary, Node, set[Path]]]:
        for (symbol, at), paths in self.paths.items():
            node = self.analysis.graph(symbol).nodes[at]
            if node.effects.mnemonic in mnemonics:
                yield self.analysis.summaries[symbol], node, paths


def _after(node: Node, path: Path) -> Path:
    constants = after(node, path.constants)
    if node.effects.mnemonic == Mnemonic.SWAPGS:
        return path._replace(swapped=not path.swapped, read=False)
    if node.effects.mnemonic == Mnemonic.RDMSR:
        read = (RCX, GS_BASE) in path.constants and not path.swapped
        return path._replace(constants=constants, read=read)
    if node.effects.flags_written or node.effects.flags_undefined or node.is_call:
        return path._replace(constants=constants, test=_tested(node, path))
    return path._replace(constants=constants)


def _tested(node: Node, path: Path) -> Test:
    """What the flags tell after the instruction."""
    instruction = node.effects.instruction
    if instruction.mnemonic != Mnemonic.TEST:
        return Test.NOTHING
    if instruction.op1_kind != OpKind.REGISTER:
        is_privilege = instruction.immediate(1) == PRIVILEGE
        return Test.PRIVILEGE if is_privilege else Test.NOTHING
    if path.read and instruction.op0_register == instruction.op1_register == Register.EDX:
        return Test.BASE
    zero = is_zero(node, path.constants)
    return Test.NOTHING if zero is None else Test.ZERO if zero else Test.NONZERO


def _along(node: Node, at: int, following: int, path: Path) -> Path | None:
    """What is known on the way from an instruction to one behind it; None where it is never gone.

    A path that was told apart takes the same way at every later test.
    """
    condition = node.effects.instruction.condition_code
    jumped = following != at + 1
    if condition in (ConditionCode.E, ConditionCode.NE):
        zero = jumped == (condition == ConditionCode.E)
        if path.test in (Test.ZERO, Test.NONZERO):
            return path if zero == (path.test is Test.ZERO) else None
        if path.test is Test.PRIVILEGE:
            known = path.from_user in (None, not zero)
            return path._replace(from_user=not zero) if known else None
    if condition in (ConditionCode.S, ConditionCode.NS) and path.test is Test.BASE:
        return path._replace(users=jumped == (condition == ConditionCode.NS))
    return path
