"""The interrupts of the serial line, and the bytes it receives."""

from __future__ import annotations

from enum import IntFlag

from kernel.console.serial import (
    DAMAGED,
    NOTHING_PENDING,
    InterruptEnable,
    LineStatus,
    ModemControl,
    Serial,
    UartRegister,
)
from kernel.interrupts.action import Action
from kernel.irq.lines import Lines
from kernel.log.level import LogLevel
from kernel.log.log import Log
from kernel.terminal.backlog import Backlog
from kernel.terminal.input import Input
from kernel.terminal.reader import Reader
from kernel.terminal.source import InputSource
from pykasm import *

COM1_LINE = 4
"""The first serial port's interrupt on the ISA bus (IBM PC/AT Technical Reference)."""


MAX_DAMAGED = 1000
"""The most damaged bytes read in one interrupt: a receiver that has more is broken, or not there.
"""
MAX_REASONS = 1000
"""The most interrupt reasons handled in one interrupt: a UART that has more is broken, too."""


class Received(IntFlag):
    """What has come in an interrupt."""

    BYTES = 1 << 0
    BREAK = 1 << 1
    """The line was held at 0 for longer than a byte takes: somebody asks for the monitor."""


class SerialInput(Subsystem):
    """Receive bytes by interrupts, and continue serial output by interrupts.

    While the input queue is full, bytes stay in the receiver, and RTS tells the sender to wait.
    """

    def __init__(
        self, log: Log, serial: Serial, backlog: Backlog, input: Input, lines: Lines
    ) -> None:
        self.log = log
        self.serial = serial
        self.backlog = backlog
        self.output = backlog.output
        self.input = input
        self.lines = lines
        self.source = data(InputSource, InputSource(resume=self._resume))
        self.action = data(Action, Action(handler=self._interrupt))

    @function(init=True)
    def start(self) -> None:
        """Enable the UART's interrupts, if there is one.

        Context: the first processor, while starting; interrupts may be on.
        """
        with if_(self.serial.fifo_depth == 0):
            ret()
        self.input.add(address_of(self.source))
        attached = self.lines.attach(self.lines.isa(COM1_LINE), address_of(self.action))
        with if_(attached != 0):
            self.log.write(
                LogLevel.WARNING, "serial line: no interrupt, so what is typed on it is not read"
            )
            ret()
        self.backlog.start()  # only now are there interrupts that wake those who wait
        self._resume(address_of(self.source))

    @function(context="interrupt")
    def _interrupt(self, argument: U64) -> None:
        """Handle the UART's interrupt: wake the reader, bring the monitor in front after a break,
        and wake threads that wait for output space."""
        received = keep(U32)
        # The line may have just moved here from a processor that still runs this handler.
        with self.serial.lock.held_interrupts_off():
            mov(received, self._serve())
        with if_(received & Received.BREAK):
            self.input.put_in_front(Reader.MONITOR)
        with if_(received != 0):
            self.input.notify()
        self.backlog.wake()

    @function(holds="serial.lock")
    def _serve(self) -> U32:
        """Handle all reasons for the interrupt; return what was `Received`.

        The line is edge-triggered, so it interrupts again only if no reason is left pending.
        """
        rounds, received = keep(U32), keep(U32)
        xor(received, received)
        with for_(rounds, 0, MAX_REASONS):
            reason = self.serial.read(UartRegister.IIR)
            break_if(reason & NOTHING_PENDING)
            or_(received, self._receive())
            self.output.handle_interrupt()
        ret(received)

    @function(holds="serial.lock")
    def _receive(self) -> U32:
        """Enqueue all bytes that the receiver has; return what was `Received`."""
        source, damaged, received = scratch(Ptr[InputSource]), scratch(U32), scratch(U32)
        lea(source, self.source)
        xor(damaged, damaged)
        xor(received, received)
        with loop():
            status = self.serial.read(UartRegister.LSR)
            break_if((status & LineStatus.DATA_READY) == 0)
            or_(received, Received.BYTES)
            mov(cl, status)  # errors are those of the byte in the receiver, until that is read
            with if_(cl & LineStatus.BREAK):  # also where what comes with it has to wait
                or_(received, Received.BREAK)
            with if_(~source.has_space()):
                self._stop_receiving()
                break_if(source.mark_stopped())
                self._start_receiving()  # the reader has made space meanwhile
            byte = self.serial.read(UartRegister.RBR)
            with if_((cl & DAMAGED) == 0):  # a byte with a parity or framing error is dropped
                source.queue.enqueue(byte)
            with else_():
                inc(damaged)
                break_if(damaged == MAX_DAMAGED)
        ret(received)

    @function
    def _resume(self, source: Ptr[InputSource]) -> None:
        """Resume receiving; bytes that are already in the receiver raise an interrupt, too."""
        with self.serial.lock.held():
            self._start_receiving()

    @inline(changes=(rax, rdx))
    def _stop_receiving(self) -> None:
        """Disable the receiver's interrupt, and clear RTS."""
        self.serial.disable_interrupts(InterruptEnable.RECEIVED)
        self.serial.write(UartRegister.MCR, ModemControl.DTR | ModemControl.OUT2)

    @inline(changes=(rax, rdx))
    def _start_receiving(self) -> None:
        """Set RTS, and enable the receiver's interrupt."""
        self.serial.write(UartRegister.MCR, ModemControl.DTR | ModemControl.RTS | ModemControl.OUT2)
        self.serial.enable_interrupts(InterruptEnable.RECEIVED | InterruptEnable.LINE_STATUS)
