"""Functions that Python answers for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pykasm.errors import CallMistake
from pykasm.hostrun.faults import HostStop
from pykasm.hostrun.values import Values, register_value
from pykasm.lang.convention import SLOT, Signature


@dataclass(eq=False)
class Stub:
    """A function of the image, or a callback, replaced by `python`.

    `calls` are the arguments of each call so far, oldest first.
    """

    name: str
    signature: Signature
    python: Callable[..., Any] | None
    calls: list[tuple[Any, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.python is None and self.signature.results:
            raise CallMistake(
                f"`{self.name}` returns something, so its stand-in has to",
                expected=f"`host.stub({self.name}, lambda …: value)`",
                got="no function",
            )

    def run(self, values: Values, registers: dict[str, int], stack: int) -> tuple[int, ...]:
        """Call the Python function with the arguments in `registers` and on the stack above
        `stack`, the address of the return address; what goes into the result registers."""
        arguments = self._arguments(values, registers, stack)
        self.calls.append(arguments)
        result = self.python(*arguments) if self.python else None
        if self.signature.never_returns:
            raise HostStop(self.name, arguments)
        return self._results(values, result)

    def _arguments(self, values: Values, registers: dict[str, int], stack: int) -> tuple[Any, ...]:
        found = []
        for parameter in self.signature.parameters:
            if parameter.register is None:
                stack += SLOT
                raw = values.memory.read(stack, SLOT)
            else:
                raw = registers[WHOLE[parameter.register.number]].to_bytes(SLOT, "little")
            found.append(values.decode(parameter.type, raw))
        return tuple(found)

    def _results(self, values: Values, result: Any) -> tuple[int, ...]:
        kinds = self.signature.results
        if not kinds:
            return ()
        given = result if len(kinds) > 1 else (result,)
        if not isinstance(given, tuple | list) or len(given) != len(kinds):
            raise CallMistake(
                f"the stand-in for `{self.name}` has to return {len(kinds)} values",
                expected=f"a tuple of {len(kinds)} values",
                got=repr(result),
            )
        return tuple(
            register_value(values, "the result", kind, one)
            for kind, one in zip(kinds, given, strict=True)
        )


WHOLE = "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15".split()  # noqa: SIM905
"""Names of the general registers by number (AMD64 APM vol. 3, 1.4.1)."""


class Assertion(Stub):
    """Whom failed `asserts` call."""

    def run(self, values: Values, registers: dict[str, int], stack: int) -> tuple[int, ...]:
        """Raise what says which check failed."""
        (text,) = self._arguments(values, registers, stack)
        raise Failed(values.text(int(text)))


class Failed(Exception):
    """A check of the code's failed; the text is its place and source."""


class Missing(Stub):
    """A function or other symbol that nothing loaded defines: a call of it is an error."""

    def run(self, values: Values, registers: dict[str, int], stack: int) -> tuple[int, ...]:
        """Raise what says so."""
        raise NotLoaded(self.name)


class NotLoaded(Exception):
    """The code called something that no loaded subsystem defines."""
