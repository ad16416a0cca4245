"""E06x: memory is used as its section allows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from iced_x86 import InstructionInfoFactory, Mnemonic

from pykasm.check.addressflow import AddressFlow
from pykasm.check.build import Build, FunctionAnalysis
from pykasm.check.convention import RESULTS
from pykasm.check.dataflow import writes_memory
from pykasm.check.finding import Finding, span_of
from pykasm.check.graph import Node
from pykasm.check.rule import build_check, function_check, rule
from pykasm.isa.statement import Address
from pykasm.lang.builder import GuardedAccess
from pykasm.lang.data import Storage
from pykasm.lang.operands import MemoryOperand, RegisterOperand
from pykasm.lang.types import TypeMeta, User, is_pointer, is_user
from pykasm.link.layout import Layout
from pykasm.objects.model import SectionFlags

E060 = rule(
    "E060",
    "a pointer that a program gave is followed outside of the copy routines",
    """It may point anywhere, into the kernel too, and its page may be missing. Only the copy
    routines check it and survive its faults.""",
)
E061 = rule(
    "E061",
    "a store to read-only data or to code",
    """The page is mapped without write permission: the store faults when it runs.""",
)
E062 = rule(
    "E062",
    "data is executed",
    """Pages of data are mapped without execute permission: the call faults when it runs.""",
)

E063 = rule(
    "E063",
    "a section both writable and executable",
    """Whoever can write there can run what they wrote. Pages have one set of permissions, so code
    and data that is written need sections of their own.""",
)

E064 = rule(
    "E064",
    "a field is written by code that is not of those who write it",
    """They keep it in step with other data and with what they are about to do, such as the state of
    a thread with the queue that it is in, or a count of references with who has one. All others
    only read it.""",
)

_FACTORY = InstructionInfoFactory()


@function_check
def user_pointers_are_copied(function: FunctionAnalysis) -> Iterator[Finding]:
    """Check memory operands whose base is a `User[T]`, by its name or in another register."""
    if function.routine.copies_user:
        return
    for _, node, _ in function.visits():
        for operand in node.line.written:
            base = operand._base if isinstance(operand, MemoryOperand) else None
            if base is not None and is_user(base._kind) and not _only_computes(node):
                yield _followed(function, node, base._text())
    addresses = _addresses_by_programs(function)
    if addresses is None:
        return
    for at, name in addresses.uses():
        node = function.graph.nodes[at]
        if not any(_is_by_user(operand) for operand in node.line.written):
            yield _followed(function, node, name)
    yield from _taken_for_own(function, addresses)


def _taken_for_own(function: FunctionAnalysis, addresses: AddressFlow[str]) -> Iterator[Finding]:
    """Find a program's pointers that become some of the kernel's own: arguments, what is stored,
    what is returned."""
    for at, name in addresses.arguments(partial(_pointer_parameters, function)):
        node = function.graph.nodes[at]
        mark = f"`{node.callee}` follows it as a pointer of the kernel's"
        yield _passed_on(function, node, name, mark, "the callee take")
    for at, name in addresses.stores():
        node = function.graph.nodes[at]
        if node.line.written and _is_kernels(node.line.written[0]):
            mark = "others follow it there as a pointer of the kernel's"
            yield _passed_on(function, node, name, mark, "the field be")
    results = function.routine.signature.results
    if results and is_pointer(results[0]) and not is_user(results[0]):
        for at, name in addresses.held({RESULTS[0]}, at=Mnemonic.RET):
            mark = "the caller follows it as a pointer of the kernel's"
            yield _passed_on(function, function.graph.nodes[at], name, mark, "the function return")


def _followed(function: FunctionAnalysis, node: Node, name: str) -> Finding:
    return Finding(
        E060,
        f"`{name}` was given by a program",
        span=span_of(node.line, name),
        mark="this follows it",
        fix="copy in what it points to, by a function marked `copies_user=True`",
        symbol=function.routine.symbol,
    )


def _is_kernels(place: object) -> bool:
    """Return whether a place is for pointers of the kernel's own."""
    kind = place._kind if isinstance(place, MemoryOperand) else None
    return kind is not None and is_pointer(kind) and not is_user(kind)


def _passed_on(function: FunctionAnalysis, node: Node, name: str, mark: str, who: str) -> Finding:
    return Finding(
        E060,
        f"`{name}` was given by a program",
        span=span_of(node.line, name),
        mark=mark,
        fix=f"copy in what it points to, or let {who} a `User[…]`",
        symbol=function.routine.symbol,
    )


def _pointer_parameters(function: FunctionAnalysis, call: Node) -> set[int]:
    """Return the registers of arguments that a callee takes for pointers of the kernel's."""
    callee = function.build.callees.get(call.callee or "")
    signature = callee.signature if callee is not None else None
    return {
        one.register.number
        for one in (signature.parameters if signature is not None else ())
        if one.register is not None and is_pointer(one.type) and not is_user(one.type)
    }


def _addresses_by_programs(function: FunctionAnalysis) -> AddressFlow[str] | None:
    """Return where a program's pointers are that the function has; None if it has none."""
    given = [role for role in function.routine.roles if is_user(role.type)]
    data = function.build.user_pointers
    routine = function.routine
    is_told = User in routine.operand_roles or not data.isdisjoint(routine.targets)
    if not given and not is_told:
        return None
    at_entry = frozenset(
        (role.register.number, role.name) for role in given if role.kind == "parameter"
    )
    nodes = function.graph.nodes
    made = partial(_made_by_program, data)
    return AddressFlow(nodes, at_entry, made, function.changed_by)


def _made_by_program(data: frozenset[str], _: int, node: Node) -> str | None:
    """Return the name of the program's pointer that an instruction copies; `data` has some."""
    if node.effects.mnemonic != Mnemonic.MOV:
        return None
    for operand in node.line.written[1:]:
        if isinstance(operand, RegisterOperand | MemoryOperand) and (
            is_user(_declared(operand)) or _is_datum(operand, data)
        ):
            return operand._text()
    return None


def _declared(operand: RegisterOperand | MemoryOperand) -> TypeMeta:
    """Return the type of an operand, that of its field where it is one, whatever it is seen as."""
    is_field = isinstance(operand, MemoryOperand) and operand._within is not None
    return operand._within.field.type if is_field else operand._kind  # type: ignore[union-attr]


def _is_datum(operand: object, data: frozenset[str]) -> bool:
    """Return whether an operand is one of the `data`, whatever it is seen as."""
    reference = operand._reference if isinstance(operand, MemoryOperand) else None
    return reference is not None and reference._target() in data


def _is_by_user(operand: object) -> bool:
    """Return whether the base of an operand is a program's pointer by its name."""
    base = operand._base if isinstance(operand, MemoryOperand) else None
    return base is not None and is_user(base._kind)


def _only_computes(node: Node) -> bool:
    return bool(node.effects.instruction.mnemonic == Mnemonic.LEA)


@function_check
def read_only_memory_is_not_written(function: FunctionAnalysis) -> Iterator[Finding]:
    """Check stores through the symbol of code or of a `rodata`, or through a register with its
    address."""
    for _, node, _ in function.visits():
        target = _target(node)
        if target is not None and _is_read_only(function, target) and writes_memory(node):
            yield _stored(function, node, target)
    taken = function.build.analysis.local(function.routine.symbol).addresses
    if any(_is_read_only(function, one) for one in taken):
        made = partial(_address_taken, function)
        addresses = AddressFlow(function.graph.nodes, frozenset(), made, function.changed_by)
        for at, symbol in addresses.uses(stores=True):
            yield _stored(function, function.graph.nodes[at], symbol)


def _stored(function: FunctionAnalysis, node: Node, symbol: str) -> Finding:
    is_code = symbol in function.build.routines
    return Finding(
        E061,
        f"`{symbol}` is {'code' if is_code else 'read-only'}",
        span=span_of(node.line),
        mark="this writes to it",
        fix="write to a `data` instead" if is_code else "declare it with `data` if it is to change",
        symbol=function.routine.symbol,
    )


def _is_read_only(function: FunctionAnalysis, symbol: str) -> bool:
    """Return whether the memory of a symbol is mapped without write permission."""
    datum = function.build.data.get(symbol)
    is_rodata = datum is not None and datum._storage is Storage.RODATA
    return is_rodata or symbol in function.build.routines


def _address_taken(function: FunctionAnalysis, _: int, node: Node) -> str | None:
    """Return the symbol of read-only memory whose address an instruction puts in a register."""
    for one in node.line.references:
        is_memory = isinstance(node.line.statement.operands[one.operand], Address)
        is_address = not is_memory or node.effects.mnemonic == Mnemonic.LEA
        if is_address and isinstance(one.target, str) and _is_read_only(function, one.target):
            return one.target
    return None


def _target(node: Node) -> str | None:
    """Return the symbol that the instruction's memory operand lies in."""
    for operand in node.line.written:
        if isinstance(operand, MemoryOperand) and operand._reference is not None:
            target = operand._reference._target()
            return target if isinstance(target, str) else None
    return None


@function_check
def fields_are_written_by_their_writers(function: FunctionAnalysis) -> Iterator[Finding]:
    """Check stores to fields that name who writes them."""
    symbol = function.routine.symbol
    subsystem = symbol.rpartition(".")[0]
    for access in function.build.analysis.local(symbol).accesses:
        if access.writers and subsystem not in access.writers:
            node = function.graph.nodes[access.at]
            if writes_memory(node) and not _is_by_method(function, access):
                yield Finding(
                    E064,
                    f"`{access.field}` is written by `{subsystem}`",
                    span=span_of(node.line),
                    mark=f"only {_either(access.writers)} writes it",
                    fix="call a function of what writes it, or name this subsystem in its "
                    "`written_by=` too",
                    symbol=symbol,
                )


def _is_by_method(function: FunctionAnalysis, access: GuardedAccess) -> bool:
    """Return whether the code of a struct's method, in place, accesses what the struct writes."""
    return any(
        access.at in indexes and code.name.rpartition(".")[0] in access.writers
        for code, indexes in function.graph.inlined
    )


def _either(names: Sequence[str]) -> str:
    """Return `names` as they are read out: "`A`, `B` or `C`"."""
    *others, last = (f"`{name}`" for name in names)
    return f"{', '.join(others)} or {last}" if others else last


@function_check
def data_is_not_executed(function: FunctionAnalysis) -> Iterator[Finding]:
    """Check calls of, and jumps to, the symbol of a datum."""
    for _, node, _ in function.visits():
        if node.callee is not None and node.callee in function.build.data:
            yield Finding(
                E062,
                f"`{node.callee}` is data",
                span=span_of(node.line),
                mark="this runs it as code",
                fix="call a function, or through a function pointer",
                symbol=function.routine.symbol,
            )


@build_check
def nothing_is_written_and_run(build: Build) -> Iterator[Finding]:
    """Check the sections of the image's own layout: none takes in code and data that is written."""
    layout: Layout | None = build.program.layout
    sections = layout.sections if layout is not None else ()
    executed, stored = (
        [one.name for one in build.sections if one.flags & flag]
        for flag in (SectionFlags.EXECUTE, SectionFlags.WRITE)
    )
    for output in sections:
        code = output.taken(executed)
        written = output.taken(stored) if code else []
        if written and output.declared is not None:
            yield Finding(
                E063,
                f"`{output.name}` takes in code and data that is written",
                span=output.declared,
                mark=f"`{code[0]}` and `{written[0]}`",
                fix="a section for each, `r-x` and `rw-`",
            )
