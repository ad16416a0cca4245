"""Whose GS base is loaded on each path from an interrupt's or system call's entry.

Unlike the other analyses this one is path-sensitive: states do not join, as entry code does
different things by where it came from. It tests the privilege level in the CS that the processor
pushed. Code that may interrupt the kernel before it has swapped GS, as on an NMI, looks at the GS
base itself, and notes in a register what it found.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from iced_x86 import ConditionCode, Mnemonic, OpKind, Register

from pykasm.check.constants import NOTHING, RCX, Constants, is_zero, transfer
from pykasm.check.functionsummary import FunctionSummary
from pykasm.check.graph import Node
from pykasm.check.programanalysis import ProgramAnalysis
from pykasm.lang.convention import Kind

PRIVILEGE = 3
"""The bits of a selector that are its privilege level (AMD64 APM vol. 2, 4.5.1)."""

GS_BASE = 0xC000_0101
"""The MSR with the GS base that is loaded (AMD64 APM vol. 2, 4.5.3)."""


class FlagMeaning(Enum):
    """What the flags say about the path."""

    NOTHING = "nothing"
    PRIVILEGE = "ZF: the kernel was interrupted"
    BASE = "SF: the GS base is the kernel's, an address in the upper half"
    ZERO = "ZF is set"
    NONZERO = "ZF is clear"


class GsState(NamedTuple):
    """What is known on a path: whether it came from user code, whether GS is swapped now, and
    whether the base was the user's at entry (None: not known yet).

    `flags` is what they say, `constants` are those in registers; `read` says whether edx holds the
    upper half of the GS base.
    """

    from_user: bool | None = None
    swapped: bool = False
    base_was_users: bool | None = None
    flags: FlagMeaning = FlagMeaning.NOTHING
    constants: Constants = NOTHING
    read: bool = False


class GsFlow:
    """The states before each instruction of every function that interrupts or programs enter, and
    of those that these jump to."""

    def __init__(self, analysis: ProgramAnalysis) -> None:
        self.analysis = analysis
        self.states: dict[tuple[str, int], set[GsState]] = {}
        self._worklist: list[tuple[str, int, GsState]] = []
        if any(summary.local.swaps_gs for summary in analysis.summaries.values()):
            contexts = analysis.contexts
            from_program = GsState(from_user=True, base_was_users=True)
            self._worklist += [(one, 0, from_program) for one in contexts.entered_by_programs]
            self._worklist += [(one, 0, GsState()) for one in contexts.entered_by_interrupts]
        while self._worklist:
            self._visit(*self._worklist.pop())

    def _visit(self, symbol: str, index: int, state: GsState) -> None:
        known = self.states.setdefault((symbol, index), set())
        nodes = self.analysis.graph(symbol).nodes
        if state in known or index >= len(nodes):  # finitely many states: this ends too
            return
        known.add(state)
        node = nodes[index]
        after = _transfer(node, state)
        if self.analysis.summaries[symbol].routine.kind not in (Kind.NAKED, Kind.ENTRY):
            after = after._replace(constants=NOTHING)  # only entry code decides by them
        for successor in node.successors:
            along = _along_edge(node, index, successor, after)
            if along is not None:
                self._worklist.append((symbol, successor, along))
        if node.leaves and node.callee in self.analysis.summaries:
            # entry stubs jump on to common code, which belongs to their paths
            self._worklist.append((node.callee, 0, after._replace(flags=FlagMeaning.NOTHING)))

    def returns(self) -> Iterator[tuple[FunctionSummary, Node, set[GsState]]]:
        """Yield where interrupts and system calls are returned from, and the states there."""
        yield from self._at(Mnemonic.IRETQ, Mnemonic.SYSRETQ)

    def swaps(self) -> Iterator[tuple[FunctionSummary, Node, set[GsState]]]:
        """Yield where GS is swapped, and the states there."""
        yield from self._at(Mnemonic.SWAPGS)

    def _at(self, *mnemonics: int) -> Iterator[tuple[FunctionSummary, Node, set[GsState]]]:
        for (symbol, index), states in self.states.items():
            node = self.analysis.graph(symbol).nodes[index]
            if node.effects.mnemonic in mnemonics:
                yield self.analysis.summaries[symbol], node, states


def _transfer(node: Node, state: GsState) -> GsState:
    """Return the state after an instruction."""
    constants = transfer(node, state.constants)
    if node.effects.mnemonic == Mnemonic.SWAPGS:
        return state._replace(swapped=not state.swapped, read=False)
    if node.effects.mnemonic == Mnemonic.RDMSR:
        # only the base as it was at entry tells where the path came from
        read = (RCX, GS_BASE) in state.constants and not state.swapped
        return state._replace(constants=constants, read=read)
    if node.effects.flags_written or node.effects.flags_undefined or node.is_call:
        return state._replace(constants=constants, flags=_flags_after(node, state))
    return state._replace(constants=constants)


def _flags_after(node: Node, state: GsState) -> FlagMeaning:
    """Return what the flags say after an instruction that changes them."""
    instruction = node.effects.instruction
    if instruction.mnemonic != Mnemonic.TEST:
        return FlagMeaning.NOTHING
    if instruction.op1_kind != OpKind.REGISTER:
        is_privilege = instruction.immediate(1) == PRIVILEGE
        return FlagMeaning.PRIVILEGE if is_privilege else FlagMeaning.NOTHING
    if state.read and instruction.op0_register == instruction.op1_register == Register.EDX:
        return FlagMeaning.BASE
    zero = is_zero(node, state.constants)
    if zero is None:
        return FlagMeaning.NOTHING
    return FlagMeaning.ZERO if zero else FlagMeaning.NONZERO


def _along_edge(node: Node, index: int, successor: int, state: GsState) -> GsState | None:
    """Return the state on the edge from the instruction at `index` to a successor; None where the
    edge is never taken.

    A path takes the same direction at every later test of the same thing.
    """
    condition = node.effects.instruction.condition_code
    jumped = successor != index + 1
    if condition in (ConditionCode.E, ConditionCode.NE):
        zero = jumped == (condition == ConditionCode.E)
        if state.flags in (FlagMeaning.ZERO, FlagMeaning.NONZERO):
            return state if zero == (state.flags is FlagMeaning.ZERO) else None
        if state.flags is FlagMeaning.PRIVILEGE:
            is_possible = state.from_user in (None, not zero)
            return state._replace(from_user=not zero) if is_possible else None
    if condition in (ConditionCode.S, ConditionCode.NS) and state.flags is FlagMeaning.BASE:
        return state._replace(base_was_users=jumped == (condition == ConditionCode.NS))
    return state
