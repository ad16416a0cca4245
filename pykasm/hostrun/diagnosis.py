"""Why code stopped where it should not have."""

from __future__ import annotations

from pykasm.hostrun.faults import HostAssertion, HostFault, Report
from pykasm.hostrun.gateway import UNSET
from pykasm.hostrun.heap import Heap
from pykasm.hostrun.loaded import STACK_ADDRESS, STACK_SIZE, Loaded
from pykasm.hostrun.machine import EXCEPTIONS, HLT, Access, Machine
from pykasm.hostrun.memory import PAGE, Memory
from pykasm.hostrun.ports import MissingPort
from pykasm.hostrun.position import Position
from pykasm.hostrun.trace import Trace
from pykasm.lang.convention import SLOT

CALLERS_SOUGHT = 16

BREAKPOINT = 3
"""The exception after which rip is behind the instruction (AMD64 APM vol. 2, 8.2.4)."""


class Diagnosis:
    """Looks at a stopped machine and makes the fault that tells what happened."""

    def __init__(
        self, machine: Machine, memory: Memory, loaded: Loaded, heap: Heap, trace: Trace
    ) -> None:
        self._machine = machine
        self._memory = memory
        self._loaded = loaded
        self._heap = heap
        self._trace = trace

    def stopped(self, limit: int) -> HostFault:
        """Why the emulator stopped without the gateway."""
        machine = self._machine
        if machine.refused is not None:
            return self._refused(machine.refused)
        if machine.exception is not None:
            return self._exception(machine.exception)
        rip = machine.registers["rip"]
        before = self._trace.at(rip - 1)
        if before and before.address == rip - 1 and self._memory.read(rip - 1, 1) == HLT:
            return self.fault("halts the processor, and no interrupt would wake it", rip - 1)
        return self.fault(
            f"has not returned after {limit:,} instructions",
            fix="`limit=` allows more, if this is no endless loop",
        )

    def _exception(self, number: int) -> HostFault:
        rip = self._machine.registers["rip"]
        at = rip - 1 if number == BREAKPOINT else rip
        return self.fault(EXCEPTIONS.get(number, f"raises interrupt {number:#x}"), at)

    def _refused(self, access: Access) -> HostFault:
        size = f"{access.size} byte{'s' * (access.size != 1)} at "
        if access.word == "runs":
            size = "what is at "
        missing = self._loaded.missing(access.address)
        if missing:
            return self.fault(
                f"{access.word} {size}`{missing}`, which nothing loaded defines",
                fix=f"`host.define({missing!r}, address)`, or give its subsystem to `Host(…)`",
            )
        place = self._place(access)
        return self.fault(f"{access.word} {size}{access.address:#x}{place}")

    def _place(self, access: Access) -> str:
        """What is at the address of `access`."""
        region = self._memory.find(access.address)
        if region is not None:
            symbol = self._loaded.placement.describe(access.address) or region.name
            kind = {"writes": "read-only", "runs": "no code"}.get(access.word, "not readable")
            return f" ({symbol}), which is {kind}"
        if access.address >> 32 == UNSET >> 32:
            return ", an address from a register that nothing has set"
        if access.address < PAGE:
            return ", a null pointer"
        if STACK_ADDRESS - STACK_SIZE <= access.address < STACK_ADDRESS:
            return f", below the {STACK_SIZE >> 10} KiB of stack"
        nearest = self._heap.describe(access.address, within=PAGE)
        return f", {nearest}" if nearest else ", where nothing is mapped"

    def missing_port(self, missing: MissingPort) -> HostFault:
        """The fault of using a port: the processor is behind the instruction by then."""
        behind = self._machine.registers["rip"]
        used = self._trace.at(behind - 1)
        return self.fault(missing.what, behind if used is None else used.address, missing.fix)

    def not_loaded(self, symbol: str, stack: int) -> HostFault:
        """The fault of calling `symbol`; the return address is at `stack`."""
        returns_to = int.from_bytes(self._memory.read(stack, SLOT), "little")
        return self.fault(
            f"calls `{symbol}`, which is not loaded",
            returns_to - 1,
            fix=f"`host.stub({symbol}, lambda …: value)`, or give its subsystem to `Host(…)`",
        )

    def assertion(self, text: str, stack: int) -> HostAssertion:
        """The failure of the check described by `text`; the return address is at `stack`."""
        returns_to = int.from_bytes(self._memory.read(stack, SLOT), "little")
        report = self._report(f"assertion failed: {text}", returns_to - 1)
        return HostAssertion(report)

    def broken(self, name: str, what: str) -> HostFault:
        """The fault of returning in a way that breaks the convention."""
        report = Report(f"{name} {what}", ran=self._trace.last_positions(-1))
        report.position = report.ran[-1] if report.ran else None
        return HostFault(report)

    def fault(self, what: str, at: int | None = None, fix: str = "") -> HostFault:
        """The fault that the instruction at `at`, by default the current one, does `what`."""
        report = self._report(what, at, fix)
        report.what = f"{report.position.function if report.position else 'the code'} {what}"
        return HostFault(report)

    def _report(self, what: str, at: int | None = None, fix: str = "") -> Report:
        registers = self._machine.registers
        rip = registers["rip"] = registers["rip"] if at is None else at
        ran = self._trace.last_positions(rip)
        position = self._trace.at(rip) or (ran[-1] if ran else None)
        return Report(what, position, self._callers(registers), ran, registers, fix)

    def _callers(self, registers: dict[str, int]) -> list[Position]:
        """Where calls are waiting to return to, innermost first, by the chain of frames."""
        found: list[Position] = []
        frame = registers["rbp"]
        while len(found) < CALLERS_SOUGHT and self._is_frame(frame):
            raw = self._memory.read(frame, 2 * SLOT)
            frame, returns_to = (int.from_bytes(raw[n : n + SLOT], "little") for n in (0, SLOT))
            position = self._trace.at(returns_to - 1)
            if position is None:
                break
            found.append(position)
        return found

    def _is_frame(self, frame: int) -> bool:
        return STACK_ADDRESS <= frame <= STACK_ADDRESS + STACK_SIZE - 2 * SLOT
