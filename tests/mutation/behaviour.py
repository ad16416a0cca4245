"""What a routine does, as others can see it: calls, ports, memory, results, stack, IF, DF.

A routine runs alone in an emulator. What it calls is only written down, with its arguments, and
answers by chance; memory and parameters hold what chance gives. The same `seed` gives the same
chance, so that two versions of a routine can be compared.
"""

from __future__ import annotations

import random
import struct
from functools import cache
from typing import Any, NamedTuple

from unicorn import Uc, UcError  # type: ignore[attr-defined]
from unicorn import x86_const as x86
from unicorn.unicorn_const import (
    UC_ARCH_X86,
    UC_HOOK_BLOCK,
    UC_HOOK_CODE,
    UC_HOOK_INSN,
    UC_HOOK_INTR,
    UC_HOOK_MEM_INVALID,
    UC_HOOK_MEM_WRITE,
    UC_MEM_FETCH_PROT,
    UC_MEM_FETCH_UNMAPPED,
    UC_MEM_WRITE_PROT,
    UC_MODE_64,
    UC_PROT_EXEC,
    UC_PROT_READ,
    UC_PROT_WRITE,
    UC_TLB_VIRTUAL,
)

from pykasm.isa.code import AssembledCode
from pykasm.isa.statement import FixupKind
from pykasm.lang.convention import Kind, Signature
from pykasm.lang.data import LabelAddress
from pykasm.lang.image import PackedData
from pykasm.lang.objects import PlacedRoutine
from pykasm.lang.types import Ptr

PAGE = 4096
CODE, CODE_SIZE = 0x1000_0000, 1 << 16
DATA, DATA_STEP = 0x1100_0000, 1 << 16
"""Where data with symbols begin, and bytes for each: all within reach of code."""

FUNCTIONS, FUNCTION_STEP = 0x3000_0000, 16
"""Where other functions would be: nothing is mapped there, so every call stops the emulator."""

ARENA, ARENA_SIZE = 0x5000_0000, 1 << 16
"""What random pointers point to."""

STACK, STACK_SIZE = 0x6000_0000, 1 << 15
PER_CPU = 0x7000_0000
RETURN = 0x3FFF_0000
"""Where the routine returns to; nothing is there either."""

INSTRUCTIONS, CALLS, PAGES = 3000, 60, 200
"""How much of a run is looked at."""

SHORT_FIELDS = {FixupKind.ABSOLUTE64: 8, FixupKind.ABSOLUTE16: 2, FixupKind.BRANCH16: 2}
RELATIVE = (FixupKind.BRANCH32, FixupKind.PC32, FixupKind.BRANCH16)

COUNTED = {"rdtsc": (0, 2), "rdtscp": (0, 2, 1), "rdrand": (0,)}
"""Instructions that give another value each time, and the registers that they write."""

GENERAL = [
    getattr(x86, f"UC_X86_REG_{name}")
    for name in "RAX RCX RDX RBX RSP RBP RSI RDI R8 R9 R10 R11 R12 R13 R14 R15".split()  # noqa: SIM905
]
RSP, ARGUMENTS, SAVED = 4, (7, 6, 2, 1, 8, 9), (3, 5, 12, 13, 14, 15)
CLOBBERED = (0, 1, 2, 6, 7, 8, 9, 10, 11)
ARITHMETIC, MODE, AT_FIRST = 0x8D5, 0x600, 0x202
"""CF, PF, AF, ZF, SF and OF; DF and IF; IF and the bit that is always set (AMD64 APM vol. 2,
3.1.6)."""


class Run(NamedTuple):
    """What a run showed: what happened in order, how it ended, and which code it went through."""

    events: list[tuple[object, ...]]
    end: tuple[object, ...]
    blocks: set[tuple[int, int]]

    def reached(self, offset: int) -> bool:
        """Whether the instruction at `offset` was run."""
        return any(start <= offset < start + size for start, size in self.blocks)

    def differs(self, other: Run) -> bool:
        """Whether somebody outside could tell the two runs apart; unfinished ones as far as both
        were looked at."""
        if self.end == other.end == UNFINISHED:
            shared = min(len(self.events), len(other.events))
            return self.events[:shared] != other.events[:shared]
        return (self.events, self.end) != (other.events, other.end)


UNFINISHED = ("unfinished",)


class Laboratory:
    """Runs routines; `signatures` are those of functions by symbol (None: without the convention),
    `data` what is in memory by symbol."""

    def __init__(
        self, signatures: dict[str, Signature | None], data: dict[str, PackedData]
    ) -> None:
        self.signatures = signatures
        self.data = data
        self.symbols: dict[str, int] = {}
        self.names: dict[int, str] = {}
        made: Any = Uc(UC_ARCH_X86, UC_MODE_64)  # type: ignore[no-untyped-call]
        self.emulator = made
        self.emulator.ctl_set_tlb_mode(UC_TLB_VIRTUAL)
        self.emulator.mem_map(CODE, CODE_SIZE, UC_PROT_READ | UC_PROT_EXEC)
        self._hook()
        self._fresh = self.emulator.context_save()
        self._mapped: list[int] = []
        self._watched: list[int] = []

    def _hook(self) -> None:
        add = self.emulator.hook_add
        add(UC_HOOK_BLOCK, self._on_block)
        add(UC_HOOK_MEM_INVALID, self._on_invalid)
        add(UC_HOOK_MEM_WRITE, self._on_write)
        add(UC_HOOK_INTR, self._on_exception)
        add(UC_HOOK_INSN, self._on_in, aux1=x86.UC_X86_INS_IN)
        add(UC_HOOK_INSN, self._on_out, aux1=x86.UC_X86_INS_OUT)

    # Running

    def run(self, placed: PlacedRoutine, extra: list[PackedData], seed: int) -> Run:
        """What `placed` does with the chance that `seed` gives; `extra` are data of its own."""
        self._begin(seed)
        self._load(placed, extra)
        self._watch(placed)
        self._set_registers(placed)
        end = self._follow()
        if end[0] == "returned":
            end = (*end, *self._left(placed))
        return Run(self.events, end, self.blocks)

    def _begin(self, seed: int) -> None:
        for page in self._mapped:
            self.emulator.mem_unmap(page, PAGE)
        self._mapped = []
        self.emulator.context_restore(self._fresh)
        self.emulator.ctl_flush_tb()
        self.seed = seed
        self.chance = random.Random(seed)
        self.events: list[tuple[object, ...]] = []
        self.blocks: set[tuple[int, int]] = set()
        self.values: dict[int, bytes] = {}

    def _load(self, placed: PlacedRoutine, extra: list[PackedData]) -> None:
        own = placed.routine.symbol
        known = {**self.data, **{one.datum._symbol: one for one in extra}}
        code = bytearray(placed.code.code)
        wanted = [one.target for one in placed.code.relocations]
        for offset, kind, target, addend in placed.code.relocations:
            value = (CODE if target == own else self._address(target)) + addend
            if kind in RELATIVE:
                value -= CODE + offset
            size = SHORT_FIELDS.get(kind, 4)
            code[offset : offset + size] = (value % (1 << size * 8)).to_bytes(size, "little")
        self.emulator.mem_write(CODE, bytes(code) + b"\xcc" * 16)
        for symbol in wanted:
            if symbol in known:
                self._fill(known[symbol], placed.code, own)

    def _watch(self, placed: PlacedRoutine) -> None:
        """Answer reads of counters with random numbers, the same for the same seed."""
        for hook in self._watched:
            self.emulator.hook_del(hook)
        self._watched = []
        for offset, _, line in placed.code.lines:
            written = COUNTED.get(line.statement.mnemonic)
            if written is not None:
                place = CODE + offset
                added = self.emulator.hook_add(
                    UC_HOOK_CODE, self._on_counter, written, place, place
                )
                self._watched.append(added)

    def _address(self, symbol: str) -> int:
        if symbol not in self.symbols:
            number = len(self.symbols)
            is_code = symbol in self.signatures
            place = FUNCTIONS + number * FUNCTION_STEP if is_code else DATA + number * DATA_STEP
            self.symbols[symbol] = place
            self.names[place] = symbol
        return self.symbols[symbol]

    def _fill(self, packed: PackedData, code: AssembledCode, own: str) -> None:
        """Put a datum's initial value where it is, if it has one."""
        content = bytearray(packed.bytes[: DATA_STEP // 2])
        if not any(content) and not packed.references:
            return
        for one in packed.references:
            if isinstance(one.target, LabelAddress):
                inside = one.target.symbol == own
                value = CODE + code.labels[one.target.label] if inside else RETURN
            else:
                value = self._address(one.target) + one.addend
            if one.offset + one.size <= len(content):
                content[one.offset : one.offset + one.size] = value.to_bytes(one.size, "little")
        address = self._address(packed.datum._symbol)
        for page in range(address, address + len(content), PAGE):
            self._map(page)
        self.emulator.mem_write(address, bytes(content))

    def _set_registers(self, placed: PlacedRoutine) -> None:
        routine = placed.routine
        write = self.emulator.reg_write
        for number in range(16):
            write(GENERAL[number], self._number())
        for parameter, number in zip(routine.signature.parameters, ARGUMENTS, strict=False):
            write(GENERAL[number], self._argument(parameter.type))
        above = {Kind.FUNCTION: 8, Kind.INTERRUPT: 0}.get(routine.kind, 8)
        self.entry = STACK - PAGE - above
        for page in range(STACK - STACK_SIZE, STACK, PAGE):
            self._map(page)
        self.emulator.mem_write(self.entry, struct.pack("<Q", RETURN))
        write(GENERAL[RSP], self.entry)
        write(x86.UC_X86_REG_GS_BASE, PER_CPU)
        write(x86.UC_X86_REG_EFLAGS, AT_FIRST)
        self.saved = [self.emulator.reg_read(GENERAL[number]) for number in SAVED]
        self._stir_flags()

    def _argument(self, kind: Any) -> int:
        """A value for a parameter or a result; the upper part of a narrow one is left to chance."""
        if issubclass(kind, Ptr):
            return ARENA + self.chance.randrange(ARENA_SIZE // 64) * 8
        size: int = 8 * kind._size
        junk = self.chance.getrandbits(64) >> size << size
        return (self._number() & ((1 << size) - 1)) | junk

    def _number(self) -> int:
        return _number(self.chance)

    def _stir_flags(self) -> None:
        """Leave the arithmetic flags to chance."""
        others = self.emulator.reg_read(x86.UC_X86_REG_EFLAGS) & ~ARITHMETIC
        stirred = self.chance.getrandbits(12) & ARITHMETIC
        self.emulator.reg_write(x86.UC_X86_REG_EFLAGS, others | stirred)

    def _follow(self) -> tuple[object, ...]:
        """Run until the routine is left, answering for what it calls."""
        address = CODE
        for _ in range(CALLS):
            self.fetched: int | None = None
            self.stop: tuple[object, ...] | None = None
            try:
                self.emulator.emu_start(address, (1 << 64) - 1, count=INSTRUCTIONS)
            except UcError as error:
                if self.fetched is None:
                    return ("faulted", error.errno)
            if self.stop is not None:
                return self.stop
            if self.fetched == RETURN:
                return ("returned",)
            if self.fetched is None:
                return UNFINISHED
            next_address = self._called(self.fetched)
            if next_address == RETURN:
                return ("returned",)
            if next_address is None or not CODE <= next_address < CODE + CODE_SIZE:
                return ("left",)
            address = next_address
        return UNFINISHED

    def _called(self, target: int) -> int | None:
        """Answer for the function at `target`; where its caller goes on, None if nowhere."""
        read, write = self.emulator.reg_read, self.emulator.reg_write
        name = self.names.get(target, hex(target))
        signature = self.signatures.get(name, Signature())
        given: list[int] = []
        if signature is not None:
            sizes = [one.type._size for one in signature.parameters]
            for number, size in zip(ARGUMENTS, sizes, strict=False):
                given.append(read(GENERAL[number]) & ((1 << size * 8) - 1))
        rsp = read(GENERAL[RSP])
        mode = read(x86.UC_X86_REG_EFLAGS) & MODE
        self.events.append(("call", name, *given, rsp % 16, mode))
        if signature is not None and signature.never_returns:
            return None
        try:
            back: int = struct.unpack("<Q", self.emulator.mem_read(rsp, 8))[0]
        except UcError:
            return None
        write(GENERAL[RSP], rsp + 8)
        for number in CLOBBERED:
            write(GENERAL[number], self._number())
        for number, kind in zip((0, 2), signature.results if signature else (), strict=False):
            write(GENERAL[number], self._argument(kind))
        self._stir_flags()
        return back

    def _left(self, placed: PlacedRoutine) -> tuple[object, ...]:
        """What the caller finds."""
        read = self.emulator.reg_read
        results = [
            read(GENERAL[number]) & ((1 << kind._size * 8) - 1)
            for number, kind in zip((0, 2), placed.routine.signature.results, strict=False)
        ]
        kept = [read(GENERAL[number]) for number in SAVED] == self.saved
        framed = placed.routine.kind is Kind.FUNCTION
        everything = [] if framed else [read(GENERAL[number]) for number in CLOBBERED]
        mode = read(x86.UC_X86_REG_EFLAGS) & MODE
        moved = read(GENERAL[RSP]) - self.entry
        return (*results, kept, mode, moved, *everything)

    # What the emulator reports

    def _on_block(self, _: Any, address: int, size: int, __: Any) -> None:
        self.blocks.add((address - CODE, size))

    def _on_write(self, _: Any, __: int, address: int, size: int, value: int, ___: Any) -> None:
        if not STACK - STACK_SIZE <= address < self.entry:
            self.events.append(("write", address, size, value & ((1 << size * 8) - 1)))

    def _on_invalid(self, _: Any, kind: int, address: int, __: int, ___: int, ____: Any) -> bool:
        if kind in (UC_MEM_FETCH_UNMAPPED, UC_MEM_FETCH_PROT):
            self.fetched = address
            return False
        if kind == UC_MEM_WRITE_PROT or len(self._mapped) > PAGES:
            return False
        for page in {address // PAGE * PAGE, (address + 15) // PAGE * PAGE}:
            self._map(page % (1 << 64))
        return True

    def _map(self, page: int) -> None:
        page -= page % PAGE
        if page in self._mapped or CODE <= page < CODE + CODE_SIZE:
            return
        self.emulator.mem_map(page, PAGE, UC_PROT_READ | UC_PROT_WRITE)
        self.emulator.mem_write(page, _page(self.seed, page))
        self._mapped.append(page)

    def _on_exception(self, emulator: Any, number: int, _: Any) -> None:
        self.stop = ("exception", number)
        emulator.emu_stop()

    def _on_counter(self, emulator: Any, address: int, size: int, written: tuple[int, ...]) -> None:
        for number in written:
            emulator.reg_write(GENERAL[number], self.chance.getrandbits(32))
        emulator.reg_write(x86.UC_X86_REG_RIP, address + size)

    def _on_in(self, _: Any, port: int, size: int, __: Any) -> int:
        self.events.append(("in", port, size))
        return self._number() & ((1 << size * 8) - 1)

    def _on_out(self, _: Any, port: int, size: int, value: int, __: Any) -> None:
        self.events.append(("out", port, size, value & ((1 << size * 8) - 1)))


def _number(chance: random.Random) -> int:
    """A number of a size that code is likely to tell apart."""
    bits = chance.choice((0, 1, 2, 3, 4, 6, 8, 16, 32, 64))
    return chance.getrandbits(bits) if bits else 0


@cache
def _page(seed: int, page: int) -> bytes:
    """What chance puts on a page."""
    chance = random.Random(seed * PAGE + page // PAGE)
    pool = [_number(chance) for _ in range(24)]
    pool += [ARENA + chance.randrange(ARENA_SIZE // 8) * 8 for _ in range(12)]
    pool += [chance.getrandbits(64) & 0x7F7F_7F7F_7F7F_7F7F for _ in range(12)]
    return struct.pack(f"<{PAGE // 8}Q", *chance.choices(pool, k=PAGE // 8))
