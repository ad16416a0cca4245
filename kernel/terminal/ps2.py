"""The controller of keyboard and mouse (IBM PS/2 Hardware Interface Technical Reference, "Keyboard
and Auxiliary Device Controller"; Intel 8042)."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from pykasm import *

PATIENCE = 100_000
"""Looks at the status, about 1 µs each, before the controller or a device counts as silent."""

STALE = 16
"""Bytes that it may have from before the start, at most."""

NOTHING = 1 << 8
"""In place of a byte that did not come."""

ABSENT = 0xFF
"""What reads give where nothing answers."""


class Ps2Port(IntEnum):
    """Where it answers."""

    DATA = 0x60
    STATUS = 0x64
    COMMAND = 0x64


class Ps2Status(IntFlag):
    """Bits of `Ps2Port.STATUS`."""

    OUTPUT_FULL = 1 << 0
    """There is a byte to be read from `Ps2Port.DATA`."""
    INPUT_FULL = 1 << 1
    """It has not yet taken what was written."""
    AUXILIARY = 1 << 5
    """The byte is from the mouse."""


class Ps2Command(IntEnum):
    """What it understands on `Ps2Port.COMMAND`."""

    READ_SETTINGS = 0x20
    WRITE_SETTINGS = 0x60
    DISABLE_AUXILIARY = 0xA7
    SELF_TEST = 0xAA
    TEST_KEYBOARD_LINE = 0xAB
    DISABLE_KEYBOARD = 0xAD
    ENABLE_KEYBOARD = 0xAE
    PULSE_RESET = 0xFE
    """Resets the processor."""


class Ps2Configuration(IntFlag):
    """The controller's command byte."""

    KEYBOARD_INTERRUPT = 1 << 0
    AUXILIARY_INTERRUPT = 1 << 1
    KEYBOARD_DISABLED = 1 << 4
    TRANSLATE = 1 << 6
    """Codes of set 2 become those of set 1."""


SELF_TEST_PASSED = 0x55
LINE_TEST_PASSED = 0x00


class Ps2Controller(Subsystem):
    """Commands to the controller, and bytes to and from the keyboard.

    Its mouse is left off. Context: while starting, with interrupts of the keyboard off; later
    only the keyboard's deferred work.
    """

    def __init__(self, patience: int = PATIENCE) -> None:
        self.patience = patience

    @function(init=True)
    def start(self) -> U32:
        """Test it, and let the keyboard talk, without interrupts. 1; or 0 if there is none, or
        none that works."""
        in_(al, Ps2Port.STATUS)
        with if_(al == ABSENT):
            ret(0)
        self.command(Ps2Command.DISABLE_KEYBOARD)
        self.command(Ps2Command.DISABLE_AUXILIARY)
        self.drain()
        for test, passed in (
            (Ps2Command.SELF_TEST, SELF_TEST_PASSED),
            (Ps2Command.TEST_KEYBOARD_LINE, LINE_TEST_PASSED),
        ):
            self.command(test)
            answer = self.receive()
            with if_(answer != passed):
                ret(0)
        interrupts = Ps2Configuration.KEYBOARD_INTERRUPT | Ps2Configuration.AUXILIARY_INTERRUPT
        ignore(self.change_settings(interrupts, 0))
        self.command(Ps2Command.ENABLE_KEYBOARD)
        ret(1)

    @function(init=True)
    def change_settings(self, clear: Keep[U32], add: U32) -> U32:
        """Change bits of the settings (`Ps2Configuration`); what they are afterwards, as the
        controller may not be able to do all."""
        settings = keep(add)
        self.command(Ps2Command.READ_SETTINGS)
        before = self.receive()
        not_(clear)
        and_(before, clear)
        or_(settings, before)
        self.command(Ps2Command.WRITE_SETTINGS)
        self.send(u8(settings))
        self.command(Ps2Command.READ_SETTINGS)
        tail(self.receive)

    @function(init=True)
    def drain(self) -> None:
        """Throw away what it has to be read."""
        with for_(ecx, 0, STALE):
            in_(al, Ps2Port.STATUS)
            break_if((al & Ps2Status.OUTPUT_FULL) == 0)
            in_(al, Ps2Port.DATA)

    @function
    def command(self, command: U8) -> None:
        """Give it a `Ps2Command`."""
        self._wait_until_taken()
        mov(al, command)
        out(Ps2Port.COMMAND, al)

    @function
    def send(self, byte: U8) -> None:
        """Send `byte` to the keyboard, or to the controller where its command wants one."""
        self._wait_until_taken()
        mov(al, byte)
        out(Ps2Port.DATA, al)

    def _wait_until_taken(self) -> None:
        """Wait until it takes a byte, or does not seem to do so any more. Changes eax and ecx."""
        mov(ecx, self.patience)
        with loop():
            in_(al, Ps2Port.STATUS)
            break_if((al & Ps2Status.INPUT_FULL) == 0)
            dec(ecx)
            break_if(ZF)

    @function(init=True)
    def receive(self) -> U32:
        """Wait for a byte; NOTHING if none comes."""
        mov(ecx, self.patience)
        with loop():
            in_(al, Ps2Port.STATUS)
            break_if(al & Ps2Status.OUTPUT_FULL)
            dec(ecx)
            with if_(ZF):
                ret(NOTHING)
        xor(eax, eax)
        in_(al, Ps2Port.DATA)
        ret(eax)
