"""The host: memory, a processor and the loaded subsystems, ready for calls from tests."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from enum import Enum
from typing import Any

from pykasm.errors import CallMistake, TypeMistake
from pykasm.hostrun.calls import Calls
from pykasm.hostrun.faults import HostError
from pykasm.hostrun.heap import Heap
from pykasm.hostrun.loaded import Loaded
from pykasm.hostrun.machine import Machine
from pykasm.hostrun.memory import Memory
from pykasm.hostrun.ports import Reader, Writer
from pykasm.hostrun.stubs import Stub
from pykasm.hostrun.values import Values
from pykasm.hostrun.views import Pointer
from pykasm.isa.registers import REGISTERS
from pykasm.lang.convention import Kind, signature_of
from pykasm.lang.data import symbol_reference
from pykasm.lang.function import BoundFunction, no_function
from pykasm.lang.image import Image
from pykasm.lang.numbers import U8
from pykasm.lang.operands import MemoryOperand
from pykasm.lang.subsystem import Subsystem, checked_subsystems
from pykasm.lang.types import Fn, TypeMeta, Void, pointer_to
from pykasm.link.layout import Layout, kernel_layout

LIMIT = 1_000_000
"""Instructions that a call may take: some seconds in a traced host."""


class Host:
    """Runs functions of subsystems in this process.

    `subjects` are subsystems, or images. What those refer to is loaded too, as far as their
    attributes lead to it; all else can be replaced with `stub` or `define`. `limit` is how many
    instructions a call may take. Long loops run many times faster when the host is not `traced`,
    but then instructions are not counted and faults do not show the last lines. `layout` places
    sections (default: that of the kernel).

    Data is read and written through `host[subsystem.datum]`. Raises `BuildFailed` for mistakes in
    the code, and from calls `HostFault`, `HostAssertion` and `HostStop`.
    """

    def __init__(
        self,
        *subjects: Subsystem | Image,
        layout: Layout | None = None,
        limit: int = LIMIT,
        traced: bool = True,
    ) -> None:
        roots: list[Subsystem] = []
        for one in subjects:
            if isinstance(one, Image):
                roots += one.subsystems
                layout = layout or one.layout
            else:
                roots += checked_subsystems("Host", [one])
        self._limit = limit
        self._traced = traced
        self._machine = Machine()
        self._memory = Memory(self._machine.emulator)
        self._loaded = Loaded(self._machine, self._memory, roots, layout or kernel_layout(""))
        self._heap = Heap(self._memory)
        self._values = Values(self._memory, self._loaded.address, self._place_bytes, self._callback)
        self._calls = Calls(
            self._machine, self._memory, self._loaded, self._heap, self._values, traced
        )
        self.checkpoint()

    # Calls

    def call(self, function: Any, *arguments: object, limit: int | None = None) -> Any:
        """Call `function`, of a loaded subsystem or by a typed function pointer.

        Arguments are numbers, members of enumerations, pointers and views that this host gave,
        data and functions of subsystems (for their address), None for a null pointer, `str` for
        a zero-terminated text, `bytes` for a pointer to them, and Python functions for function
        pointers. The result is a number, negative if its type is signed and it is, a `Pointer`,
        a tuple of two, or None.
        """
        most = self._limit if limit is None else limit
        if isinstance(function, Pointer) and issubclass(function._kind, Fn):
            signature = signature_of(function._kind)
            return self._calls.call("the function", int(function), signature, arguments, most)
        _check_callable(function)
        address = self._loaded.present(function._symbol_reference)
        return self._calls.call(function._label, address, function._signature, arguments, most)

    @property
    def instructions(self) -> int:
        """How many instructions the last call ran; each round of a repeated one counts."""
        if not self._traced:
            raise HostError("this host is not traced, so it counts no instructions")
        return self._calls.trace.instructions

    @property
    def registers(self) -> dict[str, int]:
        """The registers by name, as the last call left them."""
        return self._calls.registers

    # Memory

    def new(
        self,
        kind: Any,
        value: object = None,
        /,
        *,
        at: int | None = None,
        fenced: bool = False,
        **fields: Any,
    ) -> Any:
        """Memory for a `kind`, zeros or `value`: a view of a struct or array, or a pointer.

        `fields` are initial values of a struct's. `at` says where, in memory that `map` made.
        What writes outside of the object is found when the call returns; where it is `fenced`,
        accesses past its end fault at once, reads too.
        """
        if not isinstance(kind, TypeMeta):
            raise TypeMistake(
                "`host.new` takes a type",
                expected="a type such as U32, `U8 * 16` or a Struct",
                got=repr(kind),
            )
        initial = fields if value is None else value
        contents = self._values.encode(kind, initial or None)
        if at is None:
            at = self._heap.allocate(len(contents), kind._align, repr(kind), fenced)
        if initial:
            self._memory.write(at, contents)
        return self.at(kind, at)

    def at(self, kind: Any, address: Any) -> Any:
        """What is at `address`, seen as a `kind`: a view of a struct or array, or a pointer."""
        return self._values.view(kind, int(address))

    def bytes(self, value: builtins.bytes, fenced: bool = False) -> Pointer:
        """A pointer to a copy of `value`; for `fenced` see `new`."""
        return Pointer(self._values, self._place_bytes(value, fenced), pointer_to(U8))

    def text(self, value: str) -> Pointer:
        """A pointer to `value` in UTF-8 with a zero at the end."""
        return self.bytes(value.encode() + b"\0")

    def read(self, address: Any, size: int) -> builtins.bytes:
        """`size` bytes at `address`."""
        return self._memory.read(int(address), size)

    def read_text(self, address: Any) -> str:
        """The zero-terminated text at `address`."""
        return self._values.text(int(address))

    def write(self, address: Any, value: builtins.bytes) -> None:
        """Put `value` at `address`, whatever the permissions there."""
        self._memory.write(int(address), value)

    def map(self, address: int, size: int, permissions: str = "rw-") -> None:
        """Make `size` bytes of zeroed memory at `address`, such as a device's or a page table's."""
        self._memory.map("memory mapped by the test", address, size, permissions)

    def __getitem__(self, datum: Any) -> Any:
        """The value of a datum of a loaded subsystem, or of a part of one."""
        kind, address, values = self._place(datum)
        return self._values.read(kind, address, values)

    def __setitem__(self, datum: Any, value: object) -> None:
        kind, address, _ = self._place(datum)
        self._values.write(kind, address, value)

    def address(self, thing: Any) -> Pointer:
        """The address of a datum or function as a typed pointer, of an array to its elements."""
        if isinstance(thing, MemoryOperand):
            kind, address, _ = self._place(thing)
            return Pointer(self._values, address, pointer_to(getattr(kind, "_element", kind)))
        reference, _ = symbol_reference(thing, "host.address")
        return Pointer(self._values, self._loaded.address(reference), pointer_to(Void))

    def _place(self, datum: Any) -> tuple[TypeMeta, int, type[Enum] | None]:
        if not isinstance(datum, MemoryOperand):
            raise TypeMistake(
                "`host[…]` takes data of a subsystem",
                expected="`host[subsystem.datum]`, or a field or element of one",
                got=repr(datum),
            )
        reference, _ = symbol_reference(datum, "host[…]")
        percpu = datum._segment is REGISTERS["gs"]
        address = self._loaded.present(reference, percpu) + datum._displacement
        return datum._kind, address, datum._values

    def _place_bytes(self, value: builtins.bytes, fenced: bool = False) -> int:
        address = self._heap.allocate(len(value), 1, f"{len(value)} bytes", fenced)
        self._memory.write(address, value)
        return address

    # What Python answers for

    def stub(self, function: Any, python: Callable[..., Any] | None = None) -> Stub:
        """Have `python` answer calls of `function`; return the stub, which has its `calls`.

        It gets the arguments as `call` returns results, and returns the result (a tuple of two).
        Left out: the function does nothing. After one that never returns, `call` raises
        `HostStop`.
        """
        _check_callable(function)
        made = Stub(function._label, function._signature, python)
        self._loaded.replace(function, made)
        return made

    def _callback(self, kind: TypeMeta, python: Callable[..., object]) -> int:
        name = getattr(python, "__name__", "a callback")
        return self._loaded.slots.add(Stub(name, signature_of(kind), python))

    def define(self, symbol: str, address: Any) -> None:
        """Define `symbol`, one of the linker's or one that nothing loaded defines, as `address`.

        Without it, bounds symbols are those of what is loaded. A reset does not undo it.
        """
        self._loaded.placement.define(symbol, int(address))
        self._machine.forget_all_code()

    def on_in(self, ports: int | range, reader: Reader) -> None:
        """Have code that reads one of `ports` get the value of `reader(port)`."""
        self._machine.ports.on_in(ports, reader)

    def on_out(self, ports: int | range, writer: Writer) -> None:
        """Call `writer(port, value)` for what code writes to one of `ports`."""
        self._machine.ports.on_out(ports, writer)

    def on_access(self, address: Any, meet: Callable[[], object], size: int = 8) -> None:
        """Call `meet()` before each access of code to the `size` bytes at `address`: it may change
        memory as another processor would just then."""
        self._machine.on_access(int(address), size, meet)

    # Going back

    def checkpoint(self) -> None:
        """Save the state that `reset` restores."""
        self._machine.keep_registers()
        self._saved = (
            self._memory.state(),
            self._heap.mark(),
            self._loaded.state(),
            self._machine.ports.state(),
            self._machine.watched(),
        )

    def reset(self) -> None:
        """Undo all since the last checkpoint (or the start): memory, objects, stubs, ports, whom
        accesses call."""
        memory, heap, loaded, ports, watched = self._saved
        self._memory.restore(memory)
        self._heap.release(heap)
        self._loaded.restore(loaded)
        self._machine.ports.restore(ports)
        self._machine.unwatch(watched)
        self._machine.reset()


def _check_callable(function: Any) -> None:
    if not isinstance(function, BoundFunction):
        what = "a host calls and replaces functions of subsystems"
        raise no_function(what, function, CallMistake)
    options = function._function.options
    if options.bits != 64 or options.kind not in (Kind.FUNCTION, Kind.NAKED):
        raise CallMistake(
            f"`{function._label}` can't be called in a host run",
            expected="64-bit code marked `@function` or `@naked`",
            got=f"{options.bits}-bit code marked `@{options.kind.value}`",
        )
