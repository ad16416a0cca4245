"""The local APIC of a processor (Intel SDM vol. 3A, chapter 11; AMD64 APM vol. 2, chapter 16)."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from kernel.cpu.control import Msr
from kernel.cpu.pagetable import PAGE
from kernel.interrupts.action import Action
from kernel.interrupts.vectors import InterruptVector
from pykasm import *

X2APIC_FIRST_MSR = 0x800
"""In x2APIC mode the register at offset `n` is the MSR 0x800 + n / 16 (Intel SDM, 11.12.1.2)."""

X2APIC_SHIFT = 4
ID_SHIFT = 24
"""Where a number of 8 bits lies in `ID` and `COMMAND_HIGH` (11.4.6, 11.6.1)."""


class ApicBase(IntFlag):
    """The MSR `APIC_BASE` (11.4.4); an address of a page is above these."""

    X2APIC = 1 << 10
    ENABLE = 1 << 11


class ApicRegister(IntEnum):
    """Offsets of registers, 32 bits each (11.4.1, table 11-1)."""

    ID = 0x20
    TASK_PRIORITY = 0x80
    END = 0xB0
    SPURIOUS = 0xF0
    ERRORS = 0x280
    COMMAND_LOW = 0x300
    COMMAND_HIGH = 0x310
    LVT_TIMER = 0x320
    LVT_LINT0 = 0x350
    LVT_LINT1 = 0x360
    LVT_ERROR = 0x370
    INITIAL_COUNT = 0x380
    CURRENT_COUNT = 0x390
    DIVIDE = 0x3E0


class Lvt(IntFlag):
    """Entries of the local vector table (11.5.1); the vector lies in the low 8 bits."""

    NMI = 4 << 8
    EXTERNAL = 7 << 8
    """The vector comes from an 8259."""
    MASKED = 1 << 16
    TSC_DEADLINE = 2 << 17
    """The timer interrupts when the TSC reaches the MSR `TSC_DEADLINE`; without, once (11.5.4)."""


class InterruptCommand(IntFlag):
    """`COMMAND_LOW` (11.6.1); the vector lies in the low 8 bits."""

    NMI = 4 << 8
    INIT = 5 << 8
    STARTUP = 6 << 8
    PENDING = 1 << 12
    ASSERT = 1 << 14
    TO_OTHERS = 3 << 18
    """To all processors but this one; the destination is ignored."""


SERVING = PairedState("serving an interrupt")
"""From where an interrupt comes until its end is told to the local APIC, which sends none of its
priority or less meanwhile (11.8.4)."""

SOFTWARE_ENABLE = 1 << 8
"""The bit of `SPURIOUS` without which all local vectors are masked (11.4.7.2)."""


class LocalApic(Subsystem):
    """This processor's own interrupt controller, and its way to the other processors.

    In the mode that the firmware left: by memory, or, where processors have numbers above 254, by
    MSRs (x2APIC). All processors have it at the same address and in the same mode. Functions may
    be called in any context in which the thread stays on its processor.
    """

    base = bss(U64)
    """The address of the registers; 0 in x2APIC mode."""
    errors = percpu(U32)
    """The number of errors that this processor's APIC reported."""
    last_errors = percpu(U32)
    """The latest errors, by the bits of `ERRORS` (11.5.3)."""

    def __init__(self) -> None:
        self.action = data(Action, Action(handler=self.note_error))
        """For `InterruptVector.APIC_ERROR`."""

    @function(init=True)
    def find(self) -> U64:
        """Return the physical address of the registers, which fill a page; 0 in x2APIC mode. They
        are mapped and `base` is set before `start` on any processor."""
        mov(ecx, Msr.APIC_BASE)
        rdmsr()
        with if_(eax & ApicBase.X2APIC):
            ret(0)
        shl(rdx, 32)
        or_(rax, rdx)
        and_(rax, -PAGE)
        ret(rax)

    @function
    def start(self) -> None:
        """Enable the local APIC, for interrupts of devices, timers and other processors."""
        mov(ecx, Msr.APIC_BASE)
        rdmsr()
        or_(eax, ApicBase.ENABLE)
        wrmsr()
        for register, value in (
            (ApicRegister.TASK_PRIORITY, 0),
            (ApicRegister.LVT_TIMER, Lvt.MASKED),
            (ApicRegister.LVT_LINT0, Lvt.MASKED),
            (ApicRegister.LVT_LINT1, Lvt.NMI),
            (ApicRegister.LVT_ERROR, InterruptVector.APIC_ERROR),
            (ApicRegister.SPURIOUS, SOFTWARE_ENABLE | InterruptVector.SPURIOUS),
        ):
            self.write(register, value)
        ignore(self.read_errors())

    @function
    def accept_legacy(self) -> None:
        """Accept the interrupts of the 8259s on LINT0."""
        tail(self.write, ApicRegister.LVT_LINT0, Lvt.EXTERNAL)

    @inline(changes=(rax, rcx, rdx))
    def end_interrupt(self) -> None:
        """End the interrupt being served."""
        ends(SERVING)
        mov(rax, self.base)  # written out, as every interrupt comes through here
        with if_(rax != 0):
            mov(u32[rax + ApicRegister.END], 0)
        with else_():
            xor(edx, edx)
            mov(ecx, X2APIC_FIRST_MSR + (ApicRegister.END >> X2APIC_SHIFT))
            wrmsr()  # rax is 0

    @function
    def read(self, register: U32) -> U32:
        """Return the value of `register`, an `ApicRegister`."""
        mov(rdx, self.base)
        with if_(rdx != 0):
            ret(u32[rdx + u64(register)])
        mov(ecx, register)
        shr(ecx, X2APIC_SHIFT)
        add(ecx, X2APIC_FIRST_MSR)
        rdmsr()
        ret(eax)

    @function
    def write(self, register: U32, value: U32) -> None:
        """Write `value` to `register`, an `ApicRegister`."""
        mov(rdx, self.base)
        with if_(rdx != 0):
            mov(u32[rdx + u64(register)], value)
            ret()
        mov(ecx, register)
        shr(ecx, X2APIC_SHIFT)
        add(ecx, X2APIC_FIRST_MSR)
        mov(eax, value)
        xor(edx, edx)
        wrmsr()

    @function
    def id(self) -> U32:
        """Return this processor's number, by which others reach it."""
        number = self.read(ApicRegister.ID)
        with if_(self.base != 0):  # in x2APIC mode it has all 32 bits
            shr(number, ID_SHIFT)
        ret(number)

    @function
    def send(self, destination: U32, command: U32) -> None:
        """Send `command`, a vector and `InterruptCommand` flags, to the processor `destination`."""
        with if_(self.base == 0):
            tail(self._send_by_msr, destination, command)
        pushfq()
        cli()  # handlers send, too, and would come between the two writes
        mov(rdx, self.base)
        with while_(u32[rdx + ApicRegister.COMMAND_LOW] & InterruptCommand.PENDING):
            pause()
        shl(destination, ID_SHIFT)
        mov(u32[rdx + ApicRegister.COMMAND_HIGH], destination)
        or_(command, InterruptCommand.ASSERT)
        mov(u32[rdx + ApicRegister.COMMAND_LOW], command)
        popfq()

    @function
    def _send_by_msr(self, destination: U32, command: U32) -> None:
        """Do the work of `send` in x2APIC mode, by one write (11.12.9)."""
        mfence()  # the write does not wait for stores before it (11.12.3)
        lfence()
        mov(edx, destination)
        mov(eax, command)
        or_(eax, InterruptCommand.ASSERT)
        mov(ecx, X2APIC_FIRST_MSR + (ApicRegister.COMMAND_LOW >> X2APIC_SHIFT))
        wrmsr()

    @function
    def read_errors(self) -> U32:
        """Return the errors since the last call, by the bits of `ERRORS`."""
        self.write(ApicRegister.ERRORS, 0)  # any write makes the APIC update it (11.5.3)
        tail(self.read, ApicRegister.ERRORS)

    @function(context="interrupt")
    def note_error(self, argument: U64) -> None:
        """Count an error that this processor's APIC reports."""
        inc(self.errors)
        mov(self.last_errors, self.read_errors())
