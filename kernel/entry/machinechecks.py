"""Machine checks: what the processor itself finds wrong with the hardware."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import IntFlag

from kernel.clock.clock import Clock
from kernel.clock.timer import Timer
from kernel.clock.timers import Timers
from kernel.clock.units import NSEC_PER_SEC
from kernel.console.console import Console
from kernel.cpu.control import Cr4
from kernel.cpu.exceptions import Vector, VectorHandlers
from kernel.cpu.features import Basic, Features
from kernel.cpu.machinecheck import (
    BANK_REGISTERS,
    CODE_MASK,
    COMPOUND_CODES,
    FIRST_BANK,
    MCG_COUNT_MASK,
    SIMPLE_CODES,
    BankRegister,
    BankStatus,
    McgCap,
    McgMsr,
    McgStatus,
)
from kernel.cpu.percpu import PerCpu
from kernel.cpu.trapframe import TrapFrame
from kernel.debug.faults import Faults
from kernel.debug.panic import Panic
from kernel.log.level import LogLevel
from kernel.log.log import Log
from kernel.processors.processors import Processors
from kernel.text.colour import Colour
from pykasm import *
from pykasm.lang.function import BoundFunction

POLL_INTERVAL = 10 * NSEC_PER_SEC
"""Nanoseconds between looks for errors that were corrected, which raise no exception."""


class HardwareError(Struct):
    """An error that a bank has, or had."""

    bank: U32
    code: U32
    flags: U32 = field(BankStatus)
    """Both halves of the bank's status; without VAL there is no error."""
    address: U64
    misc: U64
    mcg_status: U32 = field(McgStatus)
    """`McgMsr.STATUS` when it was found."""


@inline(changes=(rax, rcx, rdx))
def _write_msr(value: int) -> None:
    """Write `value`, 0 or -1, to the MSR in ecx."""
    mov(eax, value)
    mov(edx, value)
    wrmsr()


class MachineChecks(VectorHandlers):
    """Report what the banks of each processor have: errors that were corrected in the log, those
    that were not by a panic.

    An exception may come to all processors at once, though only one has the error, so each notes
    its own before any reports.
    """

    bank_count = bss(U32)
    """Banks of each processor; 0 without machine checks."""
    worst = percpu(HardwareError)
    """The error for which this processor took an exception."""
    corrected = percpu(U64)
    """The number of errors found in this processor's banks that raised no exception."""
    timer = percpu(Timer)

    def __init__(
        self,
        features: Features,
        per_cpu: PerCpu,
        processors: Processors,
        timers: Timers,
        clock: Clock,
        console: Console,
        log: Log,
        faults: Faults,
        panic: Panic,
    ) -> None:
        self.features = features
        self.per_cpu = per_cpu
        self.processors = processors
        self.timers = timers
        self.clock = clock
        self.console = console
        self.log = log
        self.faults = faults
        self.panic = panic

    def handlers(self) -> Mapping[int, BoundFunction[None]]:
        """Return that of machine checks."""
        return {Vector.MACHINE_CHECK: self.handle}

    # Starting

    @function(init=True)
    def start_processor(self) -> None:
        """Enable machine checks on this processor, and poll for errors that raise none. Context:
        interrupts off, when timers work."""
        mov(eax, self.features.basic)
        and_(eax, Basic.MCE | Basic.MCA)
        with if_(eax != Basic.MCE | Basic.MCA):
            ret()
        mov(ecx, McgMsr.CAP)
        rdmsr()
        mov(edx, eax)
        and_(edx, MCG_COUNT_MASK)
        mov(self.bank_count, edx)
        with if_(eax & McgCap.MCG_CTL_P):
            mov(ecx, McgMsr.CTL)
            _write_msr(-1)
        with self._each_bank() as bank:
            self._take(bank)  # of before the start, which must not be taken for a new one
            self._select(bank, BankRegister.CTL)
            _write_msr(-1)
        mov(rax, cr4)
        or_(rax, Cr4.MCE)
        mov(cr4, rax)
        timer = scratch(Ptr[Timer])
        self.per_cpu.point_at(u64(timer), self.timer)
        timer.prepare(address_of(self._poll))
        tail(self._schedule, timer)

    @function
    def _schedule(self, timer: Keep[Ptr[Timer]]) -> None:
        """Arm this processor's `timer` for the next look."""
        tail(self.timers.arm, timer, self.clock.after(POLL_INTERVAL))

    # Banks

    @inline
    @contextmanager
    def _each_bank(self) -> Iterator[U32]:
        """Run the block for the number of each bank, in a kept register."""
        with for_(keep(U32), 0, self.bank_count) as bank:
            yield bank

    @inline(changes=rcx)
    def _select(self, bank: U32, register: BankRegister) -> None:
        """Load ecx with the number of a `register` of `bank`."""
        mov(ecx, bank)
        imul(ecx, ecx, BANK_REGISTERS)
        add(ecx, FIRST_BANK + register)

    @function(context="any")
    def _read(self, bank: U32, error: Ptr[HardwareError]) -> Bool:
        """Fill in `error` from `bank`, and return whether there is one. Context: any."""
        mov(error.bank, bank)
        self._select(bank, BankRegister.STATUS)
        rdmsr()
        mov(error.code, eax)
        mov(error.flags, edx)
        for register, place, valid in (
            (BankRegister.ADDR, error.address, BankStatus.ADDRV),
            (BankRegister.MISC, error.misc, BankStatus.MISCV),
        ):
            mov(place, 0)
            with if_(error.flags & valid):
                self._select(bank, register)
                rdmsr()
                shl(rdx, 32)
                or_(rax, rdx)
                mov(place, rax)
        ret(error.flags & BankStatus.VAL)

    # Errors that raise no exception

    @function(context="interrupt")
    def _poll(self, timer: Keep[Ptr[Timer]]) -> None:
        """Log the errors in this processor's banks, and look again later."""
        with self._each_bank() as bank:
            self._take(bank)
        tail(self._schedule, timer)

    @function
    def _take(self, bank: Keep[U32]) -> None:
        """Log the error in `bank` of this processor, if there is one, and make place for another.
        Context: interrupts off."""
        error, kind = local(HardwareError), keep(Ptr[U8])
        with if_(~self._read(bank, address_of(error))):
            ret()
        self._select(bank, BankRegister.STATUS)
        _write_msr(0)
        inc(self.corrected)
        mov(kind, text("corrected"))
        with if_(error.flags & BankStatus.UC):
            mov(kind, text("uncorrected"))
        self.log.write(
            LogLevel.WARNING,
            "machine check: %s error on cpu %u, bank %u: status 0x%08x%08x, address 0x%x",
            kind,
            self.per_cpu.number,
            bank,
            error.flags,
            error.code,
            error.address,
        )

    # Exceptions

    @function
    def handle(self, frame: Keep[Ptr[TrapFrame]]) -> None:
        """Report the exception, unless the code that it interrupted can go on and every error was
        corrected. Context: machine check."""
        self._find_worst()
        worst = self.worst
        with if_((worst.flags & BankStatus.UC) | ((worst.mcg_status & McgStatus.RIPV) == 0)):
            tail(self.panic.enter, address_of(self._say), 0, frame)
        # With MCIP set, the next one would shut the processor down (AMD64 APM vol. 2, 9.3.1). What
        # the banks have is logged by the next look
        mov(ecx, McgMsr.STATUS)
        _write_msr(0)

    @function
    def _find_worst(self) -> None:
        """Note the first error of this processor that was not corrected, or else the last one that
        was."""
        error = keep(Ptr[HardwareError])
        self.per_cpu.point_at(u64(error), self.worst)
        mov(error.flags, 0)
        with self._each_bank() as bank:
            break_if(error.flags & BankStatus.UC)
            ignore(self._read(bank, error))
        mov(ecx, McgMsr.STATUS)
        rdmsr()
        mov(error.mcg_status, eax)

    @function
    def _say(self, _: U64, frame: Keep[Ptr[TrapFrame]]) -> None:
        """Say which errors processors have taken the exception for, as the first lines of a
        report."""
        self.console.print("\npanic: ", colour=Colour.LIGHT_RED)
        self.faults.print(frame)
        with if_(self.processors.count == 0):  # it has not listed itself yet
            ret()
        with self.processors.each() as processor:
            error = scratch(processor.block)
            self.per_cpu.point_into(error, self.worst)
            self._say_error(processor.number, cast(error, Ptr[HardwareError]))

    @function
    def _say_error(self, processor: Keep[U32], error: Keep[Ptr[HardwareError]]) -> None:
        """Print the `error` of a processor, if it has one."""
        with if_((error.flags & BankStatus.VAL) == 0):
            ret()
        kind = self._kind_of(error.code)
        self.console.print("  cpu %u, bank %u: %s\n", processor, error.bank, kind)
        self.console.print("  status 0x%08x%08x", error.flags, error.code)
        self._print_names(error.flags, BankStatus)
        with if_(error.flags & BankStatus.ADDRV):
            self.console.print("  address 0x%x\n", error.address)
        with if_(error.flags & BankStatus.MISCV):
            self.console.print("  misc 0x%x\n", error.misc)
        self.console.print("  global status 0x%x", error.mcg_status)
        self._print_names(error.mcg_status, McgStatus)

    @inline(changes=CALLER_SAVED)
    def _print_names(self, value: U32, flags: type[IntFlag]) -> None:
        """Print the names of the `flags` in `value`, and end the line."""
        for flag in flags:
            with if_(value & flag):
                self.console.print(f" {flag.name}")
        self.console.print("\n")

    @function
    def _kind_of(self, code: U32) -> Ptr[U8]:
        """Return what an error `code` stands for."""
        and_(code, CODE_MASK)
        for simple, name in SIMPLE_CODES.items():
            with if_(code == simple):
                ret(text(name))
        for bit, name in COMPOUND_CODES:
            with if_(code & bit):
                ret(text(name))
        ret(text("unknown error"))
