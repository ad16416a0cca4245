"""What to write in place of a value of Python's that is no operand."""

from __future__ import annotations

from types import FunctionType, MethodType

from pykasm.errors import in_one_line
from pykasm.lang.condition import Condition
from pykasm.lang.expression import Expression
from pykasm.lang.types import TypeMeta


def hint_for(value: object) -> str:
    """How what `value` was meant to say is said; empty where nobody can tell."""
    match value:
        case None:
            return "a call of a function that states `-> None` gives nothing to go on with"
        case Expression():
            return f"`lea(register, u64[{value!r}])` computes it"
        case Condition():
            return "branch on it with `if_`, or set a byte by the flags: `sete(al)`"
        case MethodType() | FunctionType():
            return f"`@function` above `{value.__name__}` makes it code with an address"
        case TypeMeta():
            return f"`keep({value!r})` or `scratch({value!r})` is a register for one"
        case float():
            return "code reckons with whole numbers"
        case tuple():
            return "take the two results by names: `a, b = …`"
    return ""


def shown_value(value: object) -> str:
    """`value` as a message shows it, short where Python's own text is long."""
    if isinstance(value, MethodType | FunctionType):
        return f"`{value.__name__}`, plain Python"
    return in_one_line(repr(value))[:80]
