"""What registers, flags and the stack hold before each instruction of a function.

A forward must-analysis: the state before a block is the join of those after its predecessors. Its
values go up in a lattice of finite height (`state.Value`), so the worklist runs empty.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from heapq import heappop, heappush

from iced_x86 import Mnemonic, RflagsBits

from pykasm.check.convention import CALLER_SAVED, FRAMED, RESULTS, Callee
from pykasm.check.effects import ALL_LANES, RSP
from pykasm.check.frameflow import load_from_frame, move_stack, store_in_frame
from pykasm.check.graph import Graph, Node
from pykasm.check.operandroles import named_registers, updated_registers, written_roles
from pykasm.check.state import ALL_FLAGS, NEVER_WRITTEN, UNKNOWN, Clobber, State, Value
from pykasm.isa.code import Line
from pykasm.lang.convention import ARGUMENTS, Kind
from pykasm.lang.role import Role
from pykasm.lang.routine import Routine
from pykasm.objects.debug import EntryFrame

INTERRUPTED = (EntryFrame.INTERRUPT, EntryFrame.INTERRUPT_WITH_ERROR)
"""Entered so, code finds the flags as any other code left them."""


class RegisterFlow:
    """The states before the instructions of a function. `callees` has what is known of other code,
    by its symbol. With `within`, the indexes of some of the instructions, it is the flow of these
    alone, entered at the first one with registers of which nothing is known."""

    def __init__(
        self, graph: Graph, callees: dict[str, Callee], within: range | None = None
    ) -> None:
        self.graph = graph
        self.callees = callees
        self.states: dict[int, State] = {}
        self.exits: dict[int, State] = {}
        """The states before the instructions outside of `within` that control goes on at."""
        self.depth_conflicts: set[int] = set()
        """Where paths meet on which the stack has different depths."""
        self._results = _roles_of_results(graph.routine)
        self._inline_results = _inline_results(graph)
        self._within = range(len(graph.nodes)) if within is None else within
        self._solve(entry_state(graph) if within is None else _any_state())
        self._visits = [
            (index, self.graph.nodes[index], self.states[index]) for index in sorted(self.states)
        ]

    def visits(self) -> Iterator[tuple[int, Node, State]]:
        """Yield every instruction that is reached, with its index and the state before it."""
        return iter(self._visits)

    def _solve(self, at_entry: State) -> None:
        """Apply block after block until no state at a block's start changes.

        The worklist is in block order: most edges go forward, so that most blocks are applied once,
        when all their predecessors have been.
        """
        if not self._within:
            return
        starts = {self._within.start: at_entry}
        worklist = [self._within.start]
        while worklist:
            start = heappop(worklist)
            end = self._block_end(start)
            after = self._transfer_block(start, end, starts[start].copy())
            for successor in self.graph.nodes[end - 1].successors:
                known = starts.get(successor)
                # two known depths that differ: a fault, not something to join to "unknown"
                if known is not None and len({known.depth, after.depth, None}) > 2:
                    self.depth_conflicts.add(successor)
                arriving = after.copy()
                self._name_results(end - 1, successor, arriving)
                if known is None:
                    starts[successor] = arriving
                elif not known.join(arriving):
                    continue
                if successor not in worklist and successor in self._within:
                    heappush(worklist, successor)
        self.exits = {at: state for at, state in starts.items() if at not in self._within}

    def _block_end(self, start: int) -> int:
        """Return the index behind the block of the instruction at `start`, or where all ends."""
        blocks = self.graph.blocks
        if start not in blocks:
            start = max(one for one in blocks if one < start)
        return min(blocks[start], self._within.stop)

    def _transfer_block(self, start: int, end: int, state: State) -> State:
        """Note the state before each instruction of a block. Return the one after the last."""
        for index in range(start, end):
            if self._inline_results and index != start:
                self._name_results(index - 1, index, state)
            # a later round overwrites it: the last one is the fixed point's
            self.states[index] = state
            state = state.copy()
            self._transfer(index, self.graph.nodes[index], state)
        return state

    def _name_results(self, before: int, index: int, state: State) -> None:
        """Give registers the roles of results of inline functions whose code ends with the
        instruction `before`."""
        for first, role in self._inline_results.get(index, ()):
            if first <= before < index:
                number = role.register.number
                state.registers[number] = state.registers[number]._replace(role=role, stale=False)

    def _transfer(self, index: int, node: Node, state: State) -> None:
        """Change `state` as the instruction does."""
        if node.is_call:
            self._call(index, node, state)
            return
        effects = node.effects
        # the stack pointer first: what `push` and `pop` access is counted from where it is then
        if effects.changes_frame:
            move_stack(index, node, state)
        if effects.frame_store_size:
            store_in_frame(node, state)
        if effects.may_write:
            self._define(index, node, state)
            if effects.frame_access is not None:  # what was loaded may be a register's own value
                load_from_frame(node, state)
        if effects.flags_written or effects.flags_undefined:
            self._write_flags(index, node, state)

    def _call(self, index: int, node: Node, state: State) -> None:
        callee = self.callees.get(node.callee or "")
        by_pointer = node.callee is None
        if callee is not None and callee.signature is None:
            for number in CALLER_SAVED:  # no convention: its author knows what it leaves
                state.registers[number] = UNKNOWN
            state.undefined_flags, state.flag_clobber = 0, None
            return
        clobber = Clobber(index, call=True)
        state.clobber(callee.changed if callee is not None else CALLER_SAVED, clobber)
        count = len(callee.signature.results) if callee and callee.signature else 0
        if by_pointer or callee is None:
            count = len(RESULTS)  # nobody knows: no alarm for a result that may be there
        for number in RESULTS[:count]:
            state.define(number, ALL_LANES, None, clobber)
        for role in self._results.get(index, ()):
            state.registers[role.register.number] = Value(role=role)
        state.undefined_flags, state.flag_clobber = ALL_FLAGS, clobber

    def _define(self, index: int, node: Node, state: State) -> None:
        """Give the registers that the instruction writes their new values."""
        if node.effects.mnemonic in (Mnemonic.POP, Mnemonic.LEAVE):
            return  # `move_stack` knows what was saved
        roles = written_roles(node)
        for number, lanes in node.effects.writes:
            role = roles.get(number)
            old = state.registers[number].role
            if role is None and old and number in updated_registers(node):
                role = old  # `add(rdi, 8)`: still the pointer that the role is for
            state.define(number, lanes, role, Clobber(index))
        # `cmov` and narrow writes kill nothing, and yet callers don't find what they left
        if node.effects.may_write != node.effects.kills:
            state.forget_entry(node.effects.may_write)
            self._lose_roles(index, node, state)

    def _lose_roles(self, index: int, node: Node, state: State) -> None:
        """Take the names off registers that the instruction may change without naming them, as
        `rep movsb` does with rdi where it has a round."""
        written = {number for number, _ in node.effects.writes}
        for number in [one for one, value in enumerate(state.registers) if value.role is not None]:
            is_changed = node.effects.may_write >> number & 1 and number not in written
            if is_changed and number not in named_registers(node):
                state.take_name(number, Clobber(index))

    def _write_flags(self, index: int, node: Node, state: State) -> None:
        effects = node.effects
        defined = state.undefined_flags & ~effects.flags_written
        state.undefined_flags = defined | effects.flags_undefined
        if effects.flags_undefined:
            state.flag_clobber = Clobber(index)
        # DF is no undefined flag but a state that everybody relies on
        if effects.mnemonic == Mnemonic.STD:
            state.direction = True
        elif effects.flags_written & RflagsBits.DF:
            state.direction = False


def _roles_of_results(routine: Routine) -> dict[int, list[Role]]:
    """Return the roles of the results of each call, by the index of the call's instruction.

    A result's role begins right after its call, so the call is the last one before it.
    """
    results = [role for role in routine.roles if role.kind == "result"]
    if not results:
        return {}
    lines = [(at, item) for at, item in enumerate(routine.items) if isinstance(item, Line)]
    calls = [
        (at, index) for index, (at, line) in enumerate(lines) if line.statement.mnemonic == "call"
    ]
    found: dict[int, list[Role]] = {}
    for role in results:
        after = bisect_left(calls, (role.start, 0))
        if after:
            found.setdefault(calls[after - 1][1], []).append(role)
    return found


def _inline_results(graph: Graph) -> dict[int, list[tuple[int, Role]]]:
    """Return the roles of the results of inline functions, each with the index of the first
    instruction of the function's code, by that of the instruction behind this code."""
    found: dict[int, list[tuple[int, Role]]] = {}
    for code, within in graph.inlined:
        if code.results:
            results = [(within.start, role) for role in code.results]
            found.setdefault(within.stop, []).extend(results)
    return found


def _any_state() -> State:
    """Return the state at the start of code in place, which finds everything as it was."""
    return State([Value(entry=number) for number in range(16)])


def entry_state(graph: Graph) -> State:
    """Return the state at the function's entry."""
    routine = graph.routine
    if routine.kind not in FRAMED:
        is_interrupt = routine.entered in INTERRUPTED
        leaves_alone = is_interrupt or routine.signature.clobbers is not None
        unknown = [Value(entry=one) for one in range(16)] if leaves_alone else [UNKNOWN] * 16
        # what goes on in a program's thread has cleared DF first
        return State(unknown, direction=is_interrupt and not routine.is_of_program)
    # until it is written, a register has the caller's value: saving it is fine, using it is not
    registers = [Value(ALL_LANES, NEVER_WRITTEN, entry=number) for number in range(16)]
    registers[RSP] = Value(entry=RSP)
    if routine.kind is Kind.INTERRUPT:
        return State(
            registers, undefined_flags=ALL_FLAGS, flag_clobber=NEVER_WRITTEN, direction=True
        )
    roles = {role.register: role for role in routine.roles if role.kind == "parameter"}
    for parameter, register in zip(routine.signature.parameters, ARGUMENTS, strict=False):
        role = roles.get(parameter.register) if parameter.register is not None else None
        registers[register.number] = Value(role=role, entry=register.number)
    # the ABI has DF clear at entry, and says nothing of the other flags
    undefined = ALL_FLAGS & ~RflagsBits.DF
    return State(registers, undefined_flags=undefined, flag_clobber=NEVER_WRITTEN)
