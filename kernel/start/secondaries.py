"""Starting all other processors."""

from __future__ import annotations

from kernel.acpi.madt import (
    InterruptModel,
    LocalApicEntry,
    LocalX2ApicEntry,
    ProcessorFlags,
)
from kernel.clock.clock import Clock
from kernel.clock.units import NSEC_PER_SEC
from kernel.cpu.pagetable import PageShift
from kernel.interrupts.localapic import InterruptCommand, LocalApic
from kernel.log.level import LogLevel
from kernel.log.log import Log
from kernel.processors.processors import Processors
from kernel.start.resources import ProcessorMemory, ProcessorResources
from kernel.start.secondary import SecondaryStart, StartStage
from kernel.start.trampoline import CLOSED, MOST_ARRIVALS, StartParameters, Trampoline
from kernel.time.tscsync import TscSync
from pykasm import *

RESET_TIME = NSEC_PER_SEC // 100
"""Nanoseconds that processors need to reset before they can be started (Intel MultiProcessor
Specification 1.4, B.4)."""

SECOND_TRY = NSEC_PER_SEC // 5000
"""Nanoseconds after which STARTUP is sent once more (B.4): the first one may be lost."""

TIMEOUT = 2 * NSEC_PER_SEC
"""Nanoseconds after which a processor that does not start counts as broken."""

XAPIC_NOBODY = 0xFF
X2APIC_NOBODY = 0xFFFF_FFFF
"""The number for all processors, which none has, where numbers have 8 and where they have 32 bits
(Intel SDM vol. 3A, 11.6.2.1 and 11.12.9)."""


class Visit(Fn[[U32], Void]):
    """Does something with the processor whose local APIC has this number."""


class Secondaries(Subsystem):
    """Starts the processors that the firmware's table names. All are called at once and wait in the
    trampoline, so that those that are not there cost one waiting time together; then each in turn
    goes on. One that does not answer is left out; the kernel runs on those that do."""

    named = bss(U32)
    """The number of processors that the table names, but for this one."""
    page = bss(U64)
    """The physical address of the trampoline."""
    parameters = bss(Ptr[StartParameters])
    """Those in the trampoline."""
    missing = bss(U32)
    """Whether one is named that has not come: 1 or 0."""
    memory = bss(ProcessorMemory)
    """The memory of the processor that is being started."""

    def __init__(
        self,
        model: InterruptModel,
        apic: LocalApic,
        clock: Clock,
        log: Log,
        processors: Processors,
        trampoline: Trampoline,
        secondary_start: SecondaryStart,
        resources: ProcessorResources,
        tsc_sync: TscSync,
    ) -> None:
        self.model = model
        self.apic = apic
        self.clock = clock
        self.log = log
        self.processors = processors
        self.trampoline = trampoline
        self.secondary_start = secondary_start
        self.resources = resources
        self.tsc_sync = tsc_sync

    @function(init=True)
    def start(self) -> None:
        """Start all processors but this one. Context: the first processor, as a thread with
        interrupts on, after everything that `SecondaryStart` uses."""
        self._visit(address_of(self.reset))
        with if_(self.named == 0):
            ret()
        mov(self.page, self.trampoline.install())
        with if_(self.page == 0):
            self.log.write(
                LogLevel.WARNING, "cpu: no memory below 1 MiB to start other processors in"
            )
            ret()
        parameters = scratch(Ptr[StartParameters])
        self.trampoline.parameters(self.page, parameters)
        mov(self.parameters, parameters)
        end = keep(self.clock.now())
        add(end, RESET_TIME)
        with while_(lambda: self.clock.now() < end):
            pause()
        self._call(SECOND_TRY)
        self._call(TIMEOUT)
        self._visit(address_of(self._start_one))
        parameters = scratch(self.parameters)
        mov(parameters.expected, CLOSED)
        self.log.write(LogLevel.INFO, "cpu: %u processors run", self.processors.count)

    @function(init=True)
    def _visit(self, step: Keep[Visit]) -> None:
        """Call `step` with the local APIC's number of each processor that does not run yet."""
        apic = keep(U32)
        for kind, widen in ((LocalApicEntry, movzx), (LocalX2ApicEntry, mov)):
            with self.model.each(kind) as entry, if_(entry.flags & ProcessorFlags.ENABLED):
                widen(apic, entry.id)
                with if_(self._is_wanted(apic)):
                    step(apic)

    @function(init=True)
    def _is_wanted(self, apic: U32) -> Bool:
        """Return whether the processor `apic` does not run yet, and can be reached."""
        mov(eax, X2APIC_NOBODY)
        with if_(self.apic.base != 0):
            mov(eax, XAPIC_NOBODY)
        with if_(apic >= eax):
            ret(False)
        running = self.processors.find(apic)
        ret(running == 0)

    @function(init=True)
    def reset(self, apic: U32) -> None:
        """Send INIT, after which the processor waits to be started, whatever it did before."""
        inc(self.named)
        tail(self.apic.send, apic, InterruptCommand.INIT)

    # Calling all of them

    @function(init=True)
    def _call(self, timeout: Keep[U64]) -> None:
        """Call all that have not come, and wait until none is missing, or for `timeout`
        nanoseconds."""
        now = keep(U64)
        self._visit(address_of(self._send_startup))
        add(timeout, self.clock.now())
        with loop():
            mov(now, self.clock.now())  # before the look, so that one comes after the end, too
            mov(self.missing, 0)
            self._visit(address_of(self._look_for))
            break_if((self.missing == 0) | (now >= timeout))
            pause()

    @function(init=True)
    def _send_startup(self, apic: Keep[U32]) -> None:
        """Send STARTUP to a processor that was reset, unless it has come."""
        with if_(self._has_come(apic)):
            ret()
        mov(esi, u32(self.page))
        shr(esi, PageShift.PAGE)
        or_(esi, InterruptCommand.STARTUP)
        tail(self.apic.send, apic, esi)

    @function(init=True)
    def _look_for(self, apic: U32) -> None:
        """Note if a processor has not come."""
        with if_(~self._has_come(apic)):
            mov(self.missing, 1)

    @function(init=True)
    def _has_come(self, apic: U32) -> Bool:
        """Return whether the processor `apic` waits in the trampoline."""
        parameters, number = scratch(self.parameters), scratch(U32)
        lea(number, bare[u64(apic) + 1])
        with for_(ecx, 0, MOST_ARRIVALS):
            break_if(ecx >= parameters.arrived)
            mov(eax, parameters.arrivals[rcx])
            with if_(eax == number):
                ret(True)
        ret(False)

    # Starting one

    @function(init=True)
    def _start_one(self, apic: Keep[U32]) -> None:
        """Start a processor that has come, and wait until it runs."""
        with if_(~self._has_come(apic)):
            self.apic.send(apic, InterruptCommand.INIT)
            self.log.write(
                LogLevel.WARNING, "cpu: the processor of APIC %u does not answer: left out", apic
            )
            ret()
        with if_(~self.resources.allocate(address_of(self.memory))):
            self.log.write(
                LogLevel.WARNING, "cpu: no memory to start the processor of APIC %u", apic
            )
            ret()
        self._prepare_start()
        parameters = scratch(self.parameters)
        lea(eax, bare[u64(apic) + 1])
        mov(parameters.expected, eax)
        stage = address_of(self.secondary_start.stage)
        with if_(~self.wait(stage, StartStage.RUNNING, TIMEOUT)):
            parameters = scratch(self.parameters)
            mov(parameters.expected, 0)
            self.apic.send(apic, InterruptCommand.INIT)
            self.log.write(
                LogLevel.WARNING, "cpu: the processor of APIC %u gets stuck: left out", apic
            )
            ret()  # without freeing its memory, as it may still come to use that
        self.compare()

    @function(init=True)
    def compare(self) -> None:
        """Compare time-stamp counters with the processor that has just started."""
        cli()  # an interrupt in between would look like a difference
        self.tsc_sync.compare()
        sti()
        with while_(self.secondary_start.stage != StartStage.COMPARED):
            pause()
        tail(self.tsc_sync.end)

    @inline(changes=CALLER_SAVED)
    def _prepare_start(self) -> None:
        """Prepare what the processor finds when it starts."""
        for source, target in (
            (self.memory.block, self.secondary_start.block),
            (self.memory.thread, self.secondary_start.thread),
        ):
            mov(rax, source)
            mov(target, rax)
        mov(eax, self.processors.count)
        mov(self.secondary_start.number, eax)
        mov(self.secondary_start.stage, StartStage.AWAITED)
        self.tsc_sync.begin()

    @function(init=True)
    def wait(self, place: Keep[Ptr[U32]], value: Keep[U32], nanoseconds: U64) -> Bool:
        """Wait until `value` is at `place`, for `nanoseconds` at most. Return whether it is."""
        end = keep(nanoseconds)
        add(end, self.clock.now())
        with loop():
            now = self.clock.now()  # before the test, so that one comes after the end of the time
            with if_(at(place) == value):
                ret(True)
            with if_(now >= end):
                ret(False)
            pause()
