"""The linked kernel, instruction by instruction, on the ways between programs and itself.

An NMI or a machine check may come between any two of them. `Walk` runs a way in an emulator and has
some come before each instruction: whatever they find, they are to leave it as it was.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from elftools.elf.elffile import ELFFile
from unicorn import Uc  # type: ignore[attr-defined] # it has no types
from unicorn import x86_const as x86
from unicorn.unicorn_const import UC_ARCH_X86, UC_MODE_64, UC_TLB_VIRTUAL

from kernel.cpu.control import Msr
from kernel.cpu.descriptors import InterruptStack, TaskState
from kernel.cpu.exceptions import EXCEPTIONS, VECTORS, WITH_ERROR_CODE, Vector
from kernel.cpu.segments import USER_PRIVILEGE, Selector
from kernel.cpu.trapframe import TrapFrame
from kernel.entry.systemcalls import CALLS
from kernel.interrupts.vectors import FIRST_INTERRUPT
from kernel.sched.thread import Thread
from pykasm import *
from pykasm.machine.symbols import SymbolTable

PAGE = 0x1000
IMAGE, IMAGE_SIZE = 0xFFFF_FFFF_8000_0000, 0x100_0000
AREA, AREA_SIZE = 0xFFFF_C000_0000_0000, 0x1_0000
"""Memory for stacks, outside of the image."""

THREAD = AREA + 0x4000 - sizeof(Thread)
"""The thread that runs, at the upper end of its stack."""
STACKS = {Vector.NMI: AREA + 0x8000 - 16, Vector.MACHINE_CHECK: AREA + 0xC000 - 16}
"""Upper ends of interrupt stacks; above them is the address of the per-CPU block."""

MASKABLE = AREA + 0xF000
"""The upper end of the stack on which interrupts that can be masked are handled."""

HANDLERS = 0xFFFF_FFFF_9000_0000
"""Where handlers are called: 16 bytes for each, a `ret` in them."""
HANDLER_SIZE = 16
CALL, USER, KERNEL, OTHERS = (first * 1024 for first in range(4))
"""The first handler of system calls, of exceptions of programs, of interrupts, of what else is
called."""
WORK, IS_TRACED = "UserWork.run", "SystemCallTrace.is_traced"
OTHER_FUNCTIONS = (WORK, IS_TRACED, "SystemCallTrace.begin", "SystemCallTrace.end")
"""Functions that have handlers of ours in their place."""

USER_GS, USER_RSP, USER_RIP = 0x1234_5000, 0x7FFF_FFFF_E0F0, 0x40_1000
KERNEL_RIP = 0xFFFF_FFFF_8010_0000
FLAGS = 0x202
TRAP, ALIGNMENT, DIRECTION, INTERRUPTS = 0x100, 0x4_0000, 0x400, 0x200

NAMES = ("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", *(f"r{n}" for n in range(8, 16)))
SCRATCH = ("rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11")
"""What a function may change (System V ABI AMD64, figure 3.4)."""

IRETQ, SYSRETQ, RET = b"\x48\xcf", b"\x48\x0f\x07", b"\xc3"
LONGEST = 2000
"""Instructions of a way, which has some 100."""


def register(name: str) -> int:
    return int(getattr(x86, f"UC_X86_REG_{name.upper()}"))


class State(NamedTuple):
    """All that an interruption has to leave as it was."""

    registers: Mapping[str, int]
    cs: int
    bases: tuple[int, int]
    root: int
    stack: bytes
    block: bytes


class Walk:
    """A processor with the kernel in its memory, about to go a way of it."""

    def __init__(self, file: Any, symbols: SymbolTable) -> None:
        self.symbols = symbols
        made: Any = Uc(UC_ARCH_X86, UC_MODE_64)  # type: ignore[no-untyped-call]
        self.emulator = made
        self.emulator.ctl_set_tlb_mode(UC_TLB_VIRTUAL)
        for start, size in ((IMAGE, IMAGE_SIZE), (AREA, AREA_SIZE), (HANDLERS, 0x1_0000)):
            self.emulator.mem_map(start, size)
        for segment in ELFFile(file).iter_segments("PT_LOAD"):
            # where it is in the kernel's memory: templates have addresses that count from 0
            self.emulator.mem_write(IMAGE + segment["p_paddr"], segment.data())
        self.block = self.at("first_percpu_start")
        self.block_size = self.at("percpu_size")
        self._fill()
        self.chance = random.Random(1)
        self.cs = int(Selector.CODE)
        self.nesting: list[int] = []
        """The vectors whose handlers run, the innermost last."""
        self.pending_left = 0
        self.handled = 0
        self.end: dict[str, int] = {}

    def at(self, name: str) -> int:
        return self.symbols.address(name)

    def _fill(self) -> None:
        """Have all tables lead to handlers of ours, and the block and stacks to each other."""
        self.emulator.mem_write(HANDLERS, RET * 0x1_0000)
        for table, first, count in (
            ("SystemCalls.handlers", CALL, CALLS),
            ("UserExceptions.handlers", USER, EXCEPTIONS),
            ("Exceptions.handlers", KERNEL, FIRST_INTERRUPT),
            (
                "Exceptions.interrupt_handlers",
                KERNEL + FIRST_INTERRUPT,
                VECTORS - FIRST_INTERRUPT,
            ),
        ):
            for n in range(count):
                self.store(self.at(table) + 8 * n, HANDLERS + HANDLER_SIZE * (first + n))
        for number, name in enumerate(OTHER_FUNCTIONS, OTHERS):
            place = (HANDLERS + HANDLER_SIZE * number).to_bytes(8, "little")
            self.emulator.mem_write(self.at(name), b"\x48\xb8" + place + b"\xff\xe0")
        template = self.emulator.mem_read(self.at("percpu_start"), self.block_size)
        self.emulator.mem_write(self.block, bytes(template))
        self.store(self.block + self.at("PerCpu.block"), self.block)
        self.store(self.block + self.at("Scheduler.current"), THREAD)
        entry = offsetof(TaskState, "ist") + 8 * (InterruptStack.MASKABLE - 1)
        self.store(self.block + self.at("Descriptors.task") + entry, MASKABLE)
        for top in STACKS.values():
            self.store(top, self.block)

    # The processor

    def load(self, address: int) -> int:
        return int.from_bytes(self.emulator.mem_read(address, 8), "little")

    def store(self, address: int, value: int) -> None:
        self.emulator.mem_write(address, (value % (1 << 64)).to_bytes(8, "little"))

    def __getitem__(self, name: str) -> int:
        return int(self.emulator.reg_read(register(name)))

    def __setitem__(self, name: str, value: int) -> None:
        self.emulator.reg_write(register(name), value)

    def msr(self, number: int) -> int:
        return int(self.emulator.msr_read(number))

    def state(self, *vectors: int) -> State:
        """All but the stacks of `vectors`, which are those of nobody else."""
        stacks = bytearray(self.emulator.mem_read(AREA, AREA_SIZE))
        for vector in vectors:
            top = STACKS[Vector(vector)] - AREA
            stacks[top - 0x3000 : top] = bytes(0x3000)
        return State(
            {name: self[name] for name in (*NAMES, "rsp", "rip", "rflags")},
            self.cs,
            (self.msr(Msr.GS_BASE), self.msr(Msr.KERNEL_GS_BASE)),
            self["cr3"],
            bytes(stacks),
            bytes(self.emulator.mem_read(self.block, self.block_size)),
        )

    # Beginnings

    def begin(self, flags: int = FLAGS, pending: int = 0, **registers: int) -> None:
        """Be a program with these registers and `flags`, and something to be done before it goes on
        as many times as `pending` says."""
        for name in NAMES:
            self[name] = registers.get(name, self.chance.getrandbits(64))
        self["rsp"], self["rip"], self["rflags"] = USER_RSP, USER_RIP, flags
        self.cs = int(Selector.USER_CODE)
        self.emulator.msr_write(Msr.GS_BASE, USER_GS)
        self.emulator.msr_write(Msr.KERNEL_GS_BASE, self.block)
        self.pending_left = pending
        self._note_pending()
        self.end = {}

    def begin_kernel(self) -> None:
        """Be the kernel, in a thread without a program."""
        self.begin()
        self["rsp"], self["rip"], self.cs = THREAD - 0x400, KERNEL_RIP, int(Selector.CODE)
        self.emulator.msr_write(Msr.GS_BASE, self.block)
        self.emulator.msr_write(Msr.KERNEL_GS_BASE, USER_GS)

    def _note_pending(self) -> None:
        place = THREAD + offsetof(Thread, "pending")
        self.emulator.mem_write(place, min(self.pending_left, 1).to_bytes(4, "little"))

    def system_call(self, entry: str = "UserEntry.system_call") -> None:
        """Do `syscall`, which leads to `entry` and clears flags (AMD64 APM vol. 3)."""
        self["rcx"], self["r11"] = self["rip"], self["rflags"]
        self["rflags"], self["rip"], self.cs = 2, self.at(entry), Selector.CODE

    def interrupt(self, vector: int) -> None:
        """Have an interrupt or exception come (AMD64 APM vol. 2, 8.9)."""
        from_program = self.cs & USER_PRIVILEGE
        top = STACKS.get(Vector(vector)) if vector in STACKS else None
        if top is None:
            top = THREAD if from_program else self["rsp"] - self["rsp"] % 16
        ss = Selector.USER_DATA if from_program else 0
        words = [ss, self["rsp"], self["rflags"], self.cs, self["rip"]]
        if vector in WITH_ERROR_CODE:
            words.append(5)
        for number, word in enumerate(words, 1):
            self.store(top - 8 * number, word)
        self["rsp"] = top - 8 * len(words)
        self["rflags"] = self["rflags"] & ~(TRAP | INTERRUPTS)
        self["rip"], self.cs = self.at(f"Interrupts.vector_{vector}"), Selector.CODE

    # Going on

    def step(self) -> bool:
        """Do one instruction. Return whether the program or thread goes on after it."""
        rip = self["rip"]
        if HANDLERS <= rip < HANDLERS + 0x1_0000:
            self._handle((rip - HANDLERS) // HANDLER_SIZE)
        code = bytes(self.emulator.mem_read(rip, 3))
        if code[:2] == IRETQ:
            return self._return_from_interrupt()
        if code == SYSRETQ:
            self["rip"], self.cs = self["rcx"], int(Selector.USER_CODE)
            self["rflags"] = self["r11"]
            return True
        self.emulator.emu_start(rip, 0, count=1)
        return False

    def _return_from_interrupt(self) -> bool:
        top = self["rsp"]
        self["rip"], self.cs, self["rflags"], self["rsp"] = (
            self.load(top + 8 * n) for n in range(4)
        )
        return True

    def _handle(self, number: int) -> None:
        """Be a handler: look at what is there, and leave nothing in what handlers may change."""
        assert self.msr(Msr.GS_BASE) == self.block
        assert self["rsp"] % 16 == 8
        assert not self["rflags"] & DIRECTION
        other = OTHER_FUNCTIONS[number - OTHERS] if number >= OTHERS else None
        if other == WORK:
            self.pending_left -= 1
            self._note_pending()
        elif number in range(KERNEL, OTHERS) and self.nesting:
            assert self["rdi"] == self["rsp"] + 8
            vector = self.load(self["rdi"] + offsetof(TrapFrame, "vector"))
            assert vector == number - KERNEL == self.nesting[-1]
            top = STACKS[Vector(vector)]
            assert top - sizeof(TrapFrame) == self["rdi"]
            self.handled += 1
        for name in SCRATCH:
            self[name] = self.chance.getrandbits(64)
        if other == IS_TRACED:
            self["rax"] = 1

    def instructions(self) -> Iterator[None]:
        """Go the way to its end, with a stop before each instruction."""
        for _ in range(LONGEST):
            yield
            if self.step():
                return
        raise AssertionError(f"it never ends: {self.symbols.lookup(self['rip'])}")

    def disturb(self, *vectors: int) -> None:
        """Have the first of `vectors` come now, and the others before each instruction of its way.
        All is to be as it was, then."""
        vector, *others = vectors
        before = self.state(*vectors)
        self.nesting.append(vector)
        self.interrupt(vector)
        for _ in self.instructions():
            if others:
                self.disturb(*others)
        self.nesting.pop()
        after = self.state(*vectors)
        assert after == before, f"at {self.symbols.lookup(before.registers['rip'])}"
