"""Interrupt lines of devices, and messages (MSI) in their place."""

from __future__ import annotations

from kernel.acpi.madt import InterruptModel, IntiFlags, OverrideEntry
from kernel.boot.record import BootRecord
from kernel.cpu.pagetable import PAGE
from kernel.errno import Errno
from kernel.interrupts.action import Action
from kernel.interrupts.dispatcher import VECTORS, Dispatcher
from kernel.interrupts.localapic import LocalApic
from kernel.interrupts.pic import LINES, Pic
from kernel.interrupts.vectors import InterruptVector
from kernel.irq.ioapic import IoApics, RedirectionEntry
from kernel.locks.spinlock import SpinLock
from kernel.mm.directmap import DirectMap
from kernel.processors.processor import Processor
from kernel.processors.processors import Processors
from pykasm import *

ISA_LINES = 16
"""Interrupts of the ISA bus; those of other buses have the lines after these."""

MESSAGE_ADDRESS = 0xFEE0_0000
MESSAGE_DESTINATION_SHIFT = 12
"""The address that a device writes to, to interrupt a processor (Intel SDM vol. 3A, 11.11.1). The
data is the vector: fixed delivery, edge triggered."""


BROADCAST = 0xFF
"""The destination that means all processors (Intel SDM vol. 3A, 11.6.2.1). Destinations have eight
bits, in I/O APICs and in messages, so processors with this number or a larger one can't be one."""


class Route(Struct):
    """The source of the interrupts on a vector, and the processor that serves them."""

    line: U32
    """The number of the line plus 1; 0 if none has this vector."""
    processor: Ptr[Processor]
    """Null if neither a line nor a device's messages have this vector."""


class Lines(Subsystem):
    """Connect each line (a GSI, in ACPI's words) to a vector, and that to its actions.

    Devices may share a line. Each line, and each message, goes to one processor; they take turns in
    getting new ones. The lines of the 8259s all go to the first processor: they are used where no
    I/O APIC answers, or where the command line says `noapic` as it does not work.
    Context of `attach` and the like: any but handlers.
    """

    legacy = bss(U32)
    """Whether there are only the 8259s: 1 or 0."""
    latest = bss(Ptr[Processor], guarded_by="lock")
    """The processor that was given a line, or a message, last."""
    routes = bss(Route * VECTORS)
    """By vector."""

    def __init__(
        self,
        record: BootRecord,
        dispatcher: Dispatcher,
        apic: LocalApic,
        io_apics: IoApics,
        pic: Pic,
        model: InterruptModel,
        memory: DirectMap,
        processors: Processors,
    ) -> None:
        self.record = record
        self.dispatcher = dispatcher
        self.apic = apic
        self.io_apics = io_apics
        self.pic = pic
        self.model = model
        self.memory = memory
        self.processors = processors
        self.lock = bss(SpinLock)

    @function(init=True)
    def start(self) -> None:
        """Start the interrupt controllers, with all lines masked until they are attached. Context:
        the first processor, interrupts off."""
        self.pic.start()
        registers = self.apic.find()
        with if_(registers != 0):
            mov(self.apic.base, self.memory.claim_registers(registers, PAGE))
        self.apic.start()
        self.dispatcher.claim(InterruptVector.APIC_ERROR, address_of(self.apic.action))
        with if_(self.record.has_option(text("noapic"))):
            tail(self._use_legacy)
        answering = self.io_apics.start()
        with if_(answering == 0):
            tail(self._use_legacy)

    @function(init=True)
    def _use_legacy(self) -> None:
        """Use the 8259s, which interrupt the first processor alone."""
        mov(self.legacy, 1)
        tail(self.apic.accept_legacy)

    @function
    def isa(self, source: U32) -> U32:
        """Return the line of `source`, an interrupt of the ISA bus (0 to 15)."""
        with if_(self.legacy != 0):
            ret(source)
        with self.model.each(OverrideEntry, scratch) as override:
            movzx(eax, override.source)
            with if_(eax == source):
                ret(override.line)
        ret(source)

    @function
    def attach(self, line: Keep[U32], action: Keep[Ptr[Action]]) -> OrErrno[I32]:
        """Call `action` from now on when `line` interrupts. Return 0; -EINVAL if there is no such
        line; -ENOSPC if no vector is left for it."""
        result = keep(I32)
        with self.lock.held():
            mov(result, self._attach_locked(line, action))
        ret(result)

    @function(holds="lock")
    def _attach_locked(self, line: Keep[U32], action: Keep[Ptr[Action]]) -> OrErrno[I32]:
        """Do the work of `attach`."""
        with if_(self.legacy != 0):
            tail(self._attach_legacy, line, action)
        vector = self.vector(line)
        with if_(vector != 0):
            self.dispatcher.claim(vector, action)  # shares the line with those before
            ret(0)
        vector = keep(self.dispatcher.allocate(action))
        with if_(vector == 0):
            ret(-Errno.ENOSPC)
        entry = keep(self.signal(line))
        or_(entry, vector)
        processor = scratch(self._route(vector))
        # Only now, with the action in its place: the line may interrupt at once.
        with if_(~self.io_apics.set(line, processor.apic, entry)):
            self.forget(vector)
            ignore(self.dispatcher.remove(vector, action))
            ret(-Errno.EINVAL)
        route = scratch(Ptr[Route])
        point_at(route, self.routes, u64(vector))
        inc(line)
        mov(route.line, line)
        ret(0)

    @function(holds="lock")
    def _attach_legacy(self, line: Keep[U32], action: Ptr[Action]) -> OrErrno[I32]:
        """Do the work of `attach` with the 8259s."""
        with if_(line >= LINES):
            ret(-Errno.EINVAL)
        vector = scratch(line)
        add(vector, InterruptVector.LEGACY)
        self.dispatcher.claim(vector, action)
        self.pic.unmask(line)
        ret(0)

    @function
    def detach(self, line: Keep[U32], action: Keep[Ptr[Action]]) -> None:
        """Call `action` no longer when `line` interrupts; it does not run when this returns."""
        vector = keep(U32)
        with self.lock.held():
            mov(vector, self._detach_locked(line, action))
        # Without the lock: an action that still runs may wait for it.
        self.dispatcher.synchronize(vector)

    @function(holds="lock")
    def _detach_locked(self, line: Keep[U32], action: Keep[Ptr[Action]]) -> U32:
        """Do the work of `detach`, and return the vector of the action. A line without actions
        stays masked."""
        vector = keep(U32)
        with if_(self.legacy != 0):
            lea(vector, bare[u64(line) + InterruptVector.LEGACY])
            self.pic.mask(line)
        with else_():
            mov(vector, self.vector(line))
            self.io_apics.mask(line)
        with if_(~self.dispatcher.remove(vector, action)):
            self.forget(vector)
        with elif_(self.legacy != 0):
            self.pic.unmask(line)
        with else_():
            self.io_apics.unmask(line)
        ret(vector)

    @function
    def vector(self, line: U32) -> U32:
        """Return the vector of `line`, 0 if it has none."""
        vector, route = scratch(U32), scratch(Ptr[Route])
        inc(line)
        with if_(line == 0):  # the number 2**32 - 1, which would be found at a vector without line
            ret(0)
        mov(vector, InterruptVector.FIRST_DEVICE)
        lea(route, self.routes[InterruptVector.FIRST_DEVICE])
        with while_((route.line != line) & (vector <= InterruptVector.LAST_DEVICE)):
            inc(vector)
            add(route, sizeof(Route))
        with if_(vector <= InterruptVector.LAST_DEVICE):
            ret(vector)
        ret(0)

    @function
    def signal(self, line: U32) -> U32:
        """Return polarity and trigger mode of `line` as flags of `RedirectionEntry`: what the
        firmware says, or else what is usual on the ISA bus or the PCI bus."""
        with self.model.each(OverrideEntry, scratch) as override, if_(override.line == line):
            movzx(eax, override.signal)
            tail(self._translate, eax)
        with if_(line < ISA_LINES):
            ret(0)
        ret(RedirectionEntry.ACTIVE_LOW | RedirectionEntry.LEVEL)

    @function
    def _translate(self, signal: U32) -> U32:
        """Return the flags of `RedirectionEntry` for those of `IntiFlags`. Those that leave it to
        the bus mean active high and edge, as on the ISA bus."""
        xor(eax, eax)
        mov(ecx, signal)
        and_(ecx, IntiFlags.ACTIVE_LOW)
        with if_(ecx == IntiFlags.ACTIVE_LOW):
            or_(eax, RedirectionEntry.ACTIVE_LOW)
        and_(signal, IntiFlags.LEVEL)
        with if_(signal == IntiFlags.LEVEL):
            or_(eax, RedirectionEntry.LEVEL)
        ret(eax)

    # Processors

    @function
    def message(self, vector: U32) -> U64:
        """Return the address that a device writes `vector` to, to interrupt (MSI, MSI-X). `forget`
        ends that."""
        processor = scratch(Ptr[Processor])
        with self.lock.held():
            mov(processor, self._route(vector))
        mov(eax, processor.apic)
        shl(eax, MESSAGE_DESTINATION_SHIFT)
        or_(eax, MESSAGE_ADDRESS)
        ret(rax)

    @function(holds="lock")
    def _route(self, vector: Keep[U32]) -> Ptr[Processor]:
        """Choose the processor that serves `vector`, the next one in turn, and return it."""
        processor = scratch(self.next())
        route = scratch(Ptr[Route])
        point_at(route, self.routes, u64(vector))
        mov(route.processor, processor)
        ret(processor)

    @function(holds="lock")
    def next(self) -> Ptr[Processor]:
        """Return the processor whose turn it is."""
        with loop():  # ends, as the first processor can always be reached
            mov(self.latest, self.processors.after(self.latest))
            latest = scratch(self.latest)
            break_if(latest.apic < BROADCAST)
        ret(latest)

    @function(context="any")
    def forget(self, vector: U32) -> None:
        """Note that `vector` has no line and no messages any more. Context: any."""
        route = scratch(Ptr[Route])
        point_at(route, self.routes, u64(vector))
        mov(route.line, 0)
        mov(route.processor, 0)

    @function
    def move(self, line: Keep[U32], processor: Keep[Ptr[Processor]]) -> OrErrno[I32]:
        """Move the interrupts of `line` to another processor; its actions may still be running on
        the one before. Return 0, or -EINVAL if nothing is attached or it can't be reached."""
        result = keep(I32)
        mov(result, -Errno.EINVAL)
        with self.lock.held():
            vector = self.vector(line)
            with if_((vector != 0) & (processor.apic < BROADCAST)):
                self._lead(vector, processor)
                xor(result, result)
        ret(result)

    @function(init=True)
    def spread(self) -> None:
        """Distribute the lines that were attached before the other processors ran among all."""
        vector, route = keep(U32), keep(Ptr[Route])
        lea(route, self.routes[InterruptVector.FIRST_DEVICE])
        with (
            self.lock.held(),
            for_(vector, InterruptVector.FIRST_DEVICE, InterruptVector.LAST_DEVICE + 1),
        ):
            with if_(route.line != 0):
                self._lead(vector, self.next())
            add(route, sizeof(Route))

    @function(holds="lock")
    def _lead(self, vector: U32, processor: Ptr[Processor]) -> None:
        """Route `vector`, which has a line, to `processor`."""
        route = scratch(Ptr[Route])
        point_at(route, self.routes, u64(vector))
        mov(route.processor, processor)
        line = scratch(route.line)
        dec(line)
        ignore(self.io_apics.direct(line, processor.apic))
