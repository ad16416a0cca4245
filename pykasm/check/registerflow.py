"""Follows a routine along all its paths and hands each instruction to the rules.

A state is computed for the start of every block as what holds on all paths to it, and from there
for each of its instructions; then each instruction is visited, in order, with its final state.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from heapq import heappop, heappush

from iced_x86 import Instruction, Mnemonic, OpKind, RflagsBits
from iced_x86 import Register as IcedRegister

from pykasm.check.effects import RBP, RSP, WHOLE
from pykasm.check.graph import Graph, Node
from pykasm.check.state import ALL_FLAGS, NEVER, UNKNOWN, Clobber, State, Value
from pykasm.isa.code import Line
from pykasm.isa.registers import Register, RegisterKind
from pykasm.lang.convention import ARGUMENTS, CALLEE_SAVED, CALLER_SAVED, SLOT, Kind, Signature
from pykasm.lang.operands import RegisterOperand
from pykasm.lang.role import Role
from pykasm.lang.routine import Routine
from pykasm.objects.debug import EntryFrame

SAVED = (*(register.number for register in CALLEE_SAVED), RBP)
CLOBBERED = tuple(register.number for register in CALLER_SAVED)
INTERRUPTED = (EntryFrame.INTERRUPT, EntryFrame.INTERRUPT_WITH_ERROR)
"""Entered so, code finds the flags as any other code left them."""

RESULTS = (0, 2)
"""rax and rdx (System V ABI AMD64, figure 3.4)."""


@dataclass(frozen=True)
class Callee:
    """What a caller knows of a function: `signature` None for code without the convention."""

    signature: Signature | None

    @cached_property
    def changed(self) -> tuple[int, ...]:
        """The numbers of the registers that a call may change."""
        registers = CALLER_SAVED if self.signature is None else self.signature.changed
        return tuple(register.number for register in registers)


class RegisterFlow:
    """The states of a routine. `callees` tells what is known of other code by its symbol."""

    def __init__(self, graph: Graph, callees: dict[str, Callee]) -> None:
        self.graph = graph
        self.callees = callees
        self.states: dict[int, State] = {}
        self.depth_conflicts: set[int] = set()
        """Where paths meet on which the stack has different depths."""
        self._results = _results(graph.routine)
        self._run()
        self._visits = [
            (index, self.graph.nodes[index], self.states[index]) for index in sorted(self.states)
        ]

    def visits(self) -> Iterator[tuple[int, Node, State]]:
        """Every instruction that is reached, with what holds before it."""
        return iter(self._visits)

    def _run(self) -> None:
        """Compute block after block, the first in the code first, until no start changes."""
        nodes, blocks = self.graph.nodes, self.graph.blocks
        if not nodes:
            return
        starts = {0: entry_state(self.graph)}
        waiting = [0]
        while waiting:
            start = heappop(waiting)
            after = self._through(start, blocks[start], starts[start].copy())
            for following in nodes[blocks[start] - 1].successors:
                known = starts.get(following)
                if known is not None and len({known.depth, after.depth, None}) > 2:
                    self.depth_conflicts.add(following)
                if known is None:
                    starts[following] = after.copy()
                elif not known.join(after):
                    continue
                if following not in waiting:
                    heappush(waiting, following)

    def _through(self, start: int, end: int, state: State) -> State:
        """Note the state before each instruction of a block; the one after it."""
        for index in range(start, end):
            self.states[index] = state
            state = state.copy()
            self.step(index, self.graph.nodes[index], state)
        return state

    def step(self, index: int, node: Node, state: State) -> None:
        """Change `state` as the instruction does."""
        if node.is_call:
            self._call(index, node, state)
            return
        effects = node.effects
        if effects.changes_frame:
            self._move_stack(node, state)
        if effects.frame_stored:
            _store(node, state)
        if effects.writes:
            self._write_registers(index, node, state)
            if effects.frame_access is not None:
                _load(node, state)
        if effects.flags_written or effects.flags_undefined:
            self._write_flags(index, node, state)

    def _call(self, index: int, node: Node, state: State) -> None:
        callee = self.callees.get(node.callee or "")
        pointer = node.callee is None
        if callee is not None and callee.signature is None:
            for number in CLOBBERED:  # code without the convention: its author knows
                state.registers[number] = UNKNOWN
            state.undefined_flags, state.flag_clobber = 0, None
            return
        clobber = Clobber(index, call=True)
        state.lose(callee.changed if callee is not None else CLOBBERED, clobber)
        count = len(callee.signature.results) if callee and callee.signature else 0
        if pointer or callee is None:
            count = len(RESULTS)
        for number in RESULTS[:count]:
            state.registers[number] = UNKNOWN
        for role in self._results.get(index, ()):
            state.registers[role.register.number] = Value(role=role)
        state.undefined_flags, state.flag_clobber = ALL_FLAGS, clobber

    def _move_stack(self, node: Node, state: State) -> None:
        instruction = node.effects.instruction
        mnemonic = node.effects.mnemonic
        if mnemonic == Mnemonic.PUSH:
            _push(node, state)
        elif mnemonic == Mnemonic.POP:
            _pop(node, state)
        elif mnemonic == Mnemonic.LEAVE:
            state.depth = None if state.base is None else state.base - SLOT
            state.base = None
            state.registers[RBP] = state.slots.get((state.depth or 0) + SLOT, UNKNOWN)
        elif mnemonic == Mnemonic.MOV and _writes_whole(instruction, IcedRegister.RSP):
            state.depth = state.base if instruction.op1_register == IcedRegister.RBP else None
        elif mnemonic == Mnemonic.MOV and _writes_whole(instruction, IcedRegister.RBP):
            state.base = state.depth if instruction.op1_register == IcedRegister.RSP else None
        elif mnemonic == Mnemonic.LEA and _writes_whole(instruction, IcedRegister.RSP):
            state.depth = _led_depth(instruction, state)
        elif node.effects.stack_delta is None:
            state.depth = None
        elif state.depth is not None:
            state.depth -= node.effects.stack_delta
        depth = state.depth
        if depth is not None and any(at > depth for at in state.slots):  # anybody's from now on
            state.slots = {at: one for at, one in state.slots.items() if at <= depth}

    def _write_registers(self, index: int, node: Node, state: State) -> None:
        if node.effects.mnemonic in (Mnemonic.POP, Mnemonic.LEAVE):
            return
        roles = written_roles(node)
        for number, parts in node.effects.writes:
            role = roles.get(number)
            old = state.registers[number].role
            if role is None and old and any(number == one for one, _ in node.effects.reads):
                role = old  # changed in place: still the same thing
            state.write(number, parts, role, Clobber(index))

    def _write_flags(self, index: int, node: Node, state: State) -> None:
        effects = node.effects
        state.undefined_flags = (
            state.undefined_flags & ~effects.flags_written | effects.flags_undefined
        )
        if effects.flags_undefined:
            state.flag_clobber = Clobber(index)
        if effects.mnemonic == Mnemonic.STD:
            state.direction = True
        elif effects.flags_written & RflagsBits.DF:
            state.direction = False


def _results(routine: Routine) -> dict[int, list[Role]]:
    """The roles of the results of each call, by the number of its instruction."""
    results = [role for role in routine.roles if role.kind == "result"]
    if not results:
        return {}
    lines = [(at, item) for at, item in enumerate(routine.items) if isinstance(item, Line)]
    calls = [
        (at, number) for number, (at, line) in enumerate(lines) if line.statement.mnemonic == "call"
    ]
    found: dict[int, list[Role]] = {}
    for role in results:
        behind = bisect_left(calls, (role.start, 0))
        if behind:
            found.setdefault(calls[behind - 1][1], []).append(role)
    return found


def _push(node: Node, state: State) -> None:
    if state.depth is None:
        return
    state.depth += SLOT
    instruction = node.effects.instruction
    if instruction.op0_kind == OpKind.REGISTER:
        number = _number(node)
        if number is not None:
            state.slots = {**state.slots, state.depth: state.registers[number]}


def _pop(node: Node, state: State) -> None:
    number = _number(node)
    value = UNKNOWN
    if state.depth is not None:
        value = state.slots.get(state.depth, UNKNOWN)
        state.slots = {at: one for at, one in state.slots.items() if at != state.depth}
        state.depth -= SLOT
    if number is not None and number != RSP:
        state.registers[number] = value
        if number == RBP:
            state.base = None


def _slot_of(node: Node, state: State) -> int | None:
    """The depth of the memory that an instruction uses in the frame, if that is known."""
    access = node.effects.frame_access
    if access is None:
        return None
    base, distance = access
    start = state.depth if base == RSP else state.base
    return None if start is None else start - distance


def _store(node: Node, state: State) -> None:
    """Forget what is overwritten in the frame; keep in mind where a register is saved."""
    at, size = _slot_of(node, state), node.effects.frame_stored
    if at is None:
        return
    slots = {one: value for one, value in state.slots.items() if not at - size < one < at + SLOT}
    source = _moved(node, 1)
    if source is not None and state.registers[source].entry is not None:
        slots[at] = state.registers[source]
    if slots != state.slots:
        state.slots = slots


def _load(node: Node, state: State) -> None:
    """Restore a register from where it was saved in the frame."""
    target, at = _moved(node, 0), _slot_of(node, state)
    saved = state.slots.get(at) if target is not None and at is not None else None
    if target is not None and saved is not None:
        state.registers[target] = saved._replace(role=state.registers[target].role)


def _moved(node: Node, operand: int) -> int | None:
    """The number of the 64-bit register that is this operand of a `mov`."""
    if node.effects.mnemonic != Mnemonic.MOV:
        return None
    one = node.line.statement.operands[operand]
    if isinstance(one, Register) and one.kind is RegisterKind.GENERAL and one.size == SLOT:
        return one.number
    return None


def _number(node: Node) -> int | None:
    operand = node.line.statement.operands[0]
    if isinstance(operand, Register) and operand.kind is RegisterKind.GENERAL:
        return operand.number
    return None


def _writes_whole(instruction: Instruction, register: int) -> bool:
    return instruction.op0_kind == OpKind.REGISTER and bool(instruction.op0_register == register)


def _led_depth(instruction: Instruction, state: State) -> int | None:
    """The depth after `lea rsp, [rbp - n]` or `lea rsp, [rsp + n]`."""
    base = instruction.memory_base
    start = {IcedRegister.RBP: state.base, IcedRegister.RSP: state.depth}.get(base)
    if start is None or instruction.memory_index != IcedRegister.NONE:
        return None
    distance: int = instruction.memory_displacement
    return start - (distance - ((distance >> 63) << 64))


NONE: dict[int, Role] = {}


def written_roles(node: Node) -> dict[int, Role]:
    """The roles that the instruction's own operands write: the first one, for most."""
    written = node.line.written
    first = written[0] if written else None
    if type(first) is RegisterOperand and first._role is not None:
        return {first._register.number: first._role}
    return NONE


def entry_state(graph: Graph) -> State:
    """What holds when the routine is entered."""
    routine = graph.routine
    if routine.kind not in (Kind.FUNCTION, Kind.INTERRUPT):
        return State([UNKNOWN] * 16, direction=routine.entered in INTERRUPTED)
    registers = [Value(WHOLE, NEVER, entry=number) for number in range(16)]
    registers[RSP] = Value(entry=RSP)
    if routine.kind is Kind.INTERRUPT:
        return State(registers, undefined_flags=ALL_FLAGS, flag_clobber=NEVER, direction=True)
    roles = {role.register: role for role in routine.roles if role.kind == "parameter"}
    for parameter, register in zip(routine.signature.parameters, ARGUMENTS, strict=False):
        role = roles.get(parameter.register) if parameter.register is not None else None
        registers[register.number] = Value(role=role, entry=register.number)
    return State(registers, undefined_flags=ALL_FLAGS & ~RflagsBits.DF, flag_clobber=NEVER)
