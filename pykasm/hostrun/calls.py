"""Calls: arguments in, the code run with Python answering where it must, results out, checks."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from pykasm.errors import CallMistake
from pykasm.hostrun.diagnosis import Diagnosis
from pykasm.hostrun.gateway import FINISHED, GENERAL, LAYOUT, STUBBED, UNSET
from pykasm.hostrun.heap import Heap
from pykasm.hostrun.loaded import STACK_ADDRESS, STACK_SIZE, Loaded
from pykasm.hostrun.machine import Machine
from pykasm.hostrun.memory import Memory
from pykasm.hostrun.ports import MissingPort
from pykasm.hostrun.stubs import WHOLE, Failed, NotLoaded
from pykasm.hostrun.trace import Trace
from pykasm.hostrun.values import Values, register_value
from pykasm.lang.convention import CALLEE_SAVED, SLOT, STACK_ALIGNMENT, Signature

RFLAGS = 0x202
"""Interrupts on, direction up; bit 1 is always set (AMD64 APM vol. 2, 3.1.6)."""

DIRECTION_FLAG = 0x400

KEPT = (*(one.name for one in CALLEE_SAVED), "rbp")
"""What a function leaves as it found it (System V ABI AMD64, figure 3.4)."""

BELOW = 256
"""Bytes left free below the stack pointer of code that waits for Python."""

OWN_INSTRUCTIONS = 200
"""More than the gateway itself takes for a call."""

HEAD = 5
"""Words before the registers in the exchange: event, slot, target, rflags, rsp."""


class Calls:
    """Makes calls, one inside the other where Python that stands in for a function calls too."""

    def __init__(
        self,
        machine: Machine,
        memory: Memory,
        loaded: Loaded,
        heap: Heap,
        values: Values,
        traced: bool,
    ) -> None:
        self.trace = Trace(loaded.units, loaded.placement)
        if traced:
            machine.on_block(self.trace.enter)
        self._machine = machine
        self._memory = memory
        self._loaded = loaded
        self._heap = heap
        self._values = values
        self._diagnosis = Diagnosis(machine, memory, loaded, heap, self.trace)
        self._stacks = [STACK_ADDRESS + STACK_SIZE - BELOW]
        """The stack pointers that calls start from, outermost first."""

    def call(
        self, name: str, target: int, signature: Signature, given: Sequence[object], limit: int
    ) -> Any:
        """Call what is at `target` with `given`; its result, or a tuple of two, or None."""
        registers, rest = self._placed(name, signature, given)
        if len(self._stacks) == 1:
            self.trace.clear()
        before = self._exchange(target, registers, rest)
        self._run(limit)
        after = LAYOUT.unpack_from(self._loaded.exchange.bytes)
        self._check(name, signature, before, after)
        return self._result(signature, after)

    @property
    def registers(self) -> dict[str, int]:
        """The registers by name, as the last call left them."""
        *_, rflags, rsp = LAYOUT.unpack_from(self._loaded.exchange.bytes)[:HEAD]
        general = LAYOUT.unpack_from(self._loaded.exchange.bytes)[HEAD:]
        return {**dict(zip(GENERAL, general, strict=True)), "rsp": rsp, "rflags": rflags}

    def _placed(
        self, name: str, signature: Signature, given: Sequence[object]
    ) -> tuple[dict[str, int], list[int]]:
        if len(given) != len(signature.parameters):
            wanted = ", ".join(f"{one.name}: {one.type!r}" for one in signature.parameters)
            raise CallMistake(
                f"`{name}` takes {len(signature.parameters)} arguments",
                expected=f"{name}({wanted})",
                got=f"{len(given)}",
            )
        registers, rest = {}, []
        for parameter, value in zip(signature.parameters, given, strict=True):
            number = register_value(self._values, parameter.name, parameter.type, value)
            if parameter.register is None:
                rest.append(number)
            else:
                registers[WHOLE[parameter.register.number]] = number
        return registers, rest

    def _exchange(self, target: int, registers: dict[str, int], rest: list[int]) -> tuple[int, ...]:
        stack = self._stacks[-1] - SLOT * len(rest)
        stack -= stack % STACK_ALIGNMENT
        if rest:
            self._memory.write(stack, struct.pack(f"<{len(rest)}Q", *rest))
        general = [registers.get(name, UNSET + place) for place, name in enumerate(GENERAL)]
        words = (0, 0, target, RFLAGS, stack, *general)
        LAYOUT.pack_into(self._loaded.exchange.bytes, 0, *words)
        return words

    def _run(self, limit: int) -> None:
        address = self._loaded.enter
        while True:
            self._step(address, limit)
            event = self._loaded.exchange.bytes[0]
            if event == FINISHED:
                return
            if event != STUBBED:
                raise self._diagnosis.stopped(limit)
            self._answer()
            address = self._loaded.resume

    def _step(self, address: int, limit: int) -> None:
        left = limit - self.trace.instructions + OWN_INSTRUCTIONS
        try:
            self._machine.run(address, max(left, 1))
        except MissingPort as missing:
            raise self._diagnosis.missing_port(missing) from None

    def _answer(self) -> None:
        """Call the Python that stands for the function whose slot was called."""
        exchange = self._loaded.exchange.bytes
        _, slot, target, rflags, stack, *general = LAYOUT.unpack_from(exchange)
        registers = dict(zip(GENERAL, general, strict=True))
        stub = self._loaded.slots.called(slot)
        self._stacks.append(stack - BELOW)
        try:
            results = stub.run(self._values, registers, stack)
        except NotLoaded as missing:
            raise self._diagnosis.not_loaded(str(missing), stack) from None
        except Failed as failed:
            raise self._diagnosis.assertion(str(failed), stack) from None
        finally:
            self._stacks.pop()
        for number, name in enumerate(GENERAL):
            if name not in KEPT:
                registers[name] = UNSET + number
        registers |= zip(("rax", "rdx"), results, strict=False)
        LAYOUT.pack_into(exchange, 0, 0, slot, target, rflags, stack, *registers.values())

    def _check(
        self, name: str, signature: Signature, before: tuple[int, ...], after: tuple[int, ...]
    ) -> None:
        """Raise a fault if the convention was broken."""
        broken = None
        if signature.never_returns:
            broken = "returns, though it is declared to return never"
        elif before[HEAD - 1] != after[HEAD - 1]:
            moved = after[HEAD - 1] - before[HEAD - 1]
            broken = f"leaves rsp {moved:+d} bytes from where it was"
        elif after[HEAD - 2] & DIRECTION_FLAG:
            broken = "returns with the direction flag set"
        else:
            broken = _changed(before, after) or self._damage()
        if broken:
            raise self._diagnosis.broken(name, broken)

    def _damage(self) -> str | None:
        place = self._heap.damage()
        return f"has written outside of the test's objects, {place}" if place else None

    def _result(self, signature: Signature, after: tuple[int, ...]) -> Any:
        found = [
            self._values.decode(kind, after[HEAD + GENERAL.index(name)].to_bytes(SLOT, "little"))
            for name, kind in zip(("rax", "rdx"), signature.results, strict=False)
        ]
        if len(found) < 2:
            return found[0] if found else None
        return tuple(found)


def _changed(before: tuple[int, ...], after: tuple[int, ...]) -> str | None:
    for name in KEPT:
        place = HEAD + GENERAL.index(name)
        if before[place] != after[place]:
            return f"does not preserve {name}: it holds {after[place]:#x}"
    return None
