"""Names that nobody knows, of whatever they are: what the author may have meant."""

from __future__ import annotations

import re
import sys
from pkgutil import iter_modules
from types import FrameType, ModuleType
from typing import Any

from pykasm.errors import Mistake
from pykasm.guesses import did_you_mean
from pykasm.lang.operand import described
from pykasm.lang.structs import StructMeta
from pykasm.mentions import names_known_in
from pykasm.source import Span


class UnknownNameMistake(Mistake):
    """A name that the module, the object or the package does not have."""

    kind = "unknown-name"


def unknown_name(error: Exception, frame: FrameType, span: Span) -> Mistake | None:
    """The mistake behind `error`, which `frame` raised at `span`; None if it is of no name."""
    match error:
        case NameError(name=str(name)):
            return _of_module(name, frame, span)
        case AttributeError(name=str(name)) if span.text.endswith(name):
            return _of_object(name, error.obj, span)
        case ModuleNotFoundError(name=str(name)):
            return _of_package(name, span)
        case ImportError(name=str(name)):
            return _imported(name, error, span)
    return None


def _of_module(name: str, frame: FrameType, span: Span) -> Mistake:
    names = names_known_in(frame.f_globals)
    known = [*frame.f_locals, *names, *vars(sys.modules["builtins"])]
    return UnknownNameMistake(
        f"there is no `{name}` here",
        expected="an instruction, a register, another word, or a name that the module has",
        got=name,
        fix=did_you_mean(name, known) or "import it, or give it a value before this line",
        span=span,
    )


def _of_object(name: str, owner: object, span: Span) -> Mistake:
    if isinstance(owner, StructMeta) and name in owner._fields:
        return _of_type(name, owner, span)
    known = [one for one in dir(owner) if not one.startswith("_") or name.startswith("_")]
    return UnknownNameMistake(
        f"{_shown(owner)} has no attribute `{name}`",
        got=name,
        fix=did_you_mean(name, known) or _none_has_none(owner),
        span=span,
    )


def _of_type(name: str, struct: Any, span: Span) -> Mistake:
    """The mistake of a field that is asked of its struct, of which there may be many."""
    kind = struct.__name__
    return UnknownNameMistake(
        f"`{kind}` is a type: there is no `{name}` before there is a `{kind}`",
        expected=f"the field of data, or of what a pointer leads to: `block.{name}`",
        got=f"`{kind}.{name}`",
        fix=f'`block: Ptr[{kind}]` points to one; `offsetof({kind}, "{name}")` is where it has it',
        span=span,
    )


def _shown(owner: Any) -> str:
    """What `owner` is, as a message says it."""
    if isinstance(owner, type | ModuleType):
        return f"`{owner.__name__}`"
    kind = type(owner)
    if kind.__module__.startswith("pykasm.") or owner is None:
        return f"`{described(owner)}`"
    return f"an object of `{kind.__name__}`"


def _none_has_none(owner: object) -> str:
    return "it is the value of a call that gives nothing" if owner is None else ""


def _of_package(name: str, span: Span) -> Mistake:
    package, _, last = name.rpartition(".")
    folders = getattr(sys.modules.get(package), "__path__", None) if package else sys.path
    known = [one.name for one in iter_modules(folders)] if folders is not None else []
    return UnknownNameMistake(
        f"there is no module `{name}`",
        expected=f"a module of `{package}`" if package else "a module of the project or of Python",
        got=name,
        fix=did_you_mean(last, known, f"{package}." if package else ""),
        span=span,
    )


def _imported(module: str, error: ImportError, span: Span) -> Mistake | None:
    found = re.match(r"cannot import name '(\w+)'", error.msg)
    if found is None:
        return None
    name, is_circular = found[1], "circular import" in error.msg
    known = vars(sys.modules[module]) if module in sys.modules else ()
    circle = f"move what both modules need of each other below `{module}`"
    return UnknownNameMistake(
        f"`{module}` has no `{name}`" + (" yet: it is still being imported" * is_circular),
        got=name,
        fix=circle if is_circular else did_you_mean(name, known),
        span=span,
    )
