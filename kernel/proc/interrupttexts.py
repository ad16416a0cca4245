"""Texts about interrupts."""

from __future__ import annotations

from kernel.fs.inode import Inode
from kernel.fs.textwriter import TextWriter
from kernel.interrupts.dispatcher import Dispatcher, Slot
from kernel.interrupts.vectors import FIRST_INTERRUPT, InterruptVector
from kernel.irq.lines import Lines, Route
from kernel.proc.procsource import ProcSource, ProcText
from kernel.processors.processors import Processors
from pykasm import *

TITLES = {
    InterruptVector.TIMER: ("LOC", "Local timer interrupts"),
    InterruptVector.RESCHEDULE: ("RES", "Rescheduling interrupts"),
    InterruptVector.CALL: ("CAL", "Function call interrupts"),
    InterruptVector.STOP: ("STP", "Processor stops"),
    InterruptVector.WORK: ("IWI", "IRQ work interrupts"),
    InterruptVector.APIC_ERROR: ("ERR", "APIC errors"),
    InterruptVector.SPURIOUS: ("SPU", "Spurious interrupts"),
}
"""What vectors are called that no device has (proc(5), interrupts)."""


class InterruptTexts(ProcSource):
    """Writes how often interrupts came. Context: thread."""

    def __init__(
        self, writer: TextWriter, processors: Processors, dispatcher: Dispatcher, lines: Lines
    ) -> None:
        self.writer = writer
        self.processors = processors
        self.dispatcher = dispatcher
        self.lines = lines
        self.proc_files = [ProcText("interrupts", self.show_interrupts)]

    @function(context="thread")
    def show_interrupts(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write a line for each interrupt of a device, by the number of its line, or of its vector
        if it is a message; and one for each other vector that has a purpose."""
        vector, slot = keep(U64), keep(Ptr[Slot])
        self.writer.print("    ")
        with self.processors.each() as processor:
            self.writer.print("       CPU%-3u", processor.number)
        self.writer.print("\n")
        with for_(vector, FIRST_INTERRUPT, InterruptVector.LAST_DEVICE + 1):
            point_at(slot, self.dispatcher.slots, vector)
            with if_(slot.first != 0):
                self._show_device(u32(vector))
        for one, (name, meaning) in TITLES.items():
            self.writer.print(f"{name}: ")
            self._show_counts(one)
            self.writer.print(f"  {meaning}\n")
        ret(0)

    @function(context="thread")
    def _show_device(self, vector: Keep[U32]) -> None:
        """Write the line of a vector that a device has."""
        route = keep(Ptr[Route])
        point_at(route, self.lines.routes, u64(vector))
        mov(eax, vector)
        with if_((self.lines.legacy != 0) & (eax < InterruptVector.FIRST_DEVICE)):
            sub(eax, InterruptVector.LEGACY)
        with elif_(route.line != 0):
            mov(eax, route.line)
            dec(eax)
        self.writer.print("%3u: ", rax)
        self._show_counts(vector)
        with if_(self.lines.legacy != 0):
            self.writer.print("  XT-PIC\n")
            ret()
        with if_(route.line != 0):
            self.writer.print("  IO-APIC\n")
            ret()
        self.writer.print("  PCI-MSI\n")

    @function(context="thread")
    def _show_counts(self, vector: Keep[U32]) -> None:
        """Write how often each processor had an interrupt on `vector`."""
        with self.processors.each() as processor:
            self.writer.print("%10u ", self.dispatcher.count_of(processor.block, vector))
