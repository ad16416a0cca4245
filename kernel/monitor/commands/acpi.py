"""Commands that show what the firmware tells."""

from __future__ import annotations

from kernel.acpi.fadt import FixedDescription
from kernel.acpi.hpet import HpetDescription
from kernel.acpi.madt import (
    InterruptModel,
    IntiFlags,
    IoApicEntry,
    LocalApicEntry,
    LocalX2ApicEntry,
    OverrideEntry,
    ProcessorFlags,
)
from kernel.acpi.mcfg import EcamRegions
from kernel.acpi.structures import TableHeader
from kernel.acpi.tables import AcpiTables
from kernel.console.console import Console
from kernel.monitor.command import Commands, command
from kernel.text.strings import Words
from pykasm import *

SIGNATURE_SIZE = sizeof(U32)

SIGNALS = {
    IntiFlags.ACTIVE_LOW: {
        IntiFlags.ACTIVE_HIGH: "active high",
        IntiFlags.ACTIVE_LOW: "active low",
    },
    IntiFlags.LEVEL: {IntiFlags.EDGE: "edge", IntiFlags.LEVEL: "level"},
}
"""By the bits that tell it: what an override can say of how a line interrupts."""


class AcpiCommands(Commands):
    """`acpi`."""

    def __init__(
        self,
        console: Console,
        tables: AcpiTables,
        model: InterruptModel,
        fixed: FixedDescription,
        hpet: HpetDescription,
        pci: EcamRegions,
    ) -> None:
        self.console = console
        self.tables = tables
        self.model = model
        self.fixed = fixed
        self.hpet = hpet
        self.pci = pci
        self.commands = [command("acpi", "", "the firmware's tables, and what they say", self.acpi)]

    @function
    def acpi(self, words: Ptr[Words]) -> Bool:
        """Print the tables and what the kernel understood of them."""
        with if_(self.tables.root == 0):
            self.console.print("no tables; what follows is the MP table's, or assumed\n")
        self._list_tables()
        self._show_processors()
        self._show_interrupts()
        self._show_timers()
        self._show_pci()
        ret(True)

    @function
    def _list_tables(self) -> None:
        """Print a line for each table that the root names."""
        with self.tables.each() as address:
            header = self.tables.header_at(address)
            with if_(header == 0):
                self.console.print("????  0x%x  damaged\n", address)
            with else_():
                self._show_table(address, header)

    @function
    def _show_table(self, address: Keep[U64], header: Keep[Ptr[TableHeader]]) -> None:
        """Print signature, address and size of the table with this `header`."""
        letters = cast(header, Ptr[U8])
        for n in range(SIGNATURE_SIZE):
            self._show_letter(letters[n])
        self.console.print("  0x%x  %u bytes", address, header.length)
        with if_(~self.tables.is_valid(address)):
            self.console.print("  damaged")
        self.console.print("\n")

    @inline(changes=CALLER_SAVED)
    def _show_letter(self, letter: U8) -> None:
        """Print a byte if that is a capital or a digit, else a question mark."""
        mov(al, letter)  # of a table that may be damaged
        with if_((al < ord("0")) | (al > ord("Z"))):
            mov(al, ord("?"))
        self.console.print("%c", al)

    @function
    def _show_processors(self) -> None:
        """Print the processors that can be used."""
        usable = ProcessorFlags.ENABLED | ProcessorFlags.ONLINE_CAPABLE
        for kind in (LocalApicEntry, LocalX2ApicEntry):
            with self.model.each(kind) as entry, if_(entry.flags & usable):
                self.console.print("processor with the local APIC %u\n", entry.id)

    @function
    def _show_interrupts(self) -> None:
        """Print the I/O APICs, and what is wired otherwise than usual."""
        with self.model.each(IoApicEntry) as entry:
            self.console.print("I/O APIC at 0x%x, lines from %u\n", entry.address, entry.first)
        with self.model.each(OverrideEntry) as override:
            self.console.print("ISA interrupt %u is line %u", override.source, override.line)
            self._show_signal(override.signal)
            self.console.print("\n")

    @inline(changes=CALLER_SAVED)
    def _show_signal(self, signal: U16) -> None:
        """Print how a line interrupts, where that is not as usual."""
        for mask, names in SIGNALS.items():
            for value, name in names.items():
                mov(ax, signal)
                and_(ax, mask)
                with if_(ax == value):
                    self.console.print(f", {name}")

    @function
    def _show_timers(self) -> None:
        """Print the timers that the tables name."""
        port, bits = self.fixed.timer()
        with if_(port != 0):
            self.console.print("power-management timer at port 0x%x, %u bits\n", port, bits)
        address = self.hpet.address()
        with if_(address != 0):
            self.console.print("HPET at 0x%x\n", address)

    @function
    def _show_pci(self) -> None:
        """Print where PCI devices have their configuration in memory."""
        with self.pci.each() as segment:
            self.console.print(
                "PCI segment %u, buses %u to %u at 0x%x\n",
                segment.group,
                segment.first,
                segment.last,
                segment.address,
            )
