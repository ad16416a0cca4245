"""The writing of a routine: what its registers hold, its frame, its way in and out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import CodeType
from typing import Any, NamedTuple

from pykasm.errors import (
    DeclarationMistake,
    FlowMistake,
    RegisterMistake,
    UnusedResultMistake,
    report,
)
from pykasm.isa.code import Line
from pykasm.isa.registers import Register, general
from pykasm.lang.builder import CodeBuilder, OutOfLine, emit
from pykasm.lang.convention import (
    CALLEE_SAVED,
    CALLER_SAVED,
    INTERRUPT_FRAME_SIZE,
    SCRATCH_ORDER,
    SLOT,
    STACK_ALIGNMENT,
    Kind,
    Signature,
)
from pykasm.lang.numbers import U64
from pykasm.lang.operands import MemoryOperand, RegisterOperand
from pykasm.lang.registers import rbp, rsp
from pykasm.lang.role import Role
from pykasm.lang.routine import Routine
from pykasm.lang.types import TypeMeta
from pykasm.lang.unit import Unit
from pykasm.source import Moment, Source, author_moment, line_span


class Exit(NamedTuple):
    """Where a function is left: stands for its epilogue, then `last` (`ret`, `iretq`, `jmp`)."""

    source: Source
    body_line: int
    last: Line


class RoutineBuilder(CodeBuilder):
    """Writes one routine; knows which register holds what and what the frame looks like."""

    def __init__(
        self,
        unit: Unit,
        symbol: str,
        kind: Kind,
        bits: int,
        signature: Signature,
        code: CodeType | None,
        declared: Source,
    ) -> None:
        super().__init__(symbol, bits, code, declared)
        self.unit = unit
        self.kind = kind
        self.signature = signature
        self.error_code = False
        self.holders: dict[int, Role] = {}
        self.roles: list[Role] = []
        self.kept: list[Register] = []
        self.locals: list[MemoryOperand] = []
        self.local_bytes = 0
        self.results: list[Role] = []
        self.prologue_items = 0
        self.error: MemoryOperand | None = None
        """Where an error is kept while things are undone."""

    # Registers

    def assign(self, role: Role) -> None:
        """Begin the life of `role` in its register."""
        self.release(role.register)
        role.begin(len(self.items))
        self.roles.append(role)
        self.holders[role.register.number] = role

    def holds(self, role: Role) -> bool:
        """Whether `role` still lives in its register."""
        return self.holders.get(role.register.number) is role

    def release(self, register: Register) -> None:
        """Free the register for other roles."""
        role = self.holders.pop(register.number, None)
        if role is not None:
            role.end(len(self.items))

    def clobber(self, registers: Iterable[Register]) -> None:
        """End what lives in `registers`: a call may change them."""
        for register in registers:
            self.release(register)

    def take(
        self, kind: str, candidates: tuple[Register, ...], value: TypeMeta, name: str = ""
    ) -> Role:
        """A free one of `candidates` for a new role of `kind` with values of type `value`.

        Without a `name` it has that of the variable that the author's code assigns it to.
        """
        for register in candidates:
            if register.number not in self.holders:
                own = general(register.number, value._size)
                moment = self._beginning if name else author_moment()
                role = Role(kind, own, value, name, moment)
                self.assign(role)
                return role
        raise RegisterMistake(
            f"no register is left for `{kind}`",
            expected="one of " + ", ".join(one.name for one in candidates)
            if candidates
            else "one that the function's `clobbers=` names",
            got=", ".join(
                f"{one.name} holds `{self.holders[one.number].name}`" for one in candidates
            )
            or "none of those that `scratch` hands out",
            fix="`release` one, use a `local`, or split the function",
        )

    @property
    def scratch_registers(self) -> tuple[Register, ...]:
        """Where `scratch` looks: among the registers that the function says it changes."""
        if self.signature.clobbers is None:
            return SCRATCH_ORDER
        return tuple(one for one in SCRATCH_ORDER if one in self.signature.clobbers)

    @property
    def _beginning(self) -> Moment | None:
        """The line of the `def`, as a point in the running of the body."""
        return Moment(self._code, 0, self.declared.line) if self._code is not None else None

    def keep(self, value: TypeMeta, name: str = "") -> Role:
        """A callee-saved register; the prologue saves it and the epilogue restores it."""
        role = self.take("keep", CALLEE_SAVED, value, name)
        register = general(role.register.number, SLOT)
        if register not in self.kept:
            self.kept.append(register)
        return role

    def local(self, kind: TypeMeta, name: str) -> MemoryOperand:
        """A stack slot of type `kind`, addressed from rbp."""
        if kind._align > STACK_ALIGNMENT:
            raise DeclarationMistake(
                f"a local can't lie at a multiple of {kind._align} bytes",
                expected=f"a type aligned to {STACK_ALIGNMENT} bytes at most, as the stack is",
                got=f"{kind!r}, aligned to {kind._align}",
                fix="`bss`, or a larger local of bytes in which you round the address up",
            )
        # an error code puts rbp between two multiples of 16
        above = SLOT if self.error_code else 0
        end = self.local_bytes + kind._size + above
        self.local_bytes = end + -end % max(1, kind._align) - above
        made = MemoryOperand(kind, base=rbp, displacement=-self.local_bytes, name=name)
        self.locals.append(made)
        return made

    # Leaving the function

    @property
    def falls_through(self) -> bool:
        """Whether control can reach the end of what is written so far."""
        last = self.items[-1] if self.items else None
        return not isinstance(last, Exit) and super().falls_through

    def leave(
        self, mnemonic: str, *operands: object, in_place: tuple[RegisterOperand, ...] = ()
    ) -> None:
        """Write the epilogue, then `mnemonic`, which ends the routine here and takes what is
        `in_place` with it."""
        emit(mnemonic, *operands)
        self.take_in_place(in_place)
        if self.kind in (Kind.FUNCTION, Kind.INTERRUPT):
            last = self.items.pop()
            assert isinstance(last, Line)
            made: Any = Exit(last.source, last.body_line, last)  # no item: `_expand` ends it
            self.items.append(made)

    def finish(self) -> None:
        """End the body: report what was left open, and put prologue and epilogues in."""
        if self.kind in (Kind.FUNCTION, Kind.INTERRUPT) and self.falls_through:
            self._leave_at_end()
        self._end_lives()
        super().finish()
        self._report_unused_results()
        self._expand()

    def _report_unused_results(self) -> None:
        for role in self.results:
            if not role.used:
                report(
                    UnusedResultMistake(
                        "the result of this call is never used",
                        mark=f"returns a {role.type!r}",
                        expected="a name for it that later code reads",
                        got="nothing",
                        fix="`ignore(…)` around the call says that it may be dropped",
                        span=role.moment.span if role.moment else None,
                    )
                )

    @property
    def _unreached(self) -> Line | None:
        """The first instruction behind the last way out, if nothing leads there."""
        behind: Line | None = None
        for item in reversed(self.items):
            if isinstance(item, Exit):
                return behind
            if not isinstance(item, Line):
                return None
            behind = item
        return None

    def _leave_at_end(self) -> None:
        unreached = self._unreached
        if unreached is not None and self.signature.results:
            report(
                FlowMistake(
                    f"nothing leads to what stands behind the last `ret` of `{self.name}`",
                    expected="`ret` as the last of all",
                    got="code behind it, which never runs",
                    fix="take it out, or put it before the `ret`",
                    span=line_span(unreached.source),
                )
            )
        elif self.signature.results or self.signature.never_returns:
            report(
                FlowMistake(
                    f"`{self.name}` can run off its end",
                    expected=self._ways_out,
                    got="code that runs off the end",
                    span=line_span(self.declared),
                )
            )
        with self.counting(self.last_source):
            self.leave("iretq" if self.kind is Kind.INTERRUPT else "ret")

    @property
    def _ways_out(self) -> str:
        if self.signature.never_returns:
            return "a loop or call at the end that never returns"
        return "`ret(value)` on every way out"

    def _expand(self) -> None:
        if self.kind not in (Kind.FUNCTION, Kind.INTERRUPT):
            return
        body, self.items = self.items, []
        with self.counting(self.declared):
            self._prologue()
        self.prologue_items = len(self.items)
        moved = []
        for item in body:
            moved.append(len(self.items))
            if isinstance(item, Exit):
                with self.counting(item.source, item.body_line):
                    self._epilogue()
                item = item.last
            self.items.append(item)
        moved.append(len(self.items))
        self.renumber(moved.__getitem__)

    def renumber(self, moved: Callable[[int], int]) -> None:
        """Give all recorded positions the new indexes of their items."""
        super().renumber(moved)
        for role in self.roles:
            role.renumber(moved)

    def _live_roles(self) -> list[Role]:
        return [*self.holders.values()]

    def _write_now(self, code: OutOfLine) -> None:
        """Write code that finds the registers as they were where it is gone to from."""
        for role in code.roles:
            role.resume(len(self.items))
        self.holders = {role.register.number: role for role in code.roles}
        super()._write_now(code)
        self._end_lives()

    def _end_lives(self) -> None:
        """End the life of every role that has its register: nothing follows."""
        for role in self.holders.values():
            role.end(len(self.items))
        self.holders = {}

    @property
    def _saved(self) -> tuple[Register, ...]:
        kept = tuple(self.kept)
        return CALLER_SAVED + kept if self.kind is Kind.INTERRUPT else kept

    @property
    def frame_bytes(self) -> int:
        """Bytes below rbp for locals, rounded so that calls find the stack aligned."""
        above = 2 * SLOT
        if self.kind is Kind.INTERRUPT:
            above = INTERRUPT_FRAME_SIZE + SLOT + SLOT * self.error_code
        fixed = above + SLOT * len(self._saved)
        whole = fixed + self.local_bytes
        return self.local_bytes + -whole % STACK_ALIGNMENT

    def _prologue(self) -> None:
        emit("push", rbp)
        emit("mov", rbp, rsp)
        if self.frame_bytes:
            emit("sub", rsp, self.frame_bytes)
        for register in self._saved:
            emit("push", RegisterOperand(register, U64))
        if self.kind is Kind.INTERRUPT:
            emit("cld")  # the interrupted code may have set DF
            self._interrupt_parameters()

    def _interrupt_parameters(self) -> None:
        """Give the handler what it declares: the frame's address, then the error code."""
        above = SLOT * (1 + self.error_code)
        frame = MemoryOperand(U64, base=rbp, displacement=above)
        code = MemoryOperand(U64, base=rbp, displacement=SLOT)
        for parameter, value in zip(self.signature.parameters, (frame, code), strict=False):
            assert parameter.register is not None
            target = RegisterOperand(parameter.register, U64)
            emit("lea" if value is frame else "mov", target, value)

    def _epilogue(self) -> None:
        for register in reversed(self._saved):
            emit("pop", RegisterOperand(register, U64))
        emit("leave")
        if self.error_code:
            emit("add", rsp, SLOT)

    def routine(self, section: str, **options: Any) -> Routine:
        """The finished routine; `options` are further fields of `Routine`."""
        framed = self.kind in (Kind.FUNCTION, Kind.INTERRUPT)
        return Routine(
            self.name,
            self.kind,
            self.bits,
            section,
            self.declared,
            self.signature,
            self.items,
            self.roles,
            self.locals,
            self.frame_bytes if framed else 0,
            self.prologue_items,
            self.kept,
            self.targets,
            allowances=self.allowances,
            lock_events=self.lock_events,
            guarded_accesses=self.guarded_accesses,
            said=self.said,
            taken_as=self.taken_as,
            element_accesses=self.element_accesses,
            inlined=self.inlined,
            operand_roles=self.operand_roles,
            **options,
        )
