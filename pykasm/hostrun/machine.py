"""The emulator: runs code until the gateway stops it, and explains when something else does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from unicorn import Uc, UcError  # type: ignore[attr-defined] # it has no types
from unicorn import x86_const as x86
from unicorn.unicorn_const import (
    UC_ARCH_X86,
    UC_ERR_INSN_INVALID,
    UC_HOOK_BLOCK,
    UC_HOOK_INSN,
    UC_HOOK_INTR,
    UC_HOOK_MEM_INVALID,
    UC_HOOK_MEM_READ,
    UC_HOOK_MEM_WRITE,
    UC_MEM_FETCH_PROT,
    UC_MEM_FETCH_UNMAPPED,
    UC_MEM_READ_PROT,
    UC_MEM_READ_UNMAPPED,
    UC_MEM_WRITE_PROT,
    UC_MEM_WRITE_UNMAPPED,
    UC_MODE_64,
    UC_TLB_VIRTUAL,
)

from pykasm.hostrun.gateway import GENERAL
from pykasm.hostrun.ports import Ports

NOWHERE = (1 << 64) - 1
"""Where the emulator would stop by itself: no code can be there."""

TRANSLATIONS = 1 << 24
"""Bytes for translated code; by default the emulator reserves 1 GiB for each instance."""

HLT = b"\xf4"

UNKNOWN_EXCEPTION = 8
"""What becomes of an exception that has no handler: a double fault."""

EXCEPTIONS = {
    0: "divides by zero, or its quotient is too large (#DE)",
    1: "raises a debug exception (#DB)",
    3: "runs into a breakpoint (#BP)",
    6: "runs an instruction that is invalid, or unknown to the emulator (#UD)",
    8: "raises an exception, and a host run has no interrupt table",
    13: "raises a general protection exception (#GP)",
    14: "raises a page fault (#PF)",
    16: "raises an x87 exception (#MF)",
    17: "accesses memory that is not aligned (#AC)",
    19: "raises an SSE exception (#XM)",
}
"""AMD64 APM vol. 2, table 8-1."""

ACCESSES = {
    UC_MEM_READ_UNMAPPED: "reads",
    UC_MEM_WRITE_UNMAPPED: "writes",
    UC_MEM_FETCH_UNMAPPED: "runs",
    UC_MEM_READ_PROT: "reads",
    UC_MEM_WRITE_PROT: "writes",
    UC_MEM_FETCH_PROT: "runs",
}


class Access:
    """A memory access that was refused: the word for it, where, how many bytes."""

    def __init__(self, kind: int, address: int, size: int) -> None:
        self.word = ACCESSES.get(kind, "accesses")
        self.address = address
        self.size = size


class Machine:
    """A processor in 64-bit mode with ports."""

    def __init__(self) -> None:
        made: Any = Uc(UC_ARCH_X86, UC_MODE_64)  # type: ignore[no-untyped-call] # it has no types
        self.emulator = made
        self.emulator.ctl_set_tcg_buffer_size(TRANSLATIONS)
        self.emulator.ctl_set_tlb_mode(UC_TLB_VIRTUAL)  # the other mode cuts addresses to 52 bits
        self.ports = Ports()
        self.refused: Access | None = None
        self.exception: int | None = None
        self._failure: BaseException | None = None
        self._watches: list[int] = []
        self._hook()
        self._fresh = self.emulator.context_save()

    def _hook(self) -> None:
        add = self.emulator.hook_add
        add(UC_HOOK_MEM_INVALID, self._on_access)
        add(UC_HOOK_INTR, self._on_exception)
        add(UC_HOOK_INSN, self._on_in, aux1=x86.UC_X86_INS_IN)
        add(UC_HOOK_INSN, self._on_out, aux1=x86.UC_X86_INS_OUT)

    def on_block(self, enter: Callable[[Uc, int, int, Any], None]) -> None:
        """Call `enter(_, address, size, _)` for each block of instructions that begins."""
        self.emulator.hook_add(UC_HOOK_BLOCK, enter)

    def on_access(self, address: int, size: int, meet: Callable[[], object]) -> None:
        """Call `meet()` before each access to the `size` bytes at `address`."""

        def enter(emulator: Any, *_: Any) -> None:
            try:
                meet()
            except BaseException as failure:  # the binding would only print it
                self._failure = failure
                emulator.emu_stop()

        kinds = UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE
        last = address + size - 1
        self._watches.append(self.emulator.hook_add(kinds, enter, begin=address, end=last))
        self.forget_all_code()  # what is translated already calls nobody

    def watched(self) -> int:
        """How many accesses are watched, for `unwatch`."""
        return len(self._watches)

    def unwatch(self, kept: int) -> None:
        """Forget all that `on_access` was asked for but the first `kept`."""
        for watch in self._watches[kept:]:
            self.emulator.hook_del(watch)
        if self._watches[kept:]:
            del self._watches[kept:]
            self.forget_all_code()

    def _on_access(self, _: Uc, kind: int, address: int, size: int, __: int, ___: Any) -> bool:
        if self.refused is None:
            self.refused = Access(kind, address % (1 << 64), size)
        return False

    def _on_exception(self, emulator: Any, number: int, _: Any) -> None:
        self.exception = number
        emulator.emu_stop()

    def _on_in(self, emulator: Any, port: int, size: int, _: Any) -> int:
        try:
            return self.ports.read(port, size)
        except BaseException as failure:  # the binding has no value to go on with
            self._failure = failure
            emulator.emu_stop()
            return 0

    def _on_out(self, _: Uc, port: int, size: int, value: int, __: Any) -> None:
        self.ports.write(port, size, value)

    def run(self, address: int, most: int) -> None:
        """Run from `address` until something stops it, or `most` instructions ran."""
        self.refused = self.exception = self._failure = None
        try:
            self.emulator.emu_start(address, NOWHERE, count=most)
        except UcError as error:
            if error.errno == UC_ERR_INSN_INVALID:
                self.exception = 6
            elif self.refused is None:
                self.exception = UNKNOWN_EXCEPTION
        if self._failure is not None:
            raise self._failure

    def forget_code(self, address: int, size: int) -> None:
        """Take note that code was changed."""
        self.emulator.ctl_remove_cache(address, address + size)

    def forget_all_code(self) -> None:
        """Take note that code was changed in many places."""
        self.emulator.ctl_flush_tb()

    def reset(self) -> None:
        """Give all registers the values that they had at first."""
        self.emulator.context_restore(self._fresh)

    def keep_registers(self) -> None:
        """Save the registers that `reset` restores."""
        self._fresh = self.emulator.context_save()

    @property
    def registers(self) -> dict[str, int]:
        """rip, rflags and the general registers by name."""
        names = ["rip", *GENERAL[:6], "rsp", *GENERAL[6:]]
        found = {name: self._register(name) for name in names}
        return {**found, "rflags": self.emulator.reg_read(x86.UC_X86_REG_RFLAGS)}

    def _register(self, name: str) -> int:
        value: int = self.emulator.reg_read(getattr(x86, f"UC_X86_REG_{name.upper()}"))
        return value

    def set_gs_base(self, address: int) -> None:
        """Where GS points: the per-CPU block."""
        self.emulator.reg_write(x86.UC_X86_REG_GS_BASE, address)

    @property
    def gs_base(self) -> int:
        """Where GS points."""
        value: int = self.emulator.reg_read(x86.UC_X86_REG_GS_BASE)
        return value
