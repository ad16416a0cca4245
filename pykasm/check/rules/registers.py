"""E01x: what registers and flags hold when they are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from iced_x86 import Mnemonic, OpKind, RflagsBits

from pykasm.check.build import Build, FunctionAnalysis
from pykasm.check.clobbers import ClobberAnalysis, ClobberSite
from pykasm.check.convention import CALLEE_SAVED, RESULTS, register_name
from pykasm.check.effects import ALL_LANES, LANES, RBP, RSP, STATUS_FLAGS
from pykasm.check.finding import Finding, span_of
from pykasm.check.graph import Graph, Node
from pykasm.check.missingvalues import may_lack
from pykasm.check.operandroles import read_roles
from pykasm.check.registerflow import RegisterFlow
from pykasm.check.rule import any_mode, build_check, function_check, rule
from pykasm.check.state import NEVER_WRITTEN, UNKNOWN, Clobber, Value
from pykasm.errors import Note
from pykasm.lang.builder import InlineCode
from pykasm.lang.convention import Kind
from pykasm.lang.role import Role

E010 = rule(
    "E010",
    "a register is read that some path never wrote",
    """The register still holds what the caller had in it, so the code works by accident, or only
    until somebody changes the caller.""",
)
E011 = rule(
    "E011",
    "a register is read after a call that may have changed it",
    """A call may change every caller-saved register (System V ABI AMD64, figure 3.4). That this
    callee leaves it alone today is not a promise, unless it states `clobbers=`.""",
)
E012 = rule(
    "E012",
    "a named value is read after its register was clobbered",
    """The name still stands in the source, but its register was given away: to a call, or to
    another name. The code reads something else under the old name.""",
)
E013 = rule(
    "E013",
    "a flag is read that the code before did not leave defined",
    """A call, and some instructions, leave flags undefined. The branch depends on chance.""",
)
E014 = rule(
    "E014",
    "a callee-saved register is not restored on some path",
    """Callers rely on rbx, rbp and r12 to r15. They fail later, far away from the fault.""",
)
E015 = rule(
    "E015",
    "DF is set at a call or return",
    """Everybody's string instructions go upwards (System V ABI AMD64, 3.2.1). With DF set they
    overwrite what lies below.""",
)

E016 = rule(
    "E016",
    "a function changes a register that its contract leaves alone",
    """Callers go on using the register, as `clobbers=` tells them that they can.""",
)

E017 = rule(
    "E017",
    "code in place changes a register that its contract leaves alone",
    """The code around it goes on using the register, as `@inline(changes=…)` tells it that it
    can.""",
)

_FLAG_SAVERS = (Mnemonic.PUSHFQ, Mnemonic.SYSCALL)
"""Instructions that read flags only to keep them: those of `syscall` go to r11."""

_FLAG_NAMES = {
    RflagsBits.CF: "CF",
    RflagsBits.PF: "PF",
    RflagsBits.AF: "AF",
    RflagsBits.ZF: "ZF",
    RflagsBits.SF: "SF",
    RflagsBits.OF: "OF",
}


@function_check
def values_are_there(function: FunctionAnalysis) -> Iterator[Finding]:
    """Check the registers that instructions read."""
    for index, node, state in function.visits():
        registers = state.registers
        for number, _ in node.effects.reads:
            if registers[number] is not UNKNOWN:
                break
        else:
            continue
        roles = read_roles(node)
        for number, lanes in node.effects.reads:
            value = registers[number]
            role = roles.get(number)
            if role is not None and (value.undefined & lanes or not _holds(value, role)):
                if value.clobber is not NEVER_WRITTEN or not _saves(node, number, value):
                    yield from _lost_role(function, index, number, value, role)
            elif value.undefined & lanes and number != RSP and not _saves(node, number, value):
                yield from _missing(function, index, number, value)


def _saves(node: Node, number: int, value: Value) -> bool:
    """Return whether an instruction saves a register, which is no use of what is in it."""
    if node.effects.mnemonic == Mnemonic.PUSH:
        return bool(node.effects.instruction.op0_kind == OpKind.REGISTER)
    is_store = node.effects.mnemonic == Mnemonic.MOV and node.effects.frame_store_size
    return bool(is_store) and number in CALLEE_SAVED and value.entry == number


@function_check
def values_in_place_are_there(function: FunctionAnalysis) -> Iterator[Finding]:
    """Check the registers that calls and returns take values from without moving them."""
    for index, node, state in function.visits():
        for operand in node.line.in_place:
            number, lanes = operand._register.number, LANES[operand._register.size]
            value, role = state.registers[number], operand._role
            is_undefined = bool(value.undefined & lanes)
            if role is not None and (is_undefined or not _holds(value, role)):
                yield from _lost_role(function, index, number, value, role)
            elif role is None and is_undefined:
                yield from _missing(function, index, number, value)


def _holds(value: Value, role: Role) -> bool:
    """Return whether a register with `value` still holds that of `role`."""
    return value.role is role or (value.role is None and not value.stale)


def _lost_role(
    function: FunctionAnalysis, index: int, number: int, value: Value, role: Role
) -> Iterator[Finding]:
    """Yield that a register has not the value of `role`, if it may be so."""
    if may_lack(function, index, number, value, role):
        is_new = value.clobber is not None and value.clobber.instruction is None
        make = _unwritten_role if is_new else _clobbered_role
        yield make(function, function.graph.nodes[index], number, value, role)


def _unwritten_role(
    function: FunctionAnalysis, node: Node, number: int, value: Value, role: Role
) -> Finding:
    return Finding(
        E010,
        f"`{role.name}` is read before it has a value",
        span=span_of(node.line, role.name),
        mark=f"{register_name(number)} was not written on some path to here",
        fix=f"give `{role.name}` a value on every path",
        symbol=function.routine.symbol,
    )


def _clobbered_role(
    function: FunctionAnalysis, node: Node, number: int, value: Value, role: Role
) -> Finding:
    name = register_name(number)
    notes, until = _ending(function, value.clobber, name, "this writes")
    called = value.clobber is not None and value.clobber.call
    other = f", and now `{value.role.name}`" if value.role is not None else ""
    return Finding(
        E012,
        f"`{role.name}` is read after its register was clobbered",
        span=span_of(node.line, role.name),
        mark=f"{name} held `{role.name}`{until}{other}",
        notes=notes,
        fix=f"keep it across the call: `{role.name} = keep(...)`"
        if called
        else f"keep `{role.name}` in a register of its own",
        symbol=function.routine.symbol,
    )


def _ending(
    function: FunctionAnalysis,
    clobber: Clobber | None,
    name: str,
    how: str = "this leaves nothing of use in",
) -> tuple[list[Note], str]:
    """Return a note about the instruction that destroyed a value, and until which line it lived.
    `how` is what that does to `name` if it is no call."""
    if clobber is None or clobber.instruction is None:
        return [], ""
    line = function.graph.nodes[clobber.instruction].line
    what = "this call may change" if clobber.call else how
    return [Note(span_of(line), f"{what} {name}")], f" until line {line.source.line}"


def _missing(
    function: FunctionAnalysis, index: int, number: int, value: Value
) -> Iterator[Finding]:
    """Yield that a register has no value, if it may be so."""
    if may_lack(function, index, number, value, None):
        yield _unwritten(function, function.graph.nodes[index], number, value)


def _unwritten(function: FunctionAnalysis, node: Node, number: int, value: Value) -> Finding:
    name = register_name(number)
    notes, _ = _ending(function, value.clobber, name)
    if notes:
        return Finding(
            E011,
            f"`{name}` is read after a call that may have changed it",
            span=span_of(node.line),
            notes=notes,
            fix="keep the value in a `keep` register, or use the call's result by its name",
            symbol=function.routine.symbol,
        )
    narrow = "part of " if value.undefined != ALL_LANES else ""
    return Finding(
        E010,
        f"{narrow}`{name}` is read before it is written",
        span=span_of(node.line),
        mark=f"some path to here leaves {narrow}{name} as the caller had it",
        fix="write all of it first (`movzx` widens a narrow value)"
        if narrow
        else "give it a value on every path",
        symbol=function.routine.symbol,
    )


@function_check
def results_are_there(function: FunctionAnalysis) -> Iterator[Finding]:
    """Check the registers of results where a function returns."""
    if function.routine.kind is not Kind.FUNCTION:
        return
    for index, node, state in function.visits():
        if node.effects.mnemonic != Mnemonic.RET:
            continue
        looked_at = {operand._register.number for operand in node.line.in_place}
        for number, kind in zip(RESULTS, function.routine.signature.results, strict=False):
            if number in looked_at:
                continue
            if state.registers[number].undefined & LANES[kind._size]:
                yield from _missing(function, index, number, state.registers[number])


@function_check
def flags_are_defined(function: FunctionAnalysis) -> Iterator[Finding]:
    """Check the flags that instructions read."""
    for _, node, state in function.visits():
        missing = node.effects.flags_read & state.undefined_flags & STATUS_FLAGS
        if not missing or node.effects.mnemonic in _FLAG_SAVERS:
            continue
        names = " and ".join(name for bit, name in _FLAG_NAMES.items() if bit & missing)
        notes, _ = _ending(function, state.flag_clobber, names)
        yield Finding(
            E013,
            f"{names} is read, but the code before leaves it undefined",
            span=span_of(node.line),
            notes=notes,
            fix="compare or test right before the branch",
            symbol=function.routine.symbol,
        )


@function_check
def saved_registers_are_restored(function: FunctionAnalysis) -> Iterator[Finding]:
    """Check the callee-saved registers at every way out of a function."""
    if function.routine.kind is not Kind.FUNCTION:
        return
    for _, node, state in function.visits():
        if not node.leaves or node.effects.instruction.mnemonic == Mnemonic.UD2:
            continue
        for number in CALLEE_SAVED:
            if state.registers[number].entry != number:
                name = register_name(number)
                yield Finding(
                    E014,
                    f"`{name}` is not what the caller had in it",
                    span=span_of(node.line),
                    mark=f"some path to here changed {name} and did not restore it",
                    fix="take the register with `keep`, which saves it"
                    if number != RBP
                    else "leave rbp to the prologue",
                    symbol=function.routine.symbol,
                )


@build_check
def contracts_leave_registers_alone(build: Build) -> Iterator[Finding]:
    """Check the caller-saved registers that functions with `clobbers=` change."""
    clobbers = ClobberAnalysis(build)
    for symbol, callee in build.callees.items():
        if callee.signature is not None and callee.signature.clobbers is not None:
            key = build.contracts.key(clobbers.open_callees(symbol))
            if build.contracts.is_known(key):
                continue
            wrong = [one for one in clobbers.sites(symbol) if one.number not in callee.changed]
            yield from (_changed(symbol, one) for one in wrong)
            if not wrong:
                build.contracts.keep(key)


def _changed(symbol: str, site: ClobberSite) -> Finding:
    name = register_name(site.number)
    who = f"`{site.callee}`" if site.callee is not None else "this"
    return Finding(
        E016,
        f"`{symbol}` changes `{name}`, and its `clobbers=` does not say so",
        span=span_of(site.line),
        mark=f"{who} changes {name}, and nothing restores it",
        fix=f"restore it on every path, or name {name} in `clobbers=`",
        symbol=symbol,
    )


@any_mode
@function_check
def inline_code_leaves_registers_alone(function: FunctionAnalysis) -> Iterator[Finding]:
    """Check the registers that the code of inline functions changes."""
    graph = function.graph
    for code, within in graph.inlined:
        written = 0
        for index in within:
            written |= _may_change(function, graph.nodes[index])
        suspects = [n for n in range(16) if written >> n & 1 and n not in (*code.changed, RSP)]
        known = function.build.restoring
        shape = (*suspects, *_shape(graph, within)) if suspects else ()
        if suspects and shape not in known:
            flow = RegisterFlow(graph, function.build.callees, within)
            found = [*_changed_in_place(function, code, suspects, flow)]
            if not found:
                known.add(shape)
            yield from found


def _shape(graph: Graph, within: range) -> Iterator[object]:
    """Yield what the registers behind the code `within` depend on, wherever that lies."""
    for index in within:
        node = graph.nodes[index]
        yield node.callee or node.line.statement
        yield tuple(successor - within.start for successor in node.successors)


def _may_change(function: FunctionAnalysis, node: Node) -> int:
    """Return the registers that an instruction may change, as a bit set of their numbers."""
    if node.is_call:
        return sum(1 << number for number in function.changed_by(node))
    return node.effects.may_write


def _changed_in_place(
    function: FunctionAnalysis, code: InlineCode, suspects: Sequence[int], flow: RegisterFlow
) -> Iterator[Finding]:
    """Yield which of the `suspects` differ where control goes on behind the code."""
    for number in suspects:
        if all(state.registers[number].entry == number for state in flow.exits.values()):
            continue
        sites = [
            (state.registers[number].entry != number, index)
            for index, node, state in flow.visits()
            if _may_change(function, node) >> number & 1
        ]  # in a loop the register is another one already where it is changed first
        yield _changed_by_inline(function, code, number, function.graph.nodes[min(sites)[1]])


def _changed_by_inline(
    function: FunctionAnalysis, code: InlineCode, number: int, node: Node
) -> Finding:
    register, parameter = register_name(number), code.named.get(number)
    name = f"the register of `{parameter}`" if parameter is not None else f"`{register}`"
    stated = f'"{parameter}"' if parameter is not None else register
    who = f"`{node.callee}`" if node.is_call and node.callee is not None else "this"
    return Finding(
        E017,
        f"`{code.name}` changes {name}, and its `changes=` does not say so",
        span=span_of(node.line),
        mark=f"{who} changes it, and nothing restores it",
        fix=f"restore it on every path, or name {stated} in `changes=`",
        symbol=function.routine.symbol,
    )


@function_check
def strings_go_upwards(function: FunctionAnalysis) -> Iterator[Finding]:
    """Check DF where other code takes over."""
    for _, node, state in function.visits():
        leaves = node.leaves and (function.is_framed or _leads_to_thread(function, node))
        if state.direction and (node.is_call or leaves) and _is_handed_over(function, node):
            yield Finding(
                E015,
                "DF may be set when other code runs",
                span=span_of(node.line),
                mark="some path to here set DF",
                fix="`cld()` after the string instruction",
                symbol=function.routine.symbol,
            )


def _leads_to_thread(function: FunctionAnalysis, node: Node) -> bool:
    """Return whether a jump goes on in a program's thread; other naked code jumps to its like."""
    target = function.build.routines.get(node.callee or "")
    return target is not None and target.routine.is_of_program


def _is_handed_over(function: FunctionAnalysis, node: Node) -> bool:
    """Return whether code that relies on DF comes next: interrupted code gets its flags back."""
    return node.effects.instruction.mnemonic not in (Mnemonic.IRETQ, Mnemonic.UD2)
