"""Calls with random arguments: what they are in code, and what they come to in Python."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from inspect import Parameter, Signature
from typing import Any

from hypothesis import strategies as st

from pykasm import *
from pykasm.isa.registers import general
from pykasm.lang.registers import machine_register
from pykasm.lang.views import memory

RSP, RBP = 4, 5
STATE = [number for number in range(16) if number not in (RSP, RBP)]
"""The registers that hold random values when the arguments are evaluated."""

BYTES = 256
MIDDLE = BYTES // 2
INTEGERS = [U8, U16, U32, U64, I8, I16, I32, I64]
MOST_PARAMETERS = 8


@cache
def numbers_in(kind: Any) -> st.SearchStrategy[int]:
    """Numbers that a `kind` holds, its limits among them."""
    bits = kind._size * 8
    low = -(1 << (bits - 1)) if kind._signed else 0
    high = low + (1 << bits) - 1
    return st.sampled_from([low, high, 0, 1]) | st.integers(low, high)


def truncated(value: int, kind: Any) -> int:
    """The low bytes of `value` as a `kind`."""
    raw = (value % (1 << 64)).to_bytes(8, "little")[: kind._size]
    return int.from_bytes(raw, "little", signed=kind._signed)


@dataclass(frozen=True)
class Machine:
    """Registers by number and memory, before the call."""

    registers: dict[int, int]
    memory: bytes
    address: int
    local: int


@dataclass(frozen=True)
class Immediate:
    kind: Any
    value: int

    def operand(self, owner: Any) -> object:
        return self.value

    def model(self, machine: Machine) -> int:
        return self.value


@dataclass(frozen=True)
class InRegister:
    kind: Any
    number: int

    def operand(self, owner: Any) -> object:
        return machine_register(general(self.number, self.kind._size))

    def model(self, machine: Machine) -> int:
        return truncated(machine.registers[self.number], self.kind)


@dataclass(frozen=True)
class InMemory:
    """A place at a pointer register, plus a scaled index register, plus a number."""

    kind: Any
    base: int
    index: int | None
    scale: int
    displacement: int

    def operand(self, owner: Any) -> object:
        address: Any = machine_register(general(self.base, 8)) + self.displacement
        if self.index is not None:
            address = address + machine_register(general(self.index, 8)) * self.scale
        return memory(self.kind, address)

    def model(self, machine: Machine) -> int:
        address = machine.registers[self.base] + self.displacement - machine.address
        if self.index is not None:
            address += machine.registers[self.index] * self.scale
        raw = machine.memory[address : address + self.kind._size]
        return truncated(int.from_bytes(raw, "little"), self.kind)


@dataclass(frozen=True)
class OfPlace(InMemory):
    """The address of such a place."""

    def operand(self, owner: Any) -> object:
        return address_of(super().operand(owner))

    def model(self, machine: Machine) -> int:
        index = 0 if self.index is None else machine.registers[self.index] * self.scale
        return (machine.registers[self.base] + self.displacement + index) % (1 << 64)


@dataclass(frozen=True)
class InFrame:
    """The low part of a local."""

    kind: Any

    def operand(self, owner: Any) -> object:
        return memory(self.kind, rbp - owner.local_distance)

    def model(self, machine: Machine) -> int:
        return truncated(machine.local, self.kind)


@dataclass(frozen=True)
class OfData:
    """The address of something in memory."""

    kind: Any = U64

    def operand(self, owner: Any) -> object:
        return address_of(owner.bytes)

    def model(self, machine: Machine) -> int:
        return machine.address


def with_parameters(body: Any, kinds: list[Any], result: Any = None) -> Any:
    """`body(self, *operands)` as a method with parameters of these `kinds`."""
    names = [f"a{number}" for number in range(len(kinds))]
    parameters = [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in ["self", *names]]
    body.__signature__ = Signature(parameters)
    body.__annotations__ = {**dict(zip(names, kinds, strict=True)), "return": result}
    return body
