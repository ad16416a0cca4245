"""Stand-ins for parts that a test is not about."""

from __future__ import annotations

from typing import Any

from pykasm.errors import CallMistake
from pykasm.lang.assembly import members
from pykasm.lang.calls import ret
from pykasm.lang.convention import Kind, Signature
from pykasm.lang.function import CodeOptions, Function
from pykasm.lang.functions import Emits
from pykasm.lang.mnemonics import ud2
from pykasm.lang.subsystem import Subsystem


def stand_ins(*kinds: type[Subsystem]) -> dict[type[Any], Any]:
    """An object of each class that can be given in place of a real one, by its class:
    `Parts(CONTENTS, instead=stand_ins(Panic, Clock))`.

    It has the data that the class declares, and all functions, which do nothing and return 0 until
    the test answers for them by `Host.stub`; those that never return are a fault. It is made
    without the constructor and so leads to no other subsystem.
    """
    return {kind: _stand_in(kind) for kind in kinds}


def _stand_in(kind: type[Subsystem]) -> Subsystem:
    if not isinstance(kind, type) or not issubclass(kind, Subsystem):
        raise CallMistake(
            "`stand_ins` takes classes of subsystems",
            expected="`stand_ins(Panic, Clock)`",
            got=repr(kind),
        )
    code: dict[str, Any] = {"__init__": _nothing}
    for name, member in members(kind):
        if isinstance(member, Function):
            code[name] = _Silent(member)
        elif isinstance(member, Emits):
            code[name] = None
    made: Subsystem = type(kind.__name__, (kind,), {"__module__": kind.__module__, **code})()
    return made


def _nothing(self: object) -> None:
    """Make what the class declares, and no more."""


class _Silent(Function[Any]):
    """A function of the signature of another, which does nothing."""

    def __init__(self, function: Function[Any]) -> None:
        options = CodeOptions(Kind.FUNCTION, clobbers=function.options.clobbers)
        super().__init__(lambda *_: _leave(function.signature()), options)
        self._function = function

    def signature(self) -> Signature:
        """That of the other."""
        return self._function.signature()


def _leave(signature: Signature) -> None:
    if signature.never_returns:
        ud2()
    else:
        ret(*(0 for _ in signature.results))
