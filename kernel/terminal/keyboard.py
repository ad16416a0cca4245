"""The PS/2 keyboard."""

from __future__ import annotations

from enum import IntEnum

from kernel.interrupts.action import Action
from kernel.interrupts.work import Work
from kernel.irq.deferred import Deferred
from kernel.irq.lines import Lines
from kernel.locks.spinlock import SpinLock
from kernel.log.level import LogLevel
from kernel.log.log import Log
from kernel.terminal.consoleinput import ConsoleInput
from kernel.terminal.input import Input
from kernel.terminal.keycode import KeyCode
from kernel.terminal.keymap import KeyEffect, Keymap
from kernel.terminal.ps2 import Ps2Configuration, Ps2Controller, Ps2Port, Ps2Status
from kernel.terminal.queue import CAPACITY, ByteQueue
from kernel.terminal.reader import Reader
from kernel.terminal.scancodes import ScanCodes, ScanSet, ScanState
from pykasm import *

KEYBOARD_LINE = 1
"""The keyboard's interrupt on the ISA bus (IBM PC/AT Technical Reference)."""


MAX_BYTES = 1000
"""The most bytes read in one interrupt: a controller that has more is broken, or not there."""


class KeyboardCommand(IntEnum):
    """Commands to the keyboard (IBM PS/2 Hardware Interface Technical Reference)."""

    SET_LEDS = 0xED
    """The next byte has the LEDs."""
    ENABLE = 0xF4
    DEFAULTS = 0xF5
    """Set scan-code set 2 and the default repeat rate, and stop sending codes."""


ACKNOWLEDGED = 0xFA
"""The keyboard's answer to a byte that is sent to it."""


class LedState(IntEnum):
    """The progress of setting the keyboard's LEDs."""

    SHOWN = 0
    COMMAND_SENT = 1
    """The LEDs are sent when the keyboard has acknowledged the command."""
    LEDS_SENT = 2


class Keyboard(Subsystem):
    """Receive scan codes from the keyboard, and pass what is typed to `Input`.

    The controller translates codes to set 1, as it has done since the PC/AT; if it can't, they are
    of set 2. The interrupt handler only reads the bytes. Decoding them, and setting the LEDs, for
    which the controller may have to be waited for, is deferred work.
    """

    led_state = bss(U8)
    """A `LedState`."""

    def __init__(
        self,
        log: Log,
        controller: Ps2Controller,
        codes: ScanCodes,
        keymap: Keymap,
        input: Input,
        consoles: ConsoleInput,
        lines: Lines,
        deferred: Deferred,
    ) -> None:
        self.log = log
        self.controller = controller
        self.codes = codes
        self.keymap = keymap
        self.input = input
        self.consoles = consoles
        self.lines = lines
        self.deferred = deferred
        self.lock = bss(SpinLock)
        """Held by the handler, which may run on two processors while its line moves."""
        self.state = bss(ScanState, guarded_by="lock")
        self.received = bss(ByteQueue)
        """Bytes from the keyboard, from the interrupt handler to `_process_received`."""
        self.work = data(Work, Work(handler=self._process_received))
        self.action = data(Action, Action(handler=self._interrupt))

    @function(init=True)
    def start(self) -> None:
        """Start the controller and the keyboard, if there are any, and enable its interrupt.

        Context: the first processor, while starting; interrupts may be on.
        """
        with if_(~self.controller.start()):
            ret()
        self._initialize()
        self.input.add(address_of(self.keymap.source))  # before the first interrupt
        attached = self.lines.attach(self.lines.isa(KEYBOARD_LINE), address_of(self.action))
        with if_(attached != 0):
            self.log.write(
                LogLevel.WARNING, "keyboard: no interrupt, so what is typed on it is not read"
            )
            ret()
        configuration = self.controller.change_configuration(
            Ps2Configuration.KEYBOARD_DISABLED,
            Ps2Configuration.KEYBOARD_INTERRUPT | Ps2Configuration.TRANSLATE,
        )
        with if_((configuration & Ps2Configuration.TRANSLATE) == 0):  # it can't translate
            mov(self.state.set, ScanSet.SET_2)

    @function(init=True)
    def _initialize(self) -> None:
        """Set the keyboard to its defaults and set its LEDs; stop if it does not answer.

        A keyboard that is plugged in later has the defaults already, but its LEDs are off.
        """
        for byte in (
            KeyboardCommand.DEFAULTS,
            KeyboardCommand.SET_LEDS,
            self.keymap.leds,
            KeyboardCommand.ENABLE,
        ):
            self.controller.send(byte if isinstance(byte, KeyboardCommand) else byte())
            answer = self.controller.receive()
            with if_(answer != ACKNOWLEDGED):
                ret()

    @function(context="interrupt")
    def _interrupt(self, argument: U64) -> None:
        """Handle the interrupt: queue all bytes that the controller has for deferred work.

        Bytes for which there is no space are lost, as in a keyboard.
        """
        with self.lock.held_interrupts_off(), for_(scratch(U32), 0, MAX_BYTES):
            in_(al, Ps2Port.STATUS)
            break_if((al & Ps2Status.OUTPUT_FULL) == 0)
            mov(dl, al)  # the status tells whose byte it is, until that is read
            in_(al, Ps2Port.DATA)
            self.received.count(cl)
            with if_(((dl & Ps2Status.AUXILIARY) == 0) & (cl != CAPACITY)):
                self.received.enqueue(al)
        tail(self.deferred.add, address_of(self.work))

    @function(context="deferred")
    def _process_received(self, work: Ptr[Work]) -> None:
        """Process the received bytes, and wake the reader."""
        with loop():
            self.received.count(al)
            break_if(al == 0)
            self.received.dequeue(al)
            self._process(al)
        self.input.notify()

    @function
    def _process(self, byte: U8) -> None:
        """Process a byte from the keyboard: an acknowledgement, or a part of a scan code."""
        with if_((byte == ACKNOWLEDGED) & (self.led_state != LedState.SHOWN)):
            tail(self._continue_leds)
        key = self.codes.decode(address_of(self.state), byte)
        with if_(key == KeyCode.NONE):
            ret()
        effect = self._press(key)
        with switch(effect):
            with case(KeyEffect.LOCK):
                tail(self._update_leds)
            with case(KeyEffect.MONITOR):
                tail(self.input.put_in_front, Reader.MONITOR)
            with case(KeyEffect.SWITCH):
                tail(self.consoles.put_in_front, self.keymap.chosen)
            with case(KeyEffect.SCROLL_BACK):
                tail(self.consoles.scroll, 1)
            with case(KeyEffect.SCROLL_FORWARD):
                tail(self.consoles.scroll, -1)

    @function
    def _press(self, key: Keep[U32]) -> U32:
        """Have a key type to the console in front. Return its `KeyEffect`."""
        queue, effect = keep(Ptr[ByteQueue]), keep(U32)
        with self.consoles.queue.lock.held():
            is_application = self.consoles.is_application()
            mov(effect, is_application)
            lea(queue, self.keymap.source.queue)
            found = self.consoles.target()
            with if_(found != 0):
                mov(queue, found)
            mov(effect, self.keymap.press(key, queue, effect))
        ret(effect)

    @function
    def _update_leds(self) -> None:
        """Begin to set the LEDs to the locks that are on."""
        mov(self.led_state, LedState.COMMAND_SENT)
        tail(self.controller.send, KeyboardCommand.SET_LEDS)

    @function
    def _continue_leds(self) -> None:
        """Handle an acknowledgement: of the command, by sending the LEDs; or of the LEDs."""
        with if_(self.led_state == LedState.COMMAND_SENT):
            mov(self.led_state, LedState.LEDS_SENT)
            tail(self.controller.send, self.keymap.leds())
        mov(self.led_state, LedState.SHOWN)
