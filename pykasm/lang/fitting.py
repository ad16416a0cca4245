"""Which types take values of which: pointers keep what they point to, functions how they are
called."""

from __future__ import annotations

from types import GenericAlias
from typing import Any, Never, NoReturn

from pykasm.lang.annotations import is_any_of
from pykasm.lang.convention import Signature, results_of
from pykasm.lang.links import unlinked
from pykasm.lang.numbers import numbers_mix
from pykasm.lang.structs import is_struct
from pykasm.lang.symbolic import AddressOperand, BranchOperand
from pykasm.lang.types import (
    POINTER_SIZE,
    Array,
    Fn,
    Ptr,
    TypeMeta,
    User,
    Void,
    is_pointer,
    is_user,
)


def types_fit(wanted: TypeMeta, given: TypeMeta) -> bool:
    """Whether a value of type `given` may go where `wanted` is: pointers keep their target, or
    what that begins with as it extends it."""
    if is_pointer(wanted) != is_pointer(given) or is_user(wanted) != is_user(given):
        return False
    if issubclass(wanted, Ptr) and issubclass(given, Ptr):
        return wanted is given or _is_part(wanted._target, given._target)
    return numbers_mix(wanted, given) if not is_pointer(wanted) else wanted is given


def _is_part(wanted: TypeMeta, given: TypeMeta) -> bool:
    """Whether what a `given` begins with can be used as a `wanted`."""
    extends = is_struct(given) and is_struct(wanted) and issubclass(given, wanted)
    is_unknown_link = bool(wanted._elements) and unlinked(wanted) is given
    return wanted is given or extends or is_unknown_link or Void in (wanted, given)


def address_fits(wanted: TypeMeta, target: TypeMeta, pointer: TypeMeta = Ptr) -> bool:
    """Whether the address of a `target` may go where a `wanted` is: as a pointer to it, or to the
    first element of an array, or as a number. `pointer` is the kind of pointer that leads there."""
    if not is_pointer(wanted):
        return wanted._size == POINTER_SIZE and not wanted._signed
    made: Any = User if is_user(pointer) else Ptr
    element = getattr(target, "_element", target) if issubclass(target, Array) else target
    return any(types_fit(wanted, made[one]) for one in (target, element))


def function_fits(wanted: TypeMeta, given: Signature) -> bool:
    """Whether calls through a pointer of type `wanted` may go to a function like `given`."""
    if not issubclass(wanted, Fn):
        return True
    if given.by_processor or given.bits != POINTER_SIZE * 8:
        return False
    if not wanted._open and not _takes(given, wanted._parameters):
        return False
    results = results_of(wanted)
    return given.never_returns or (
        not is_any_of(wanted._result, NoReturn, Never)
        and len(results) == len(given.results)
        and all(map(passes_as, results, given.results))
    )


def _takes(given: Signature, parameters: tuple[TypeMeta, ...]) -> bool:
    """Whether a function like `given` takes arguments of these types."""
    takes = [one.type for one in given.parameters]
    return len(takes) == len(parameters) and all(map(passes_as, takes, parameters))


def passes_as(wanted: TypeMeta, given: TypeMeta) -> bool:
    """Whether a `given` can be taken for a `wanted` without a move that would widen it."""
    return wanted._size == given._size and types_fit(wanted, given)


def signature_behind(value: Any) -> Signature | None:
    """How the function is called whose address `value` is; None where nobody knows."""
    is_symbol = isinstance(value, AddressOperand | BranchOperand)
    owner = getattr(value.reference.symbol, "__self__", None) if is_symbol else value
    found: Signature | None = getattr(owner, "_signature", None)
    return found


def described(signature: Signature) -> str:
    """The type of pointers to functions like this."""
    if signature.by_processor:
        return "an interrupt handler, which the processor calls"
    if signature.bits != POINTER_SIZE * 8:
        return f"{signature.bits}-bit code, which calls do not switch to"
    takes = [one.type for one in signature.parameters]
    gives: Any = Void
    if signature.never_returns:
        gives = NoReturn
    elif signature.results:
        gives = signature.results[0]
        if len(signature.results) > 1:
            gives = GenericAlias(tuple, signature.results)
    made: Any = Fn
    return repr(made[takes, gives])
