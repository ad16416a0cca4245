"""A keyboard at the PS/2 controller."""

from __future__ import annotations

from enum import IntEnum

from kernel.interrupts.action import Action
from kernel.interrupts.work import Work
from kernel.irq.deferred import Deferred
from kernel.irq.lines import Lines
from kernel.locks.spinlock import SpinLock
from kernel.log.level import LogLevel
from kernel.log.log import Log
from kernel.terminal.input import Input
from kernel.terminal.keycode import KeyCode
from kernel.terminal.keymap import Keymap
from kernel.terminal.ps2 import Ps2Configuration, Ps2Controller, Ps2Port, Ps2Status
from kernel.terminal.queue import ROOM, ByteQueue
from kernel.terminal.scancodes import ScanCodes, ScanSet, ScanState
from pykasm import *

KEYBOARD_LINE = 1
"""The keyboard's interrupt of the ISA bus (IBM PC/AT Technical Reference)."""


MOST_BYTES = 1000
"""Bytes at once, of which no controller has so many: it is broken, or not there any more."""


class KeyboardCommand(IntEnum):
    """What the keyboard understands (IBM PS/2 Hardware Interface Technical Reference)."""

    SET_LIGHTS = 0xED
    """The next byte has them."""
    ENABLE = 0xF4
    DEFAULTS = 0xF5
    """Scan-code set 2, and the usual delay and speed of repeating; it stops to send codes."""


ACKNOWLEDGED = 0xFA


class LightsState(IntEnum):
    """How far the keyboard has been told of its lights."""

    SHOWN = 0
    COMMAND_SENT = 1
    """They follow when it has acknowledged that."""
    LIGHTS_SENT = 2


class Keyboard(Subsystem):
    """What is typed on it comes to `Input` as from a terminal.

    The controller translates its codes to set 1, as it does for all systems since the PC/AT; where
    it can't, they are of set 2. The handler does no more than take them: to find out what they mean
    and to tell the keyboard of its lights, for which the controller may have to be waited for, is
    deferred.
    """

    lights = bss(U8)
    """A `LightsState`."""

    def __init__(
        self,
        log: Log,
        controller: Ps2Controller,
        codes: ScanCodes,
        keymap: Keymap,
        input: Input,
        lines: Lines,
        deferred: Deferred,
    ) -> None:
        self.log = log
        self.controller = controller
        self.codes = codes
        self.keymap = keymap
        self.input = input
        self.lines = lines
        self.deferred = deferred
        self.lock = bss(SpinLock)
        """Of the handler: where its line is moved, it may still run on the processor of before."""
        self.state = bss(ScanState, guarded_by="lock")
        self.received = bss(ByteQueue)
        """Bytes from the keyboard, from its handler to `take_received`."""
        self.work = data(Work, Work(handler=self.take_received))
        self.action = data(Action, Action(handler=self.interrupt))

    @function(init=True)
    def start(self) -> None:
        """Begin to listen, where there is a keyboard. Context: interrupts may be on."""
        working = self.controller.start()
        with if_(working == 0):
            ret()
        self.set_up()
        self.input.add(address_of(self.keymap.source))
        attached = self.lines.attach(self.lines.isa(KEYBOARD_LINE), address_of(self.action))
        with if_(attached != 0):
            self.log.write(
                LogLevel.WARNING, "keyboard: no interrupt, so what is typed on it is not read"
            )
            ret()
        settings = self.controller.change_settings(
            Ps2Configuration.KEYBOARD_DISABLED,
            Ps2Configuration.KEYBOARD_INTERRUPT | Ps2Configuration.TRANSLATE,
        )
        with if_((settings & Ps2Configuration.TRANSLATE) == 0):
            mov(self.state.set, ScanSet.SET_2)

    @function(init=True)
    def set_up(self) -> None:
        """Bring the keyboard into a known state. One that is plugged in later is in it already,
        but for its lights."""
        for byte in (
            KeyboardCommand.DEFAULTS,
            KeyboardCommand.SET_LIGHTS,
            self.keymap.lights,
            KeyboardCommand.ENABLE,
        ):
            self.controller.send(byte if isinstance(byte, KeyboardCommand) else byte())
            answer = self.controller.receive()
            with if_(answer != ACKNOWLEDGED):
                ret()

    @function(context="interrupt")
    def interrupt(self, argument: U64) -> None:
        """Take all bytes that the controller has; what they mean is seen to later. Those for which
        there is no room are lost, as in a keyboard."""
        with self.lock.held_interrupts_off(), for_(scratch(U32), 0, MOST_BYTES):
            in_(al, Ps2Port.STATUS)
            break_if((al & Ps2Status.OUTPUT_FULL) == 0)
            mov(dl, al)
            in_(al, Ps2Port.DATA)
            self.received.count(cl)
            with if_(((dl & Ps2Status.AUXILIARY) == 0) & (cl != ROOM)):
                self.received.append(al)
        tail(self.deferred.add, address_of(self.work))

    @function(context="deferred")
    def take_received(self, work: Ptr[Work]) -> None:
        """Do what the bytes mean that came."""
        with loop():
            self.received.count(al)
            break_if(al == 0)
            self.received.take(al)
            self.take(al)
        self.input.notify()

    @function
    def take(self, byte: U8) -> None:
        """Do what a byte from the keyboard means."""
        with if_((byte == ACKNOWLEDGED) & (self.lights != LightsState.SHOWN)):
            tail(self.go_on_with_lights)
        key = self.codes.decode(address_of(self.state), byte)
        with if_(key == KeyCode.NONE):
            ret()
        locks_changed = self.keymap.press(key)
        with if_(locks_changed != 0):
            tail(self.show_locks)

    @function
    def show_locks(self) -> None:
        """Let the lights show which locks are on."""
        mov(self.lights, LightsState.COMMAND_SENT)
        tail(self.controller.send, KeyboardCommand.SET_LIGHTS)

    @function
    def go_on_with_lights(self) -> None:
        """Send the lights once the keyboard has acknowledged the command."""
        with if_(self.lights == LightsState.COMMAND_SENT):
            mov(self.lights, LightsState.LIGHTS_SENT)
            tail(self.controller.send, self.keymap.lights())
        mov(self.lights, LightsState.SHOWN)
