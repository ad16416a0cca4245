"""Commands that show interrupts."""

from __future__ import annotations

from kernel.console.console import Console
from kernel.interrupts.action import Action
from kernel.interrupts.dispatcher import VECTORS, Dispatcher, Slot
from kernel.interrupts.localapic import LocalApic
from kernel.interrupts.vectors import FIRST_INTERRUPT, InterruptVector
from kernel.interrupts.work import WorkQueue
from kernel.irq.deferred import Deferred
from kernel.irq.lines import Lines, Route
from kernel.monitor.command import Commands, command
from kernel.processors.processor import Processor
from kernel.processors.processors import Processors
from kernel.text.numbers import Numbers
from kernel.text.strings import Words
from pykasm import *


class InterruptCommands(Commands):
    """`irq`."""

    def __init__(
        self,
        console: Console,
        numbers: Numbers,
        processors: Processors,
        dispatcher: Dispatcher,
        lines: Lines,
        apic: LocalApic,
        deferred: Deferred,
    ) -> None:
        self.console = console
        self.numbers = numbers
        self.processors = processors
        self.dispatcher = dispatcher
        self.lines = lines
        self.apic = apic
        self.deferred = deferred
        self.commands = [
            command(
                "irq",
                "[LINE CPU]",
                "interrupts, and how often they came, or let a line go to another CPU",
                self.irq,
            )
        ]

    @function
    def irq(self, words: Ptr[Words]) -> Bool:
        """Show interrupts, or move a line."""
        words = scratch(words)
        with if_(words.count == 1):
            tail(self._show)
        with if_(words.count == 3):
            tail(self._move, words.word[1], words.word[2])
        ret(False)

    @function
    def _move(self, word: Keep[Ptr[U8]], number: Keep[Ptr[U8]]) -> Bool:
        """Move the line `word` to the processor `number`. Return whether both are numbers."""
        wanted = keep(U32)
        value, good = self.numbers.parse(word)
        mov(wanted, u32(value))
        with if_(~good | (u64(wanted) != value)):
            ret(False)
        value, good = self.numbers.parse(number)
        with if_(~good):
            ret(False)
        processor = self.processors.numbered(value)
        with if_(processor == 0):
            self.console.print("no CPU %s (`cpus` shows them)\n", number)
            ret(True)
        result = self.lines.move(wanted, processor)
        with if_(result != 0):
            self.console.print("the line %s can't go there (`irq` shows those that may)\n", word)
        ret(True)

    @function
    def _show(self) -> Bool:
        """Print a line for each vector that has actions or was ever raised, with its count on each
        processor. Return true."""
        vector = keep(U64)
        self.console.print("vector  line    to")
        with self.processors.each() as processor:
            self.console.print("     cpu %3u", processor.number)
        self.console.print("  handler\n")
        with for_(vector, FIRST_INTERRUPT, VECTORS):
            self._show_vector(u32(vector))
        self._show_work()
        self.show_errors()
        ret(True)

    @function
    def show_errors(self) -> None:
        """Print how often the local APIC of each processor reported errors, if it did."""
        with self.processors.each() as processor:
            errors = self._count_of(processor, self.apic.errors)
            with if_(errors != 0):
                self.console.print(
                    "cpu %u: %u errors of its local APIC, the last 0x%x\n",
                    processor.number,
                    errors,
                    self._count_of(processor, self.apic.last_errors),
                )

    @inline
    def _count_of(self, processor: Ptr[Processor], variable: object) -> U32:
        """Return the per-CPU `variable`, of 32 bits, of `processor`."""
        place = scratch(processor.block)
        self.processors.per_cpu.point_into(place, variable)
        mov(u32(place), u32[place])
        return u32(place)

    @function
    def _show_work(self) -> None:
        """Print the counts of deferred work on each processor, and how often it was left to a
        thread."""
        for field_name, title, meaning in (
            ("done", "deferred", "done behind interrupts"),
            ("left", "too long", "left to a thread"),
        ):
            self.console.print(f"  {title}        ")
            with self.processors.each() as processor:
                queue = scratch(processor.block)
                self.processors.per_cpu.point_into(queue, self.deferred.queue)
                self.console.print("  %10u", getattr(cast(queue, Ptr[WorkQueue]), field_name))
            self.console.print(f"  {meaning}\n")

    @function
    def _show_vector(self, vector: Keep[U32]) -> None:
        """Print the line of a vector, unless it was never used."""
        slot = keep(Ptr[Slot])
        point_at(slot, self.dispatcher.slots, u64(vector))
        with if_((slot.first == 0) & (lambda: ~self._has_come(vector))):
            ret()
        self.console.print("  0x%02x", vector)
        self._show_line(vector)
        with self.processors.each() as processor:
            self.console.print("  %10u", self.dispatcher.count_of(processor.block, vector))
        self.console.print("  ")
        self._show_actions(slot.first)
        with if_(vector == InterruptVector.SPURIOUS):
            self.console.print("spurious")
        self.console.print("\n")

    @function
    def _has_come(self, vector: U32) -> Bool:
        """Return whether some processor had interrupts on `vector`."""
        vector, come = scratch(vector), scratch(Bool)
        xor(come, come)
        with (
            self.processors.each() as processor,
            if_(self.dispatcher.count_of(processor.block, vector) != 0),
        ):
            mov(come, 1)
        ret(come)

    @function
    def _show_line(self, vector: Keep[U32]) -> None:
        """Print the line that leads to `vector`, and the processor that serves it."""
        route = keep(Ptr[Route])
        with if_((self.lines.legacy != 0) & (vector < InterruptVector.FIRST_DEVICE)):
            sub(vector, InterruptVector.LEGACY)
            self.console.print("  %4u     0", vector)
            ret()
        point_at(route, self.lines.routes, u64(vector))
        mov(eax, route.line)
        with if_(eax != 0):
            dec(eax)
            self.console.print("  %4u", eax)
        with else_():
            self.console.print("      ")
        processor = scratch(route.processor)
        with if_(processor != 0):
            self.console.print("  %4u", processor.number)
        with else_():
            self.console.print("      ")

    @function
    def _show_actions(self, action: Keep[Ptr[Action]]) -> None:
        """Print the handlers from `action` on."""
        # Without a lock: no driver is removed while commands run.
        with while_(action != 0):
            self.console.print("%p ", action.handler)
            mov(action, action.next)
