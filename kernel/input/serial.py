"""What people type on a serial line."""

from __future__ import annotations

from kernel.console.serial import (
    DAMAGED,
    InterruptEnable,
    LineStatus,
    ModemControl,
    Register,
    Serial,
)
from kernel.input.input import Input
from kernel.input.source import Source
from kernel.interrupts.action import Action
from kernel.interrupts.lines import Lines
from kernel.log.level import Level
from kernel.log.log import Log
from kernel.sync.spinlock import SpinLock
from pykasm import *

COM1_LINE = 4
"""The first serial port's interrupt of the ISA bus (IBM PC/AT Technical Reference)."""


MOST_DAMAGED = 1000
"""Damaged bytes at once, of which no receiver has so many: it is broken, or it is not there any
more."""


class SerialInput(Subsystem):
    """Takes bytes from the receiver as soon as it has some.

    While the queue is full it does not: the receiver keeps them, and tells the sender by RTS to
    wait.
    """

    def __init__(self, log: Log, serial: Serial, input: Input, lines: Lines) -> None:
        self.log = log
        self.serial = serial
        self.input = input
        self.lines = lines
        self.lock = bss(SpinLock)
        """Of the handler: where its line is moved, it may still run on the processor of before."""
        self.source = data(Source, Source(resume=self.resume))
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
                Level.WARNING, "serial line: no interrupt, so what is typed on it is not read"
            )
            ret()
        self.resume(address_of(self.source))

    @function(context="interrupt")
    def interrupt(self, argument: U64) -> None:
        """Take all that the receiver has, so that its next byte interrupts again."""
        source, damaged = scratch(Ptr[Source]), scratch(U32)
        lea(source, self.source)
        xor(damaged, damaged)
        with self.lock.held_uninterrupted(), loop():
            self.serial.read(Register.LSR)
            break_if((al & LineStatus.DATA_READY) == 0)
            mov(cl, al)
            with if_(~source.has_room()):
                self._stop()
                break_if(source.is_stopped())
                self._go_on()
            self.serial.read(Register.RBR)
            with if_((cl & DAMAGED) == 0):
                source.queue.append(al)
            with else_():
                inc(damaged)
                break_if(damaged == MOST_DAMAGED)
        self.input.notify()

    @function
    def resume(self, source: Ptr[Source]) -> None:
        """Let the sender send, and the receiver interrupt; it does so for what it has, too."""
        self._go_on()

    def _stop(self) -> None:
        self.serial.write(Register.IER, 0)
        self.serial.write(Register.MCR, ModemControl.DTR | ModemControl.OUT2)

    def _go_on(self) -> None:
        self.serial.write(Register.MCR, ModemControl.DTR | ModemControl.RTS | ModemControl.OUT2)
        self.serial.write(Register.IER, InterruptEnable.RECEIVED)
