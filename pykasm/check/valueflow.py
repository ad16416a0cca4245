"""Where values go on the paths through a function, with what is tested on the way.

A forward analysis that is path-sensitive where it matters: paths are joined unless they differ in
what a rule follows (`valuepath.Path`), as in ESP (Das, Lerner, Seigle: PLDI 2002).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from heapq import heappop, heappush
from typing import ClassVar, Self

from iced_x86 import FlowControl, Instruction, Mnemonic, OpKind, RegisterExt
from iced_x86 import Register as IcedRegister

from pykasm.check.build import FunctionAnalysis
from pykasm.check.conditions import Conditions
from pykasm.check.convention import RESULTS
from pykasm.check.effects import RBP, RSP
from pykasm.check.framewords import FrameWords
from pykasm.check.graph import Node
from pykasm.check.operands import number_of, register_operand
from pykasm.check.said import SaidWords
from pykasm.check.valuepath import (
    ANYTHING,
    AT_ENTRY,
    CONTAINER,
    ELSEWHERE,
    FRAME,
    NARROW,
    NEGATIVE,
    NOWHERE,
    PART,
    POSITIVE,
    WIDE,
    ZERO,
    Key,
    Path,
    Test,
    Value,
)
from pykasm.isa.statement import Address
from pykasm.lang.builder import Said
from pykasm.lang.convention import SLOT, Signature, signature_of
from pykasm.lang.operand import Operand
from pykasm.lang.routine import Routine
from pykasm.lang.types import Fn, TypeMeta

MOST_PATHS = 4000
"""So many are followed in a function at most. Of one that has more, nothing is said."""

_WORD = 4

_TAKEN: dict[int, int] = {
    Mnemonic.JE: ZERO,
    Mnemonic.JNE: NEGATIVE | POSITIVE,
    Mnemonic.JS: NEGATIVE,
    Mnemonic.JNS: ZERO | POSITIVE,
    Mnemonic.JL: NEGATIVE,
    Mnemonic.JGE: ZERO | POSITIVE,
    Mnemonic.JLE: NEGATIVE | ZERO,
    Mnemonic.JG: POSITIVE,
    Mnemonic.JA: NEGATIVE | POSITIVE,
    Mnemonic.JBE: ZERO,
}
"""What a value is where the branch behind its comparison with 0 is taken."""

_JUMPS = (FlowControl.UNCONDITIONAL_BRANCH, FlowControl.INDIRECT_BRANCH)

_FAILING = re.compile(r"\b(fail|fail_if|try_)\(")
_LEAVING = re.compile(r"\b(fail|fail_if|try_|break_if|break_)\(")
"""The words whose jumps show where a path leaves what is around it."""

LARGEST_OBJECT = 4096
"""An address less than so many bytes away, by `lea`, is taken for one in the same object."""

_REPLACING = (Mnemonic.MOVSX, Mnemonic.MOVSXD, Mnemonic.MOVZX)
_CHANGING = (
    *(Mnemonic.ADD, Mnemonic.SUB, Mnemonic.INC, Mnemonic.DEC, Mnemonic.IMUL, Mnemonic.NEG),
    *(Mnemonic.AND, Mnemonic.OR, Mnemonic.XOR, Mnemonic.NOT),
    *(Mnemonic.SHL, Mnemonic.SHR, Mnemonic.SAR),
    *(getattr(Mnemonic, name) for name in dir(Mnemonic) if name.startswith("CMOV")),
)
_ARITHMETIC = (*_REPLACING, *_CHANGING)
"""Instructions whose result is computed from an operand: of what is followed, it is a part."""


class ValueFlow:
    """Follows the values in a function. A rule extends it, and says what becomes of `Path.states`:
    in `enter`, at each instruction, at calls, where they return, at stores, tests and ways out.

    With `is_exact`, conditions that are tested more than once are followed too, and ways that no
    number lets anybody go are left out. This takes longer, and is for where something was found.
    """

    words: ClassVar[tuple[str, ...]] = ()
    """The words in the code that `hear` is told of."""

    def __init__(self, function: FunctionAnalysis, is_exact: bool = False) -> None:
        self.function = function
        self.is_exact = is_exact
        self._conditions = Conditions(function) if is_exact else None
        self._said = SaidWords(function.routine, self.words)
        self.nodes = function.graph.nodes
        self._frame = FrameWords(function)
        self._paths: dict[int, dict[Key, Path]] = {}

    # What a rule says

    def enter(self, path: Path) -> None:
        """The function begins."""

    def hear(self, index: int, path: Path, said: Said) -> None:
        """One of `words` says something before an instruction."""

    def use(self, index: int, node: Node, path: Path) -> None:
        """An instruction is about to run."""

    def call(self, index: int, node: Node, path: Path) -> None:
        """Another function is about to be called, or jumped to."""

    def returned(self, index: int, node: Node, path: Path) -> None:
        """It has returned."""
        signature = self.signature(node)
        results = signature.results if signature is not None else ()
        for number, kind in zip(RESULTS, results, strict=False):
            self.given(path, Value(index, number), kind)

    def given(self, path: Path, value: Value, kind: TypeMeta) -> None:
        """A function has given a `value`, of which it says what `kind` does."""

    def store(self, index: int, node: Node, path: Path, source: int | None) -> None:
        """The register `source`, None for something else, is about to be stored in memory."""

    def loaded(self, index: int, node: Node, path: Path, number: int) -> None:
        """A register has been loaded from memory."""

    def made(self, index: int, path: Path, place: int) -> None:
        """A number of the code's has been put into a register or a word of the frame."""

    def memory_place(self, node: Node, path: Path) -> int | None:
        """Return what stands for a place in memory that is compared, if anything does."""
        return None

    def exchanged(self, index: int, node: Node, path: Path, number: int) -> None:
        """A register has been exchanged with memory."""

    def tested(self, path: Path, value: Value, width: int, sign: int) -> None:
        """A branch has shown what the sign of a value is."""

    def branched(self, path: Path, mnemonic: int, is_taken: bool) -> None:
        """A path goes on where a branch behind the comparison `path.test` is taken, or is not."""

    def masked(self, path: Path, number: int) -> None:
        """Bits of a register are about to be cleared by a number."""

    def leave(self, index: int, node: Node, path: Path) -> None:
        """The function is about to be left."""

    def renewed(self, index: int, path: Path, value: Value) -> None:
        """In a loop, an instruction is about to make another `value` than in the round before."""

    def set_apart(self, value: Value, earlier: Value) -> None:
        """In a loop, what was `value` in the round before is `earlier` from now on."""

    def changed(self, index: int, path: Path) -> None:
        """An instruction has changed what is where."""

    # The paths

    @property
    def has_findings(self) -> bool:
        """Whether the rule is broken somewhere."""
        return False

    @classmethod
    def solved(cls, function: FunctionAnalysis) -> Self | None:
        """Follow all paths through a function; where something is found, once more, exactly. Return
        None if there were too many."""
        flow = cls(function)
        if not flow.solve():
            return None
        if not flow.has_findings:
            return flow
        again = cls(function, is_exact=True)
        return again if again.solve() else flow

    def solve(self) -> bool:
        """Follow all paths. Return whether there were few enough."""
        start = Path({}, {}, {})
        for number in range(FRAME):
            if number not in (RSP, RBP):
                start.values[number] = Value(AT_ENTRY, number)
        self.enter(start)
        worklist: list[tuple[int, int, Key]] = []
        count = self._arrive(0, start, worklist)
        while worklist:
            index, _, key = heappop(worklist)
            for successor, path in self._through(index, self._paths[index][key].copy()):
                count += self._arrive(successor, path, worklist)
            if count > MOST_PATHS:
                return False
        return True

    def _arrive(self, index: int, path: Path, worklist: list[tuple[int, int, Key]]) -> int:
        """Join a path into those that come to an instruction. Return how many are new."""
        known, key = self._paths.setdefault(index, {}), path.key
        if key not in known:
            known[key] = path
        elif not known[key].join(path):
            return 0
        entry = (index, hash(key), key)
        if entry not in worklist:
            heappush(worklist, entry)
        return 1

    def _through(self, start: int, path: Path) -> Iterable[tuple[int, Path]]:
        """Follow a path through a block. Return where it goes on, and how."""
        end = self.function.graph.blocks[start]
        said = self._said.before
        told = self._inline_results.keys() | self._said.between.keys()
        for index in range(start, end):
            node = self.nodes[index]
            if index in said:
                for one in said[index]:
                    self.hear(index, path, one)
            self.use(index, node, path)
            if self._conditions is not None:
                self._conditions.forget(node, path)
            if node.leaves:
                self._left(index, node, path)
            else:
                self._transfer(index, node, path)
                is_move = index in said or node.effects.mnemonic not in _LEAVING_PLACES
                if is_move and path.states and node.successors:  # others never come back
                    self.changed(index, path)
            if index + 1 < end and index + 1 in told:
                self._go_on(index, index + 1, path, False)
        last = self.nodes[end - 1]
        if last.effects.flow == FlowControl.CONDITIONAL_BRANCH and len(last.successors) > 1:
            return self._branches(end - 1, last, path)
        is_jump = last.effects.flow in _JUMPS
        found = [(one, path.copy()) for one in last.successors]
        for successor, after in found:
            self._go_on(end - 1, successor, after, is_jump)
        return found

    def _go_on(self, before: int, index: int, path: Path, is_jump: bool) -> None:
        """Go on from one instruction to another, maybe behind the code of an inline function, which
        has given what it says then."""
        for one in self._said.on_way(self.nodes[before], index, is_jump):
            self.hear(index, path, one)
        if is_jump and path.states and _LEAVING.search(self.nodes[before].line.source.text):
            path.left_by = before
        for within, number, kind in self._inline_results.get(index, ()):
            value = path.values.get(number)
            if before in within and value is not None and value.root is None:
                self.given(path, value, kind)
                for width in (NARROW, WIDE):  # what the function itself has tested is known
                    self.tested(path, value, width, path.sign(number, width))

    def where_left(self, index: int, path: Path) -> int:
        """Return the instruction that shows why the function is left by the one at `index`: what
        undoes things is shared by all that fails, and the end by all loops that are left."""
        before = path.left_by
        if before is None:
            return index
        is_failure = _FAILING.search(self.nodes[before].line.source.text) is not None
        start = max(one for one in self.function.graph.blocks if one <= index)
        is_direct = start == self.nodes[before].successors[0] and self._is_end(start)
        return before if is_failure or is_direct else index

    def _is_end(self, start: int) -> bool:
        """Return whether a block is that of the epilogue alone."""
        return self.nodes[start].effects.mnemonic in (Mnemonic.POP, Mnemonic.LEAVE, Mnemonic.RET)

    @cached_property
    def _inline_results(self) -> dict[int, list[tuple[range, int, TypeMeta]]]:
        """The results of inline functions in registers, by the index behind their code: where that
        is, the register's number, and what the function says of it."""
        found: dict[int, list[tuple[range, int, TypeMeta]]] = {}
        for code, within in self.function.graph.inlined:
            for number, kind in code.given:
                found.setdefault(within.stop, []).append((within, number, kind))
        return found

    def _left(self, index: int, node: Node, path: Path) -> None:
        if node.effects.flow == FlowControl.EXCEPTION:
            return
        if node.callee is not None or node.is_indirect:
            self.call(index, node, path)
        callee = self.function.build.callees.get(node.callee or "")
        signature = callee.signature if callee is not None else None
        if signature is None or not signature.never_returns:
            self.leave(index, node, path)

    def _branches(self, index: int, node: Node, path: Path) -> Iterable[tuple[int, Path]]:
        test, taken, other = path.test, path.copy(), path
        is_taken, is_other = True, True
        signs = _signs(node.effects.mnemonic, test)
        if test is not None and signs is not None:
            is_taken = self._learn(taken, test, signs[0])
            is_other = self._learn(other, test, signs[1])
        self.branched(taken, node.effects.mnemonic, True)
        self.branched(other, node.effects.mnemonic, False)
        if self._conditions is not None:
            is_taken = is_taken and self._conditions.holds(index, taken, True)
            is_other = is_other and self._conditions.holds(index, other, False)
        first, second = node.successors
        self._go_on(index, first, taken, True)
        self._go_on(index, second, other, False)
        return [
            *([(first, taken)] if is_taken else []),
            *([(second, other)] if is_other else []),
        ]

    def _learn(self, path: Path, test: Test, sign: int) -> bool:
        if not path.learn(test.place, test.width, sign):
            return False
        value = path.values.get(test.place)
        if value is not None:
            self.tested(path, value, test.width, path.sign(test.place, test.width))
        return True

    # Instructions

    def _transfer(self, index: int, node: Node, path: Path) -> None:
        effects = node.effects
        if node.is_call:
            self._call(index, node, path)
            return
        mnemonic = effects.mnemonic
        if effects.frame_store_size and mnemonic != Mnemonic.MOV:
            slot = self._frame.word(index, node) if mnemonic == Mnemonic.INC else None
            counted = _incremented(path, slot, effects.frame_store_size)
            self._overwrite(index, node, path)
            path.signs.update(counted)
        handler = _HANDLERS.get(mnemonic)
        if handler is not None:
            handler(self, index, node, path)
        elif effects.may_write:
            self._other(index, node, path)
        if mnemonic in (Mnemonic.CMP, Mnemonic.TEST):
            path.test = self._comparison(index, node, path)
        elif effects.flags_written or effects.flags_undefined:
            path.test = None

    def _renew(self, index: int, path: Path, number: int) -> None:
        """Put a value into a register that a rule may follow."""
        value = Value(index, number)
        if value in path.states and any(at != number for at in path.places_of(value)):
            self.set_apart(value, path.set_apart(value))
        elif value in path.states:
            self.renewed(index, path, value)
        path.define(number, value)

    def _overwrite(self, index: int, node: Node, path: Path) -> None:
        path.drop(self._frame.overlapping(index, node, path.values.keys() | _places(path)))

    def _call(self, index: int, node: Node, path: Path) -> None:
        self.call(index, node, path)
        path.drop(self.function.changed_by(node))
        path.test = None
        for number in RESULTS:
            self._renew(index, path, number)
        self.returned(index, node, path)

    def _other(self, index: int, node: Node, path: Path) -> None:
        """Give the registers that the instruction may write values of which nothing is known."""
        for number in range(FRAME):
            if node.effects.may_write >> number & 1 and number not in (RSP, RBP):
                path.define(number, Value(index, number))

    def _move(self, index: int, node: Node, path: Path) -> None:
        instruction = node.effects.instruction
        target, source = register_operand(instruction, 0), register_operand(instruction, 1)
        if instruction.op0_kind == OpKind.MEMORY:
            self._store(index, node, path, source)
        elif target is None or _size(instruction, 0) < _WORD:
            self._other(index, node, path)
            if target is not None and instruction.op1_kind == OpKind.MEMORY:
                self.loaded(index, node, path, target)
        elif source is not None:
            path.move(target, source)
            if _size(instruction, 0) == _WORD:
                path.signs.pop((target, WIDE), None)
        elif instruction.op1_kind == OpKind.MEMORY:
            self._load(index, node, path, target)
        else:
            self._constant(index, node, path, target)

    def _constant(self, index: int, node: Node, path: Path, target: int) -> None:
        path.define(target, Value(index, target))
        number, size = _immediate(node), _size(node.effects.instruction, 0)
        if number is not None:
            path.signs[target, NARROW] = sign_of(number, _WORD)
            whole = number if size == SLOT else number & (1 << 32) - 1
            path.signs[target, WIDE] = sign_of(whole, SLOT)
            self.made(index, path, target)

    def _load(self, index: int, node: Node, path: Path, target: int) -> None:
        slot = self._frame.word(index, node)
        if slot is not None and slot in path.values.keys() | _places(path):
            path.move(target, slot)
            if _size(node.effects.instruction, 0) == _WORD:
                path.signs.pop((target, WIDE), None)
        else:
            self._renew(index, path, target)
            self.loaded(index, node, path, target)

    def _store(self, index: int, node: Node, path: Path, source: int | None) -> None:
        if node.effects.frame_access is None:
            self.store(index, node, path, source)
            return
        self._overwrite(index, node, path)
        slot, size = self._frame.word(index, node), node.effects.frame_store_size
        if slot is None or size < _WORD:
            self.store(index, node, path, source)
        elif source is not None:
            path.move(slot, source)
        elif (number := _immediate(node)) is not None:
            path.values[slot] = Value(index, slot)
            path.signs[slot, NARROW if size == _WORD else WIDE] = sign_of(number, size)
            self.made(index, path, slot)

    def _lea(self, index: int, node: Node, path: Path) -> None:
        instruction = node.effects.instruction
        target, base = register_operand(instruction, 0), number_of(instruction.memory_base)
        if target is None:
            return
        root = path.values.get(base) if base is not None else None
        distance = instruction.memory_displacement
        is_near = abs(distance - ((distance >> 63) << 64)) < LARGEST_OBJECT
        is_part = is_near and instruction.memory_index == IcedRegister.NONE
        self._derive(index, path, target, root, PART if is_part else ELSEWHERE)

    def _derive(
        self, index: int, path: Path, target: int, source: Value | None, nearness: int
    ) -> None:
        """Put what is computed from the value `source` into a register."""
        made = Value(index, target)
        if source is not None:
            made = Value(index, target, source.whole, min(nearness, source.nearness))
        path.define(target, made)

    def _compute(self, index: int, node: Node, path: Path) -> None:
        instruction, mnemonic = node.effects.instruction, node.effects.mnemonic
        target, other = register_operand(instruction, 0), register_operand(instruction, 1)
        if target is None:
            return
        if mnemonic == Mnemonic.XOR and target == other:
            path.define(target, Value(index, target))
            path.signs[target, WIDE] = path.signs[target, NARROW] = ZERO
            return
        mask = _immediate(node) if mnemonic == Mnemonic.AND else None
        if mask is not None and sign_of(mask, _size(instruction, 0)) != NEGATIVE:
            self.masked(path, target)
        if mnemonic in _REPLACING and instruction.op1_kind == OpKind.MEMORY:
            self._renew(index, path, target)
            self.loaded(index, node, path, target)
            return
        mine = None if mnemonic in _REPLACING else path.values.get(target)
        theirs = path.values.get(other) if other is not None else None
        followed = (one for one in (mine, theirs) if one is not None and one.whole in path.states)
        number = _immediate(node) if mnemonic == Mnemonic.SUB else None
        is_near = number is not None and number < LARGEST_OBJECT
        nearness = CONTAINER if is_near else ELSEWHERE
        is_step = mnemonic == Mnemonic.INC
        counted = _incremented(path, target if is_step else None, _size(instruction, 0))
        self._derive(index, path, target, next(followed, mine), nearness)
        path.signs.update(counted)

    def _push(self, index: int, node: Node, path: Path) -> None:
        slot, source = self._frame.pushed(index), register_operand(node.effects.instruction, 0)
        if slot is not None:
            path.drop((slot,))
            if source is not None:
                path.move(slot, source)

    def _pop(self, index: int, node: Node, path: Path) -> None:
        slot, target = self._frame.top(index), register_operand(node.effects.instruction, 0)
        if target in (None, RSP, RBP):
            return
        assert target is not None
        if slot is not None and slot in path.values:
            path.move(target, slot)
            path.drop((slot,))
        else:
            path.define(target, Value(index, target))

    def _exchange(self, index: int, node: Node, path: Path) -> None:
        instruction = node.effects.instruction
        first, second = register_operand(instruction, 0), register_operand(instruction, 1)
        if first is not None and second is not None:
            path.move(NOWHERE, first)
            path.move(first, second)
            path.move(second, NOWHERE)
            path.drop((NOWHERE,))
            return
        number = second if first is None else first
        if number is not None:
            self.store(index, node, path, number)
            self._renew(index, path, number)
            self.exchanged(index, node, path, number)

    def compared(self, index: int, node: Node, path: Path) -> list[Value]:
        """Return the values that a `cmp` or `test` looks at."""
        instruction, found = node.effects.instruction, []
        if node.effects.mnemonic in (Mnemonic.CMP, Mnemonic.TEST):
            places = [register_operand(instruction, 0), register_operand(instruction, 1)]
            places.append(self._frame.word(index, node))
            found = [path.values[one] for one in places if one is not None and one in path.values]
        return found

    def signature(self, node: Node) -> Signature | None:
        """Return how a callee is called, None if nobody knows."""
        if node.callee is not None:
            callee = self.function.build.callees.get(node.callee)
            return None if callee is None else callee.signature
        pointer = node.line.written[0] if node.line.written else None
        kind = pointer._kind if isinstance(pointer, Operand) else None
        is_function = isinstance(kind, TypeMeta) and issubclass(kind, Fn)
        return signature_of(kind) if is_function and kind is not None else None

    def _comparison(self, index: int, node: Node, path: Path) -> Test | None:
        """Return what a `cmp` or `test` compares."""
        instruction, number = node.effects.instruction, _immediate(node)
        is_test = node.effects.mnemonic == Mnemonic.TEST
        is_memory = instruction.op0_kind == OpKind.MEMORY
        place = self._frame.word(index, node) if is_memory else register_operand(instruction, 0)
        if is_memory and place is None:
            place = self.memory_place(node, path)
        other = register_operand(instruction, 1)
        size = _memory_size(node) if is_memory else _size(instruction, 0)
        width = WIDE if size == SLOT else NARROW
        if is_test:
            same = place is not None and place == other and not is_memory and size >= _WORD
            return Test(place, width, 0, size=size) if same and place is not None else None
        if number is None or place is None or size < _WORD:
            return Test(NOWHERE if place is None else place, width, None, other, size)
        signed = number - ((number >> 8 * size - 1 & 1) << 8 * size)
        return Test(place, width, signed, size=size)


_LEAVING_PLACES = (Mnemonic.CMP, Mnemonic.TEST, Mnemonic.JE, Mnemonic.JNE, Mnemonic.JMP)
"""Instructions after which all is where it was: the most frequent ones."""

_Handler = Callable[[ValueFlow, int, Node, Path], None]

_HANDLERS: dict[int, _Handler] = {
    **dict.fromkeys(_ARITHMETIC, ValueFlow._compute),
    Mnemonic.MOV: ValueFlow._move,
    Mnemonic.LEA: ValueFlow._lea,
    Mnemonic.PUSH: ValueFlow._push,
    Mnemonic.POP: ValueFlow._pop,
    Mnemonic.XCHG: ValueFlow._exchange,
}


def _incremented(path: Path, place: int | None, size: int) -> dict[tuple[int, int], int]:
    """Return what is known of what is in a place once it is incremented in `size` bytes: what was 0
    is 1."""
    width = WIDE if size == SLOT else NARROW
    is_register = place is not None and place < FRAME
    if place is None or size < _WORD or path.sign(place, width) != ZERO:
        return {}
    widths = (WIDE, NARROW) if size == SLOT or is_register else (NARROW,)
    return {(place, one): POSITIVE for one in widths}


def _places(path: Path) -> set[int]:
    return {place for place, _ in path.signs}


def _signs(mnemonic: int, test: Test | None) -> tuple[int, int] | None:
    """Return what was tested if a branch is taken, and if not; None if nothing follows from it."""
    if test is None or test.number is None:
        return None
    if test.number == 0:
        taken = _TAKEN.get(mnemonic)
        return None if taken is None else (taken, ANYTHING & ~taken)
    sign = NEGATIVE if test.number < 0 else POSITIVE
    match mnemonic:
        case Mnemonic.JE:
            return sign, ANYTHING
        case Mnemonic.JNE:
            return ANYTHING, sign
        case Mnemonic.JAE | Mnemonic.JA if sign == NEGATIVE:
            return NEGATIVE, ANYTHING
    return None


def sign_of(number: int, size: int) -> int:
    """Return what a number of so many bytes is."""
    number &= (1 << 8 * size) - 1
    if not number:
        return ZERO
    return NEGATIVE if number >> 8 * size - 1 else POSITIVE


def _size(instruction: Instruction, operand: int) -> int:
    return int(RegisterExt.size(instruction.op_register(operand)))


def combined_register(node: Node) -> int | None:
    """Return the register that arithmetic combines with its first operand, another one."""
    instruction = node.effects.instruction
    first, second = register_operand(instruction, 0), register_operand(instruction, 1)
    is_arithmetic = node.effects.mnemonic in _ARITHMETIC
    return second if is_arithmetic and first != second else None


def _immediate(node: Node) -> int | None:
    """Return the number that is the second operand of an instruction, None if it has none."""
    instruction = node.effects.instruction
    is_symbol = any(one.operand == 1 for one in node.line.references)
    if is_symbol or instruction.op1_kind in (OpKind.REGISTER, OpKind.MEMORY):
        return None
    return int(instruction.immediate(1))


def _memory_size(node: Node) -> int:
    """Return how many bytes the memory operand of a comparison has."""
    return next((one.size for one in node.line.statement.operands if isinstance(one, Address)), 0)


def given_in_place(routine: Routine) -> Iterator[TypeMeta]:
    """Yield what the inline functions in a function say of their results in registers."""
    for code in routine.inlined:
        for _, kind in code.given:
            yield kind
