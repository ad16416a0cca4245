"""The code being written: where instructions go while a function's body runs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from types import CodeType, FrameType
from typing import Any, NamedTuple, TypeAlias

from pykasm.errors import FlowMistake, PlaceMistake, ValueRangeMistake, placed_at
from pykasm.isa import forms
from pykasm.isa.code import Align, Item, Label, Line, Reference
from pykasm.isa.statement import Address, Statement, VectorOptions
from pykasm.isa.statement import Operand as Encodable
from pykasm.lang.condition import Condition, noting, report_unused
from pykasm.lang.conversion import converted
from pykasm.lang.errornumbers import ErrorNumber, NegatedError
from pykasm.lang.operand import described
from pykasm.lang.operandchecks import CHECKS, check_aggregate, check_roles
from pykasm.lang.operands import MemoryOperand, RegisterOperand
from pykasm.lang.places import PlaceAddress
from pykasm.lang.pythonflow import report_python
from pykasm.lang.role import Role
from pykasm.lang.symbolic import AddressOperand
from pykasm.lang.types import TypeMeta, User, is_function_pointer, is_pointer, plain
from pykasm.source import Source, author_frame, is_pykasms_file, line_span

_statements: dict[tuple[object, ...], Statement] = {}
"""Statements that the form table has let pass in this process, one object for equal ones."""

ENDS = frozenset({"jmp", "ret", "iretq", "iretd", "iret", "sysret", "sysexit", "ud2", "ljmp"})
"""Mnemonics after which control does not go on to the next instruction."""


NO_REGISTER = -1
"""The number in a `Said` that is about memory."""

CODE_ALIGNMENTS = tuple(1 << power for power in range(13))
"""What code can be aligned to, in bytes: up to a page."""


MOST_ITEMS = 1 << 18
"""In one routine; a loop of Python's that writes more does not end while there is memory."""


class EndlessCode(FlowMistake):
    """A loop of Python's writes code for ever; `what` tells how much there is."""

    def __init__(self, what: str) -> None:
        super().__init__(
            what,
            expected="a loop of Python's, which runs while the code is being written, to end",
            got="one more",
            fix="`while_` and `for_` are loops of the machine's",
        )


class InPlace:
    """Stands before the roles of operands that an instruction takes in place."""


class OwnedPlace:
    """Stands behind the roles of memory that owns what it points to."""


class NullablePlace:
    """Stands behind the roles of memory whose pointer may be null."""


class PointerPlace:
    """Stands behind the roles of memory that is a pointer."""


class SignedPlace:
    """Stands behind the roles of memory whose numbers may be below 0."""


class RemotePlace:
    """Stands behind the roles of memory with an address that code does not go by."""


class UntrustedPlace:
    """Stands behind the roles of memory that somebody else filled in."""


OperandRole: TypeAlias = (
    Role
    | type[User[Any]]
    | type[InPlace]
    | type[OwnedPlace]
    | type[NullablePlace]
    | type[PointerPlace]
    | type[RemotePlace]
    | type[SignedPlace]
    | type[UntrustedPlace]
    | None
)


Composer: TypeAlias = Callable[["CodeBuilder", str, tuple[Any, ...], str], None]
"""Writes the instructions that stand for one: its mnemonic, operands and prefix."""


class GuardedAccess(NamedTuple):
    """The item of code at the index `at` reads or writes `field` of some struct, or only makes its
    `address`. The lock `guard` guards the field, if any does, or only what writes it
    (`unlocked_reads`), and only `writers` write it, if they are named."""

    field: str
    guard: str
    at: int
    address: bool = False
    writers: tuple[str, ...] = ()
    unlocked_reads: bool = False


class ElementAccess(NamedTuple):
    """The item of code at the index `at` chooses one of the `length` elements of `array` by the
    register with this `number`."""

    array: str
    length: int
    number: int
    at: int


class Said(NamedTuple):
    """Before the item of code at the index `at`, the word `word` says something of what the
    register of this number holds: where it is a reference that is dropped, that only the function
    `freed_by` frees what it leads to."""

    at: int
    word: str
    number: int
    freed_by: str = ""


class InlineCode(NamedTuple):
    """The instructions from `first` to `last` come from the inline function `name`.

    It may change the registers of these numbers; `named` are the parameters that lie in registers,
    by their numbers, `results` the roles of results in machine registers. `given` are the numbers
    of all registers with results, and what the function says of these.
    """

    name: str
    changed: frozenset[int]
    named: Mapping[int, str]
    first: Line
    last: Line
    results: list[Role]
    given: list[tuple[int, TypeMeta]]


class CodeBuilder:
    """Collects the items of one routine, in code of `bits`, written by `code`."""

    def __init__(self, name: str, bits: int, code: CodeType | None, declared: Source) -> None:
        self.name = name
        self.bits = bits
        self.declared = declared
        self.items: list[Item] = []
        self.refused = 0
        """How many instructions were wrong."""
        self.unit: Any = None
        self.out_of_line: list[OutOfLine] = []
        """Code that is written when the body has run."""
        self.options: VectorOptions | None = None
        """What the instruction that is being added says beside its operands."""
        self.counted: tuple[Source, int] | None = None
        """The line that instructions are counted to, where it is not the one that is running."""
        self.open_words: list[Any] = []
        """Words of flow that still wait for their `with`."""
        self.targets: set[Label | str] = set()
        """Labels and symbols that some instruction refers to."""
        self.placed: set[Item] = set()
        """Labels that have their place."""
        self.loops: list[Any] = []
        self.switches: list[Any] = []
        self.allowances: list[Any] = []
        """Exceptions from the checker's rules."""
        self.lock_events: list[Any] = []
        """Where locks are taken and released."""
        self.guarded_accesses: list[GuardedAccess] = []
        """Where guarded fields are read or written."""
        self.taken_as: set[tuple[str, TypeMeta]] = set()
        """Functions whose addresses are taken for pointers of types with a name."""
        self.element_accesses: list[ElementAccess] = []
        """Where elements are chosen of arrays whose lengths are known."""
        self.inlined: list[InlineCode] = []
        """Where the code of inline functions lies."""
        self.operand_roles: list[OperandRole] = []
        """The role of each register among the operands, in the order in which they were written,
        `User` after one that is the base of memory which a program gave, or of a field with its
        address, `OwnedPlace` after those of memory that owns, and `InPlace` before those that an
        instruction takes in place."""
        self.said: list[Said] = []
        """What code says of what registers hold."""
        self.conditions: list[Condition] = []
        """Those that the author made."""
        self.writers: dict[CodeType | None, None] = {code: None}
        """The code of the author's that has written blocks."""
        self.unshared: list[Any] = []
        """Words that stand for objects which nobody else sees."""
        self.undo: Any = None
        """What a failure here has to undo first."""
        self.last_branch: tuple[Any, int] | None = None
        """The if-chain that ended last, and how many items there were then."""
        self.compared: tuple[Item, Condition] | None = None
        """The instruction that compared last for a condition, and which one."""
        self._code = code

    def add(self, mnemonic: str, operands: tuple[Any, ...], prefix: str = "") -> None:
        """Add an instruction after checking its operands.

        Every instruction of a build comes through here, so common cases are written out.
        """
        self.check_end()
        encodable: list[Encodable] = []
        references: tuple[Reference, ...] = ()
        roles = self.operand_roles
        known = len(roles)
        unsized: Any = None
        for operand in operands:
            kind = type(operand)
            if kind is RegisterOperand:
                encodable.append(operand._register)
                role = operand._role
                roles.append(role)
                if role is not None:
                    role.used = True
            elif kind is int:
                encodable.append(operand)
            else:
                compose = _composer(operand, mnemonic)
                if compose is not None:
                    del roles[known:]
                    compose(self, mnemonic, operands, prefix)
                    return
                if kind is PlaceAddress:  # to all who look at the code, a place as any other
                    operand, at = operand._as_operand(mnemonic), len(encodable)
                    operands = (*operands[:at], operand, *operands[at + 1 :])
                self._note_operand(operand, operands[0], mnemonic)
                one, target, addend = converted(operand, self.bits, mnemonic)
                if target is not None:
                    references += (_new(Reference, (len(encodable), target, addend)),)
                    self.targets.add(target)
                if type(one) is Address and not one.size:
                    unsized = operand
                encodable.append(one)
        key = (self.bits, mnemonic, tuple(encodable), prefix, self.options)
        statement = _statements.get(key) or _checked(key)
        self._check_operands(statement, operands, roles[known:], unsized)
        line = (statement, references, *self._counted_to(sys._getframe(2)), operands, ())
        self.items.append(_new(Line, line))

    def check_end(self) -> None:
        """Raise a mistake if there is so much code that what writes it does not end."""
        if len(self.items) + self.refused >= MOST_ITEMS:
            raise EndlessCode(f"`{self.name}` has more than {MOST_ITEMS:,} instructions")

    def _note_operand(self, operand: Any, first: Any, mnemonic: str) -> None:
        """Note what `operand`, which is no mere register or number, tells of the next instruction,
        whose first operand is `first`."""
        kind = type(operand)
        if kind is MemoryOperand:
            self._note_place(operand, mnemonic)
        elif issubclass(kind, MemoryOperand):
            self._note_kind(operand._kind)
        elif mnemonic == "mov" and issubclass(kind, ErrorNumber | NegatedError):
            self._note_error(first, operand)

    def _check_operands(
        self, statement: Statement, operands: tuple[Any, ...], roles: list[Any], unsized: Any
    ) -> None:
        """Raise a mistake if the machine's `statement` is nothing that types and `roles` of its
        `operands` allow; `unsized` is one of them that lies in memory without a size."""
        if len(roles) > 1:
            check_roles(roles)
        check = CHECKS.get(statement.mnemonic)
        if check is not None:
            check(operands)
        if type(operands[-1] if operands else None) is AddressOperand:
            self._store_address(operands)
        if unsized is not None:
            check_aggregate(unsized, statement)

    def _counted_to(self, caller: FrameType) -> tuple[Source, int]:
        """The line that an instruction which `caller` writes is counted to, and that of the body
        behind it."""
        if self.counted is not None:
            return self.counted
        if caller.f_code is self._code:  # an instruction of the body's own
            line = caller.f_lineno
            return _new(Source, (self.declared.file, line)), line
        return self.running()

    def take_in_place(self, operands: tuple[RegisterOperand, ...]) -> None:
        """Note that the last instruction takes `operands` from where they are already."""
        if operands:
            line = self.items[-1]
            assert isinstance(line, Line)
            self.items[-1] = line._replace(in_place=operands)
            self.operand_roles += [InPlace, *(one._role for one in operands)]

    def _note_place(self, place: MemoryOperand, mnemonic: str) -> None:
        """Note what the next instruction finds `place` by, and what guards it."""
        base = place._base
        if base is not None:
            self.operand_roles.append(base._role)
            if base._kind._by_user:
                self.operand_roles.append(User)
        if place._index is not None:
            self._note_index(place, place._index)
        self._note_kind(place._kind)
        if place._within is not None:
            if place._within.field.type._by_user:  # also where it is seen as a number
                self.operand_roles.append(User)
            if place._within.field.type._untrusted:
                self.operand_roles.append(UntrustedPlace)
            self._note_access(place, mnemonic)

    def _note_kind(self, kind: TypeMeta) -> None:
        """Note what words say of the values in a place."""
        if kind._owned:
            self.operand_roles.append(OwnedPlace)
        if kind._nullable:
            self.operand_roles.append(NullablePlace)
        if is_pointer(kind):
            self.operand_roles.append(PointerPlace)
        if kind._remote:
            self.operand_roles.append(RemotePlace)
        if kind._signed:
            self.operand_roles.append(SignedPlace)
        if kind._untrusted:
            self.operand_roles.append(UntrustedPlace)

    def _note_access(self, place: MemoryOperand, mnemonic: str) -> None:
        """Note the guarded fields in which the next instruction reads or writes `place`, or whose
        addresses it makes."""
        guarded = place._within.guarded if place._within is not None else ()
        if guarded and not any(one.covers(place) for one in self.unshared):
            at, address = len(self.items), mnemonic == "lea"
            self.guarded_accesses += [
                GuardedAccess(str(one), one.guard, at, address, one.writers, one.unlocked_reads)
                for one in guarded
            ]

    def _note_error(self, target: Any, number: ErrorNumber | NegatedError) -> None:
        """Note that the next instruction puts the `number` of an error into `target`."""
        register = target._register.number if isinstance(target, RegisterOperand) else NO_REGISTER
        self.say("error" if isinstance(number, NegatedError) else "positive error", register)

    def say(self, word: str, number: int, freed_by: str = "") -> None:
        """Note that `word` says something of what the register of this number holds."""
        self.said.append(Said(len(self.items), word, number, freed_by))

    def _store_address(self, operands: tuple[Any, ...]) -> None:
        """Note that the next instruction stores the address of a function, if it does."""
        kind = getattr(operands[0], "_kind", None)
        if isinstance(kind, TypeMeta) and is_function_pointer(kind):
            self.take_address(operands[-1], kind)

    def take_address(self, function: Any, kind: TypeMeta) -> None:
        """Note that a pointer of the type `kind` is made of `function`."""
        is_operand = isinstance(function, AddressOperand)
        reference = function.reference if is_operand else function._symbol_reference
        self.taken_as.add((reference._target(), plain(kind)))

    def _note_index(self, place: MemoryOperand, index: RegisterOperand) -> None:
        """Note the `index` by which the next instruction finds `place`."""
        self.operand_roles.append(index._role)
        self.note_element(place._name, place._count, index)

    def note_element(self, name: str, count: int | None, index: RegisterOperand) -> None:
        """Note that the next instruction chooses an element by `index`, called `name`, of `count`,
        if it is known how many there are; an array of none ends with the memory behind it."""
        if count:
            number, at = index._register.number, len(self.items)
            self.element_accesses.append(ElementAccess(name, count, number, at))

    def counting(self, source: Source, body_line: int | None = None) -> Counting:
        """Count the instructions inside to `source`, and to `body_line` of the body."""
        return Counting(self, (source, source.line if body_line is None else body_line))

    def is_written_by(self, code: CodeType) -> bool:
        """Whether `code` is that of the body, or of a function or an expression inside it, or is
        marked as a part of what it is written into; anything may be where pykasm writes."""
        return (
            self._code is None
            or code is self._code
            or is_pykasms_file(self._code.co_filename)
            or code in written_in_place
            or code.co_name.startswith("<")
            or code in _inner(self._code)
        )

    def helper(self) -> CodeType | None:
        """The helper that is running: a function, or a method of a part of the program, whose code
        comes where it is called, but which nothing marks as a part of that."""
        frame = author_frame()
        if frame is None or self.is_written_by(frame.f_code) or _is_of_tool(frame):
            return None
        is_part = any(one.f_code in written_in_place for one in _callers(frame))
        return None if is_part else frame.f_code

    def running(self) -> tuple[Source, int]:
        """The author's line that is running, and the line of the body that led to it."""
        return self.running_in(author_frame())

    def running_in(self, frame: FrameType | None) -> tuple[Source, int]:
        """The line that is running in the author's `frame`, and that of the body behind it."""
        if frame is None:
            return self.declared, self.declared.line
        source: Source = _new(Source, (frame.f_code.co_filename, frame.f_lineno))
        if frame.f_code is self._code:
            return source, source.line
        return source, self._body_line(frame)

    def _body_line(self, frame: FrameType) -> int:
        """The line of the function's own body that leads to `frame`."""
        seek: FrameType | None = frame
        while seek is not None and seek.f_code is not self._code:
            seek = seek.f_back
        return (seek or frame).f_lineno

    @property
    def last_source(self) -> Source:
        """The line of the body that the last instruction came from."""
        lines = (item for item in reversed(self.items) if isinstance(item, Line))
        last = next(lines, None)
        return Source(self.declared.file, last.body_line) if last else self.declared

    @property
    def falls_through(self) -> bool:
        """Whether control can reach the end of what is written so far."""
        for item in reversed(self.items):
            if isinstance(item, Line):
                return item.statement.mnemonic not in ENDS and not _never_returns(item)
            if isinstance(item, Label):
                return True
        return True

    # Items that are not written in the order of the code

    def write_out_of_line(self, source: Source, write: Callable[[], None]) -> None:
        """Have `write` emit code after the body, counted to `source`, as if it stood here."""
        code = OutOfLine(source, write, [*self.unshared], self._live_roles())
        self.out_of_line.append(code)

    def finish(self) -> None:
        """Write the code out of line, and report conditions that nothing looks at."""
        for code in self.out_of_line:
            with self.counting(code.source), placed_at(partial(line_span, code.source)):
                self._write_now(code)
        report_unused(self.conditions)
        for writer in self.writers:
            if writer is not None:
                report_python(writer, writer is self._code)

    def _write_now(self, code: OutOfLine) -> None:
        self.unshared = code.unshared
        code.write()

    def _live_roles(self) -> list[Role]:
        """Return the roles that live in a register now."""
        return []

    @contextmanager
    def inserting(self, at: int) -> Iterator[None]:
        """Put the items that are written inside before the one at the index `at`.

        Positions recorded at `at` belong to what came before, and stay.
        """
        end = len(self.items)
        yield
        written = self.items[end:]
        del self.items[end:]
        self.items[at:at] = written
        self.renumber(lambda index: index + len(written) if index > at else index)

    def pop(self) -> Item:
        """Remove and return the last item."""
        item, end = self.items.pop(), len(self.items)
        self.renumber(lambda index: min(index, end))
        return item

    def renumber(self, moved: Callable[[int], int]) -> None:
        """Give all recorded positions the new indexes of their items."""
        for allowance in self.allowances:
            allowance.renumber(moved)
        self.lock_events = [one.at(moved(one.index)) for one in self.lock_events]
        self.guarded_accesses = [one._replace(at=moved(one.at)) for one in self.guarded_accesses]
        self.element_accesses = [one._replace(at=moved(one.at)) for one in self.element_accesses]
        self.said = [one._replace(at=moved(one.at)) for one in self.said]


class OutOfLine(NamedTuple):
    """Code that `write` emits after the body, counted to `source`.

    Objects are `unshared` and `roles` live on in it as where it is gone to from.
    """

    source: Source
    write: Callable[[], None]
    unshared: list[Any]
    roles: list[Role]


class Counting:
    """Within it, the instructions of `builder` are counted to `place`."""

    __slots__ = ("_before", "_builder", "_place")

    def __init__(self, builder: CodeBuilder, place: tuple[Source, int]) -> None:
        self._builder = builder
        self._place = place

    def __enter__(self) -> None:
        self._before = self._builder.counted
        self._builder.counted = self._place

    def __exit__(self, *_: object) -> None:
        self._builder.counted = self._before


def composes(*kinds: type) -> Callable[[Composer], Composer]:
    """Mark what writes the instructions that stand for one which the machine does not have, with
    an operand of one of these `kinds`: `MemoryOperand` for numbers in the other order of bytes."""

    def mark(write: Composer) -> Composer:
        _composers.update(dict.fromkeys(kinds, write))
        return write

    return mark


_composers: dict[type, Composer] = {}


def _composer(operand: object, mnemonic: str) -> Composer | None:
    """What writes `mnemonic` with this operand, where the machine has no such instruction."""
    if not isinstance(operand, MemoryOperand):
        return _composers.get(type(operand))
    is_swapped = operand._kind._host is not None and mnemonic != "lea"
    return _composers[MemoryOperand] if is_swapped else None


def _callers(frame: FrameType) -> Iterator[FrameType]:
    """The frames that led to `frame`."""
    caller = frame.f_back
    while caller is not None:
        yield caller
        caller = caller.f_back


def _is_of_tool(frame: FrameType) -> bool:
    """Whether `frame` runs a method of a class of Python's own, which writes code for others."""
    code = frame.f_code
    if not code.co_argcount or code.co_varnames[0] != "self":
        return False
    owners = type(frame.f_locals["self"]).__mro__
    return not any(one.__module__.startswith("pykasm.") for one in owners)


written_in_place: set[CodeType] = set()
"""The code of functions that are marked `@inline`."""


@cache
def _inner(code: CodeType | None) -> frozenset[CodeType]:
    """The functions that `code` defines, and those that they define."""
    found: set[CodeType] = set()
    for one in code.co_consts if code is not None else ():
        if isinstance(one, CodeType):
            found |= {one, *_inner(one)}
    return frozenset(found)


_new: Any = tuple.__new__
"""Makes a named tuple of a tuple, in a third of the time that calling its class takes."""


def _never_returns(line: Line) -> bool:
    """Whether `line` calls a function that is declared to return never."""
    signature = getattr(line.written[0], "_signature", None) if line.written else None
    return signature is not None and signature.never_returns


_builders: list[CodeBuilder] = []


@contextmanager
def building(builder: CodeBuilder) -> Iterator[CodeBuilder]:
    """Add instructions inside to `builder`."""
    _builders.append(builder)
    try:
        with noting(builder.conditions, builder.items):
            yield builder
    finally:
        _builders.pop()


def is_building() -> bool:
    """Whether a body is running."""
    return bool(_builders)


def current(word: str = "this") -> CodeBuilder:
    """The code being written; a mistake naming `word` where there is none."""
    if not _builders:
        raise PlaceMistake(
            f"`{word}` outside of any code",
            expected="a method marked `@function`, `@interrupt`, `@naked` or `@entry`",
            got="code that runs while nothing is being assembled",
        )
    return _builders[-1]


def emit(mnemonic: str, *operands: object) -> None:
    """Add an instruction of the language's own making to the code being written."""
    builder = _builders[-1] if _builders else current(mnemonic)
    builder.add(mnemonic, operands)


def _checked(parts: tuple[Any, ...]) -> Statement:
    """The statement of these parts; a mistake if the machine has no such form."""
    statement = Statement(*parts)
    forms.check(statement)
    _statements[parts] = statement
    return statement


def accept(statements: Iterable[Statement]) -> None:
    """Take it that the form table lets these pass; an earlier process has looked."""
    _statements.update((tuple(one), one) for one in statements)


def place(label: Label) -> None:
    """Place `label` at the next instruction. A label has one place."""
    builder = current("place")
    if not isinstance(label, Label):
        raise PlaceMistake(
            f"`{label!r}` can't be placed", expected='`Label("name")`', got=type(label).__name__
        )
    if label in builder.placed:
        raise PlaceMistake(
            f"the label `{label.name}` has a place already",
            expected="one `place` for each label",
            got="a second one",
        )
    builder.check_end()
    builder.placed.add(label)
    builder.items.append(label)


def join(label: Label) -> None:
    """Place `label` at the next instruction if anything jumps there; without, the code after
    it is not reached that way."""
    if label in current().targets:
        place(label)


def align_code(boundary: int) -> None:
    """Pad so that the next instruction lies at a multiple of `boundary` bytes."""
    builder = current("align_code")
    if not isinstance(boundary, int) or boundary not in CODE_ALIGNMENTS:
        raise ValueRangeMistake(
            f"code can't be aligned to {described(boundary)}",
            expected=f"a power of two up to {CODE_ALIGNMENTS[-1]}",
            got=described(boundary),
        )
    builder.check_end()
    builder.items.append(Align(boundary))
