"""The kernel's instructions again and again, with other registers each time.

That gives as many instructions as wanted with a real kernel's distribution: of mnemonics, of
operand forms, of jumps, and of how often the same statement comes back.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from kernel.image import image
from pykasm.isa.code import Label, Line
from pykasm.isa.registers import Register, RegisterKind, general
from pykasm.lang.builder import place
from pykasm.lang.convention import CALLEE_SAVED
from pykasm.lang.functions import emits, naked
from pykasm.lang.image import Image
from pykasm.lang.instructions import Mnemonic
from pykasm.lang.operands import MemoryOperand, RegisterOperand
from pykasm.lang.routine import Routine
from pykasm.lang.stubs import stub, stub_address
from pykasm.lang.subsystem import Subsystem
from pykasm.lang.symbolic import BranchOperand
from pykasm.objects.debug import EntryFrame

RING = [register.number for register in CALLEE_SAVED]
"""Registers that can stand for each other in every instruction."""

Step = tuple[Callable[..., None], tuple[Any, ...]]


def _turned(register: Register, turn: int) -> Register:
    if register.kind is not RegisterKind.GENERAL or register.number not in RING:
        return register
    position = (RING.index(register.number) + turn) % len(RING)
    return general(RING[position], register.size)


def _renamed(operand: Any, turn: int) -> Any:
    if type(operand) is RegisterOperand:
        return RegisterOperand(_turned(operand._register, turn), operand._kind)
    if isinstance(operand, MemoryOperand):
        made = operand._copy(operand._kind)
        made._base = _renamed(operand._base, turn)
        made._index = _renamed(operand._index, turn)
        return made
    return operand


def _steps(routine: Routine, turn: int) -> list[Step]:
    steps: list[Step] = []
    for item in routine.items:
        if isinstance(item, Label):
            steps.append((place, (item,)))
        elif isinstance(item, Line):
            word = Mnemonic(item.statement.mnemonic, item.statement.prefix)
            steps.append((word, tuple(_renamed(one, turn) for one in item.written)))
    return steps


class Bodies:
    """The steps of each of the kernel's functions, for each turn of the ring."""

    def __init__(self) -> None:
        program = image().assemble()
        routines = [one for unit in program.units for one in unit.routines if one.bits == 64]
        self.turned = [[_steps(routine, turn) for routine in routines] for turn in range(len(RING))]


class Replay(Subsystem):
    """Emits at least `wanted` instructions."""

    def __init__(self, wanted: int) -> None:
        self.bodies = Bodies()
        self.wanted = wanted

    @naked
    def start(self) -> None:
        """An entry; every copy leads to the next one, so that all are reached."""
        Mnemonic("jmp")(_copy(0))

    @emits
    def copies(self) -> None:
        """The copies, each of the kernel's functions a stub."""
        made, jump = 0, Mnemonic("jmp")
        numbers = count()
        for turn in count():
            for steps in self.bodies.turned[turn % len(RING)]:
                number = next(numbers)
                with stub(f"copy{number}", entered=EntryFrame.NONE):
                    for word, operands in steps:
                        word(*operands)
                    jump(_copy(number + 1))
                made += len(steps) + 1
            if made >= self.wanted:
                return


def _copy(number: int) -> BranchOperand:
    return stub_address(Replay.__name__, f"copy{number}")


def replayed(wanted: int) -> Image:
    """An image of at least `wanted` instructions like the kernel's."""
    replay = Replay(wanted)
    return Image(entry=replay.start, subsystems=[replay])
