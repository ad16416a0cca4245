"""The PS/2 controller (IBM PS/2 Hardware Interface Technical Reference, "Keyboard and Auxiliary
Device Controller"; Intel 8042)."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from pykasm import *

TIMEOUT = 100_000
"""Reads of the status, of about 1 µs each, before the controller or a device counts as dead."""

MAX_STALE = 16
"""The most bytes that may have been left by the firmware."""

NO_DATA = 1 << 8
"""The result of a read that timed out."""

NO_CONTROLLER = 0xFF
"""The value of reads of a bus without a controller."""


class Ps2Port(IntEnum):
    """The controller's ports."""

    DATA = 0x60
    STATUS = 0x64
    COMMAND = 0x64


class Ps2Status(IntFlag):
    """The register `Ps2Port.STATUS`."""

    OUTPUT_FULL = 1 << 0
    """A byte can be read from `Ps2Port.DATA`."""
    INPUT_FULL = 1 << 1
    """The last byte written has not been accepted yet."""
    AUXILIARY = 1 << 5
    """The byte is from the mouse."""


class Ps2Command(IntEnum):
    """Commands written to `Ps2Port.COMMAND`."""

    READ_CONFIGURATION = 0x20
    WRITE_CONFIGURATION = 0x60
    DISABLE_AUXILIARY = 0xA7
    SELF_TEST = 0xAA
    TEST_KEYBOARD_LINE = 0xAB
    DISABLE_KEYBOARD = 0xAD
    ENABLE_KEYBOARD = 0xAE
    PULSE_RESET = 0xFE
    """Reset the processor."""


class Ps2Configuration(IntFlag):
    """The controller's command byte, which is its configuration."""

    KEYBOARD_INTERRUPT = 1 << 0
    AUXILIARY_INTERRUPT = 1 << 1
    KEYBOARD_DISABLED = 1 << 4
    TRANSLATE = 1 << 6
    """Translate scan codes of set 2 to set 1."""


SELF_TEST_PASSED = 0x55
LINE_TEST_PASSED = 0x00


class Ps2Controller(Subsystem):
    """Send commands to the controller, and bytes to and from the keyboard.

    The mouse stays disabled. Context: the first processor, while starting, with the keyboard's
    interrupt disabled; later only the keyboard's deferred work.
    """

    def __init__(self, timeout: int = TIMEOUT) -> None:
        self.timeout = timeout

    @function(init=True)
    def start(self) -> Bool:
        """Test the controller, and enable the keyboard without its interrupt.

        Return whether there is a controller that works.
        """
        in_(al, Ps2Port.STATUS)
        with if_(al == NO_CONTROLLER):
            ret(False)
        # Disabled, the devices can't send bytes in between the controller's answers.
        self._command(Ps2Command.DISABLE_KEYBOARD)
        self._command(Ps2Command.DISABLE_AUXILIARY)
        self._drain()
        for test, passed in (
            (Ps2Command.SELF_TEST, SELF_TEST_PASSED),
            (Ps2Command.TEST_KEYBOARD_LINE, LINE_TEST_PASSED),
        ):
            self._command(test)
            answer = self.receive()
            with if_(answer != passed):
                ret(False)
        interrupts = Ps2Configuration.KEYBOARD_INTERRUPT | Ps2Configuration.AUXILIARY_INTERRUPT
        ignore(self.change_configuration(interrupts, 0))
        self._command(Ps2Command.ENABLE_KEYBOARD)
        ret(True)

    @function(init=True)
    def change_configuration(self, clear: Keep[U32], add: U32) -> U32:
        """Clear and then set bits of the configuration, a `Ps2Configuration`.

        Return the configuration as it is then, since a controller may lack some bits.
        """
        configuration = keep(add)
        self._command(Ps2Command.READ_CONFIGURATION)
        before = self.receive()
        not_(clear)
        and_(before, clear)
        or_(configuration, before)
        self._command(Ps2Command.WRITE_CONFIGURATION)
        self.send(u8(configuration))
        self._command(Ps2Command.READ_CONFIGURATION)
        tail(self.receive)

    @function(init=True)
    def _drain(self) -> None:
        """Discard the bytes that can be read."""
        with for_(ecx, 0, MAX_STALE):
            in_(al, Ps2Port.STATUS)
            break_if((al & Ps2Status.OUTPUT_FULL) == 0)
            in_(al, Ps2Port.DATA)

    @function
    def _command(self, command: U8) -> None:
        """Send a `Ps2Command` to the controller."""
        self._wait_input_empty()
        mov(al, command)
        out(Ps2Port.COMMAND, al)

    @function
    def send(self, byte: U8) -> None:
        """Send `byte` to the keyboard, or to the controller as the operand of a command."""
        self._wait_input_empty()
        mov(al, byte)
        out(Ps2Port.DATA, al)

    @inline(changes=(rax, rcx))
    def _wait_input_empty(self) -> None:
        """Wait until the controller accepts a byte, or until the timeout."""
        mov(ecx, self.timeout)
        with loop():
            in_(al, Ps2Port.STATUS)
            break_if((al & Ps2Status.INPUT_FULL) == 0)
            dec(ecx)
            break_if(ZF)

    @function(init=True)
    def receive(self) -> U32:
        """Wait for a byte and return it; return NO_DATA after the timeout."""
        mov(ecx, self.timeout)
        with loop():
            in_(al, Ps2Port.STATUS)
            break_if(al & Ps2Status.OUTPUT_FULL)
            dec(ecx)
            with if_(ZF):
                ret(NO_DATA)
        xor(eax, eax)
        in_(al, Ps2Port.DATA)
        ret(eax)
