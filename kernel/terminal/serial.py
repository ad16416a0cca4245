"""The interrupts of a serial line, and what people type on it."""

from __future__ import annotations

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
from kernel.terminal.source import InputSource
from pykasm import *

COM1_LINE = 4
"""The first serial port's interrupt of the ISA bus (IBM PC/AT Technical Reference)."""


MOST_DAMAGED = 1000
"""Damaged bytes at once, of which no receiver has so many: it is broken, or it is not there any
more."""
MOST_ROUNDS = 1000
"""Reasons to interrupt at once, of which no UART has so many, either."""


class SerialInput(Subsystem):
    """Takes bytes from the receiver as soon as it has some, and lets output go on.

    While the queue is full it takes none: the receiver keeps them, and tells the sender by RTS to
    wait.
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
        self.source = data(InputSource, InputSource(resume=self.resume))
        self.action = data(Action, Action(handler=self.interrupt))

    @function(init=True)
    def start(self) -> None:
        """Begin to listen, where there is a UART. Context: interrupts may be on."""
        with if_(self.serial.depth == 0):
            ret()
        self.input.add(address_of(self.source))
        attached = self.lines.attach(self.lines.isa(COM1_LINE), address_of(self.action))
        with if_(attached != 0):
            self.log.write(
                LogLevel.WARNING, "serial line: no interrupt, so what is typed on it is not read"
            )
            ret()
        self.backlog.start()
        self.resume(address_of(self.source))

    @function(context="interrupt")
    def interrupt(self, argument: U64) -> None:
        """Do what the UART asks for. The lock is needed as this may still run on the processor
        from which its line has just moved away."""
        received = scratch(U32)
        with self.serial.lock.held_interrupts_off():
            mov(received, self.serve())
        with if_(received != 0):
            self.input.notify()
        self.backlog.wake()

    @function(holds="serial.lock")
    def serve(self) -> U32:
        """Serve the UART until it asks for nothing, as only then its next wish interrupts again;
        whether it had anything for the reader: 1 or 0."""
        rounds, received = keep(U32), keep(U32)
        xor(received, received)
        with for_(rounds, 0, MOST_ROUNDS):
            self.serial.read(UartRegister.IIR)
            break_if(al & NOTHING_PENDING)
            or_(received, self.receive())
            self.output.serve()
        ret(received)

    @function(holds="serial.lock")
    def receive(self) -> U32:
        """Take all that the receiver has; whether that was anything: 1 or 0."""
        source, damaged, received = scratch(Ptr[InputSource]), scratch(U32), scratch(U32)
        lea(source, self.source)
        xor(damaged, damaged)
        xor(received, received)
        with loop():
            self.serial.read(UartRegister.LSR)
            break_if((al & LineStatus.DATA_READY) == 0)
            mov(received, 1)
            mov(cl, al)
            with if_(~source.has_room()):
                self._stop()
                break_if(source.is_stopped())
                self._go_on()
            self.serial.read(UartRegister.RBR)
            with if_((cl & DAMAGED) == 0):
                source.queue.append(al)
            with else_():
                inc(damaged)
                break_if(damaged == MOST_DAMAGED)
        ret(received)

    @function
    def resume(self, source: Ptr[InputSource]) -> None:
        """Let the sender send, and the receiver interrupt; it does so for what it has, too."""
        with self.serial.lock.held():
            self._go_on()

    def _stop(self) -> None:
        self.serial.refuse(InterruptEnable.RECEIVED)
        self.serial.write(UartRegister.MCR, ModemControl.DTR | ModemControl.OUT2)

    def _go_on(self) -> None:
        self.serial.write(UartRegister.MCR, ModemControl.DTR | ModemControl.RTS | ModemControl.OUT2)
        self.serial.want(InterruptEnable.RECEIVED)
