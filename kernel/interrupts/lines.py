"""The wires by which devices interrupt, and messages in their place."""

from __future__ import annotations

from kernel.acpi.madt import InterruptModel, OverrideEntry, Signal
from kernel.boot.record import BootRecord
from kernel.errno import Errno
from kernel.interrupts.action import Action
from kernel.interrupts.dispatcher import VECTORS, Dispatcher
from kernel.interrupts.ioapic import Entry, IoApics
from kernel.interrupts.localapic import LocalApic
from kernel.interrupts.pic import LINES, Pic
from kernel.interrupts.vectors import InterruptVector
from kernel.mm.pagetable import PAGE
from kernel.mm.paging import Paging
from kernel.sync.spinlock import SpinLock
from pykasm import *

ISA_LINES = 16
"""Interrupts of the ISA bus; those of other buses are at the lines behind."""

MESSAGE_ADDRESS = 0xFEE0_0000
MESSAGE_DESTINATION_SHIFT = 12
"""Where a device writes to interrupt a processor (Intel SDM vol. 3A, 11.11.1). The data is the
vector: fixed delivery, edge triggered."""


class Lines(Subsystem):
    """Leads each line (a GSI, in ACPI's words) to a vector, and that to its actions.

    Devices may share a line. All lines go to the first processor, the 8259s' included, which are
    used where no I/O APIC answers, or where the command line says `noapic` as it does not work.
    Context of `attach` and the like: any but handlers.
    """

    legacy = bss(U32)
    """Whether there are only the 8259s: 1 or 0."""
    destination = bss(U32)
    """The local APIC of the processor that gets the interrupts."""
    lines = bss(U32 * VECTORS)
    """By vector: the line that leads there, plus 1; 0 if none does."""

    def __init__(
        self,
        record: BootRecord,
        dispatcher: Dispatcher,
        apic: LocalApic,
        io_apics: IoApics,
        pic: Pic,
        model: InterruptModel,
        memory: Paging,
    ) -> None:
        self.record = record
        self.dispatcher = dispatcher
        self.apic = apic
        self.io_apics = io_apics
        self.pic = pic
        self.model = model
        self.memory = memory
        self.lock = bss(SpinLock)

    @function(init=True)
    def start(self) -> None:
        """Find what leads interrupts to processors. All lines are silent until they are attached.
        Context: the first processor, interrupts off."""
        self.pic.start()
        registers = self.apic.find()
        with if_(registers != 0):
            mov(self.apic.base, self.memory.registers(registers, PAGE))
        self.apic.start()
        self.dispatcher.claim(InterruptVector.APIC_ERROR, address_of(self.apic.action))
        mov(self.destination, self.apic.id())
        unwanted = self.record.has_option(text("noapic"))
        with if_(unwanted != 0):
            tail(self.use_legacy)
        answering = self.io_apics.start()
        with if_(answering == 0):
            tail(self.use_legacy)

    @function(init=True)
    def use_legacy(self) -> None:
        """Let the 8259s lead interrupts to the first processor."""
        mov(self.legacy, 1)
        tail(self.apic.accept_legacy)

    @function
    def isa(self, source: U32) -> U32:
        """The line for `source`, an interrupt of the ISA bus by its old number (0 to 15)."""
        source = keep(source)
        with if_(self.legacy != 0):
            ret(source)
        with self.model.each(OverrideEntry) as override:
            movzx(eax, override.source)
            with if_(eax == source):
                ret(override.line)
        ret(source)

    @function
    def attach(self, line: U32, action: Ptr[Action]) -> I32:
        """Let `action` be called when `line` interrupts. 0, or -EINVAL if there is no such line,
        or -ENOSPC if there is no vector for it."""
        line, action = keep(line), keep(action)
        result = keep(I32)
        with self.lock.held():
            mov(result, self.attach_locked(line, action))
        ret(result)

    @function(holds="lock")
    def attach_locked(self, line: U32, action: Ptr[Action]) -> I32:
        """See `attach`."""
        line, action = keep(line), keep(action)
        with if_(self.legacy != 0):
            tail(self.attach_legacy, line, action)
        vector = self.vector(line)
        with if_(vector != 0):
            self.dispatcher.claim(vector, action)
            ret(0)
        vector = keep(self.dispatcher.allocate(action))
        with if_(vector == 0):
            ret(-Errno.ENOSPC)
        entry = self.signal(line)
        or_(entry, vector)
        done = self.io_apics.set(line, self.destination, entry)
        with if_(done == 0):
            ignore(self.dispatcher.remove(vector, action))
            ret(-Errno.EINVAL)
        lea(eax, bare[u64(line) + 1])
        mov(self.lines[vector], eax)
        ret(0)

    @function(holds="lock")
    def attach_legacy(self, line: U32, action: Ptr[Action]) -> I32:
        """See `attach`, with the 8259s."""
        line = keep(line)
        with if_(line >= LINES):
            ret(-Errno.EINVAL)
        lea(edi, bare[u64(line) + InterruptVector.LEGACY])
        self.dispatcher.claim(edi, action)
        self.pic.unmask(line)
        ret(0)

    @function
    def detach(self, line: U32, action: Ptr[Action]) -> None:
        """Call `action` no more when `line` interrupts; it does not run when this returns."""
        line, action, vector = keep(line), keep(action), keep(U32)
        with self.lock.held():
            mov(vector, self.detach_locked(line, action))
        self.dispatcher.settle(vector)

    @function(holds="lock")
    def detach_locked(self, line: U32, action: Ptr[Action]) -> U32:
        """See `detach`; the vector that led to the action. A line without actions falls silent."""
        line, action, vector = keep(line), keep(action), keep(U32)
        with if_(self.legacy != 0):
            lea(vector, bare[u64(line) + InterruptVector.LEGACY])
            self.pic.mask(line)
        with else_():
            mov(vector, self.vector(line))
            self.io_apics.mask(line)
        left = self.dispatcher.remove(vector, action)
        with if_(left == 0):
            mov(self.lines[vector], 0)
        with elif_(self.legacy != 0):
            self.pic.unmask(line)
        with else_():
            self.io_apics.unmask(line)
        ret(vector)

    @function
    def vector(self, line: U32) -> U32:
        """The vector that `line` leads to, 0 if it is attached to none."""
        vector = scratch(U32)
        inc(line)
        with if_(line == 0):  # would be found where no line leads
            ret(0)
        mov(vector, InterruptVector.FIRST_DEVICE)
        with while_((self.lines[vector] != line) & (vector <= InterruptVector.LAST_DEVICE)):
            inc(vector)
        with if_(vector <= InterruptVector.LAST_DEVICE):
            ret(vector)
        ret(0)

    @function
    def signal(self, line: U32) -> U32:
        """How `line` interrupts, by flags of `Entry`: as the firmware says, or else as usual on
        the ISA bus, or else on the PCI bus."""
        line = keep(line)
        with self.model.each(OverrideEntry) as override, if_(override.line == line):
            movzx(eax, override.signal)
            tail(self.translate, eax)
        with if_(line < ISA_LINES):
            ret(0)
        ret(Entry.ACTIVE_LOW | Entry.LEVEL)

    @function
    def translate(self, signal: U32) -> U32:
        """The flags of `Entry` for those of `Signal`; the ISA bus is used to high and edge."""
        xor(eax, eax)
        mov(ecx, signal)
        and_(ecx, Signal.ACTIVE_LOW)
        with if_(ecx == Signal.ACTIVE_LOW):
            or_(eax, Entry.ACTIVE_LOW)
        and_(signal, Signal.LEVEL)
        with if_(signal == Signal.LEVEL):
            or_(eax, Entry.LEVEL)
        ret(eax)

    @function
    def message(self, vector: U32) -> U64:
        """The address that a device writes `vector` to, to interrupt (MSI, MSI-X)."""
        mov(eax, self.destination)
        shl(eax, MESSAGE_DESTINATION_SHIFT)
        or_(eax, MESSAGE_ADDRESS)
        ret(rax)
