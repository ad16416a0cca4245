"""Everything in memory: the subsystems, the gateway, the stack, per-CPU data, symbols."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pykasm.errors import SymbolMistake
from pykasm.hostrun.gateway import CALL_BYTES, assembled_gateway
from pykasm.hostrun.machine import Machine
from pykasm.hostrun.memory import Memory
from pykasm.hostrun.placement import Placement
from pykasm.hostrun.program import assemble, assertions, reachable
from pykasm.hostrun.slots import Slots
from pykasm.hostrun.stubs import Assertion, Missing, Stub
from pykasm.lang.convention import Signature
from pykasm.lang.data import Data
from pykasm.lang.function import BoundFunction
from pykasm.lang.instances import other_instance
from pykasm.lang.reference import SymbolReference
from pykasm.lang.subsystem import Subsystem, data_of
from pykasm.link.layout import Layout, OutputSection

STACK_ADDRESS = 0xFFFF_C000_0000_0000
STACK_SIZE = 1 << 16
"""Bytes; four times what kernels usually give a thread."""

GATEWAY_LAYOUT = Layout(
    "",
    [
        OutputSection(".text", "--x"),
        OutputSection(".bss", "rw-", nobits=True),
    ],
    load_address=0x7000_0000,
)
"""Within the reach of a call from the image, far above its end. The code can't be read, so that
the slot of a missing symbol is no memory."""

JUMP = b"\xe9"
"""`jmp rel32` (AMD64 APM vol. 3, JMP)."""


class Loaded:
    """What is in the memory of a host."""

    def __init__(
        self,
        machine: Machine,
        memory: Memory,
        roots: Sequence[Subsystem],
        layout: Layout,
    ) -> None:
        self.machine = machine
        gateway = Placement(assembled_gateway(), GATEWAY_LAYOUT, memory, lambda name: 0)
        names = {name.rpartition(".")[2]: address for name, address in gateway.symbols.items()}
        self.enter, self.resume = names["enter"], names["resume"]
        self.exchange = gateway.regions[".bss"]
        self.slots = Slots(names["slots"])
        memory.map("the stack", STACK_ADDRESS, STACK_SIZE, "rw-")
        known = reachable(roots)
        self.units = assemble(roots, known)
        self._known = {one._unit_name(): one for one in known}
        self._data = {one._symbol: one for name in self._known for one in self._data_of(name)}
        self.placement = Placement(self.units, layout, memory, self._missing)
        self._patches: list[tuple[int, bytes]] = []
        self._memory = memory
        self._start_processor()

    def _start_processor(self) -> None:
        """Give the one processor its copy of the per-CPU data."""
        template, own = (self.placement.regions.get(name) for name in (".percpu", ".first_percpu"))
        if template and own:
            own.bytes[: template.size] = template.bytes[: template.size]
            self.machine.set_gs_base(own.address)

    def _data_of(self, name: str) -> Iterator[Data]:
        return (datum for _, datum in data_of(self._known[name], name))

    def _missing(self, name: str) -> int:
        if name == assertions.failed._label:
            return self.slots.add(Assertion(name, assertions.failed._signature, None))
        return self.slots.add(Missing(name, Signature(), None))

    def address(self, reference: SymbolReference, percpu: bool = False) -> int:
        """Where what `reference` means is in memory."""
        target = reference._target()
        assert isinstance(target, str)
        self._check_instance(reference, target)
        start = self.placement.resolve(target) if target else 0
        if percpu:
            start += self.machine.gs_base
        return (start + reference.addend) % (1 << 64)

    def _check_instance(self, reference: SymbolReference, name: str) -> None:
        """Raise a mistake where `reference` means the `name` of another instance than is loaded."""
        thing = getattr(reference.symbol, "__self__", None)
        if isinstance(thing, BoundFunction):
            loaded = self._known.get(thing._owner._unit_name(), thing._owner) is thing._owner
        else:
            loaded = not isinstance(thing, Data) or self._data.get(name, thing) is thing
        if not loaded:
            raise other_instance(name, "the host")

    def missing(self, address: int) -> str | None:
        """The undefined symbol that `address` stands for."""
        stub = self.slots.at(address)
        return stub.name if isinstance(stub, Missing) else None

    def present(self, reference: SymbolReference, percpu: bool = False) -> int:
        """Return the address of `reference`. Errors: it means something that is not loaded."""
        address = self.address(reference, percpu)
        missing = self.missing(address)
        if missing:
            raise SymbolMistake(
                f"`{missing}` is not loaded",
                expected="something of a subsystem that the host was given, or that those use",
                got=", ".join(unit.name for unit in self.units),
                fix="give its subsystem to `Host(…)` too",
            )
        return address

    def replace(self, function: BoundFunction[object], stub: Stub) -> None:
        """Have `stub` answer calls of `function`, wherever they come from."""
        address = self.address(function._symbol_reference)
        if self.slots.at(address):
            self.slots.replace(address, stub)
            return
        distance = self.slots.add(stub) - (address + CALL_BYTES)
        self._patches.append((address, self._memory.read(address, CALL_BYTES)))
        self._patch(address, JUMP + distance.to_bytes(CALL_BYTES - 1, "little", signed=True))

    def _patch(self, address: int, code: bytes) -> None:
        self._memory.write(address, code)
        self.machine.forget_code(address, len(code))

    def state(self) -> tuple[int, list[Stub]]:
        """Which functions are replaced now, for `restore`."""
        return len(self._patches), self.slots.state()

    def restore(self, state: tuple[int, list[Stub]]) -> None:
        """Go back to `state`."""
        kept, stubs = state
        while len(self._patches) > kept:
            self._patch(*self._patches.pop())
        self.slots.restore(stubs)
