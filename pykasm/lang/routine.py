"""Routines: functions, interrupt handlers, stubs, as they are when finished."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from pykasm.isa.code import Item, Label, Line
from pykasm.isa.registers import Register
from pykasm.lang.allowances import Allowance
from pykasm.lang.builder import ElementAccess, GuardedAccess, InlineCode, OperandRole, Said
from pykasm.lang.context import Context
from pykasm.lang.convention import Kind, Signature
from pykasm.lang.locking import NO_LOCKS, LockContract, LockEvent
from pykasm.lang.operands import MemoryOperand
from pykasm.lang.role import Role
from pykasm.lang.types import TypeMeta
from pykasm.objects.debug import EntryFrame
from pykasm.source import Source

_FROM_OUTSIDE = (EntryFrame.INTERRUPT, EntryFrame.INTERRUPT_WITH_ERROR, EntryFrame.SYSCALL)


@dataclass(slots=True, eq=False)
class Routine:
    """A finished routine with all that listings, debuggers and checks want to know."""

    symbol: str
    kind: Kind
    bits: int
    section: str
    declared: Source
    signature: Signature
    items: list[Item]
    roles: list[Role] = field(default_factory=list)
    locals: list[MemoryOperand] = field(default_factory=list)
    frame_bytes: int = 0
    prologue_items: int = 0
    kept: list[Register] = field(default_factory=list)
    targets: set[Label | str] = field(default_factory=set)
    entered: EntryFrame = EntryFrame.CALL
    pushed: int = 0
    stack: int = 0
    maskable: bool = False
    recursion: int = 0
    interruptible: int = 0
    exported: bool = False
    sleeps: bool = False
    moves: bool = False
    context: Context | None = None
    locks: LockContract = NO_LOCKS
    copies_user: bool = False
    doc: str = ""
    allowances: list[Allowance] = field(default_factory=list)
    lock_events: list[LockEvent] = field(default_factory=list)
    guarded_accesses: list[GuardedAccess] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    taken_as: set[tuple[str, TypeMeta]] = field(default_factory=set)
    element_accesses: list[ElementAccess] = field(default_factory=list)
    inlined: list[InlineCode] = field(default_factory=list)
    operand_roles: list[OperandRole] = field(default_factory=list)

    @property
    def is_of_program(self) -> bool:
        """Whether interrupts or system calls of programs lead here, and no others, as it states: it
        runs in the program's thread, on whose stack there is nothing else."""
        return self.entered in _FROM_OUTSIDE and self.context == "thread"

    def with_items(self, items: list[Item]) -> Routine:
        """Return the routine with `items`, as many as it has, each in place of the one there.

        Code in place is known by its first and last instruction: where one of them is no
        instruction any more, it is not told of.
        """
        lines = {id(old): new for old, new in zip(self.items, items, strict=True)}
        inlined = [
            code._replace(first=first, last=last)
            for code in self.inlined
            if isinstance(first := lines[id(code.first)], Line)
            and isinstance(last := lines[id(code.last)], Line)
        ]
        return replace(self, items=items, inlined=inlined)
