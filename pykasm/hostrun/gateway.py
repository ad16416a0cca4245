"""The way into code under test and out of it: registers pass through a struct in memory.

One write and one read of that struct cost less than the emulator takes for a single register.
"""

from __future__ import annotations

import struct
from functools import cache
from pathlib import Path
from typing import Any

from pykasm.encode.encoder import Encoder
from pykasm.isa.code import Label
from pykasm.isa.registers import REGISTERS
from pykasm.lang.builder import align_code, place
from pykasm.lang.calls import ret
from pykasm.lang.data import bss
from pykasm.lang.field import field
from pykasm.lang.functions import naked
from pykasm.lang.image import Image
from pykasm.lang.mnemonics import call, hlt, mov, pop, popfq, push, pushfq
from pykasm.lang.numbers import U64
from pykasm.lang.objects import AssembledUnit, assemble_program
from pykasm.lang.registers import machine_register
from pykasm.lang.structs import Struct
from pykasm.lang.subsystem import Subsystem
from pykasm.lang.types import Array

GENERAL = tuple(
    "rax rbx rcx rdx rsi rdi rbp r8 r9 r10 r11 r12 r13 r14 r15".split()  # noqa: SIM905
)
"""All general registers but rsp."""

UNSET = 0x0BAD_0BAD_0BAD_0000
"""What registers hold that nothing has set, plus their number: no address has such upper bits."""

FINISHED, STUBBED = 1, 2
"""Why the gateway stopped the emulator: the function returned, or came to a slot."""

SLOTS = 1024
"""How many functions may be missing or be replaced by Python at one time."""

SLOT_BYTES = 8
CALL_BYTES = 5
"""`call rel32` (AMD64 APM vol. 3, CALL)."""


class Exchange(Struct):
    """What passes between Python and the code: why it stopped, which slot, and all registers."""

    event: U64
    slot: U64
    target: U64
    rflags: U64
    rsp: U64
    registers: Array[U64] = field(count=len(GENERAL))


LAYOUT = struct.Struct(f"<{5 + len(GENERAL)}Q")
"""`Exchange` as Python packs it."""


class Gateway(Subsystem):
    """`enter` calls a function; `slots` stand for functions that Python answers for."""

    label = "pykasm.hostrun.gateway"
    exchange = bss(Exchange)

    def _load(self) -> None:
        mov(machine_register(REGISTERS["rsp"]), self.exchange.rsp)
        push(self.exchange.rflags)
        popfq()
        for number, name in enumerate(GENERAL):
            mov(machine_register(REGISTERS[name]), self.exchange.registers[number])

    def _store(self, event: int) -> None:
        for number, name in enumerate(GENERAL):
            mov(self.exchange.registers[number], machine_register(REGISTERS[name]))
        mov(self.exchange.rsp, machine_register(REGISTERS["rsp"]))
        pushfq()
        pop(self.exchange.rflags)
        mov(self.exchange.event, event)
        hlt()

    @naked
    def enter(self) -> None:
        """Call `exchange.target` with the registers of the exchange."""
        self._load()
        call(self.exchange.target)
        self._store(FINISHED)

    @naked
    def resume(self) -> None:
        """Return to the caller of a slot with the registers of the exchange."""
        self._load()
        ret()

    @naked
    def slots(self) -> None:
        """The slots, all alike, then what stops for Python: where a slot's call would return to
        tells which it is."""
        stop = Label("stop")
        for _ in range(SLOTS):
            align_code(SLOT_BYTES)
            call(stop)
        place(stop)
        pop(self.exchange.slot)
        self._store(STUBBED)


@cache
def assembled_gateway() -> tuple[AssembledUnit, ...]:
    """The gateway's object, made once a process."""
    gateway: Any = Gateway()
    program = Image(gateway.enter, [gateway]).assemble()
    return tuple(assemble_program(program, Encoder(), str(Path.cwd())))
