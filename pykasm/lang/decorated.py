"""What decorators stand above, and what classes have no options."""

from __future__ import annotations

import dis
from collections.abc import Mapping
from inspect import unwrap
from types import CodeType, FunctionType
from typing import Any

from pykasm.errors import DeclarationMistake
from pykasm.isa.registers import REGISTERS
from pykasm.source import Source, line_span

_ASYNCHRONOUS = 0x80 | 0x200
"""The flags of coroutines and of asynchronous generators (`inspect.CO_COROUTINE` and others)."""


def check_decorated(decorator: str, body: Any) -> None:
    """Raise a mistake unless `body`, which stands below `@decorator`, is a plain function."""
    if not isinstance(body, FunctionType):
        name = getattr(body, "__name__", None) or getattr(body, "name", None)
        raise DeclarationMistake(
            f"`@{decorator}` stands above something that is no function",
            expected=f"`@{decorator}` right above a `def`, as the last of its decorators",
            got=_other(body, name),
            fix="leave one of the decorators out" if name else _called(decorator),
        )
    code = unwrap(body).__code__
    if code.co_flags & _ASYNCHRONOUS:
        raise DeclarationMistake(
            f"`{body.__name__}` is asynchronous",
            expected="`def`: the machine knows no coroutines",
            got="`async def`",
            span=line_span(_first_line(code)),
        )
    _check_names(code)


def _check_names(code: CodeType) -> None:
    """Raise a mistake where Python gives the name of a register to something else."""
    names = REGISTERS.keys() & {*code.co_varnames, *code.co_cellvars}
    for one in dis.get_instructions(code) if names else ():
        if one.opname.startswith("STORE") and one.argval in names:
            line = one.positions.lineno if one.positions is not None else None
            raise DeclarationMistake(
                f"`{one.argval}` is a register, and Python's `=` gives the name to something else",
                expected=f"`mov({one.argval}, …)`, or another name",
                got=f"`{one.argval} = …`",
                span=line_span(Source(code.co_filename, line or code.co_firstlineno)),
            )


def _other(body: Any, name: object) -> str:
    kind = type(body).__name__
    if isinstance(body, type):
        return f"the class `{name}`"
    return f"`{name}`, a {kind}" if isinstance(name, str) else repr(body)


def _called(decorator: str) -> str:
    return f"`@{decorator}(…)` takes its options by name"


def _first_line(code: CodeType) -> Source:
    return Source(code.co_filename, code.co_firstlineno)


def refuse_options(owner: type, options: Mapping[str, object]) -> None:
    """Raise a mistake for `options` of the class `owner`, which is no struct."""
    if options:
        bases = ", ".join(one.__name__ for one in owner.__bases__)
        raise DeclarationMistake(
            f"the class `{owner.__name__}` has no options",
            expected=f"`class {owner.__name__}({bases}):`",
            got=", ".join(f"{name}=…" for name in options),
            fix="`align=`, `packed=` and `size=` are options of structs",
        )
