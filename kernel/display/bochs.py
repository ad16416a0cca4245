"""The display of Bochs, which QEMU has too: `-device VGA`, `secondary-vga`, `bochs-display`.

Source: QEMU, docs/specs/standard-vga.rst; Bochs, iodev/display/vga.h (VBE_DISPI).
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

from kernel.console.framebuffer import XRGB_SIZE, Framebuffer
from kernel.console.screen import TextScreen
from kernel.cpu.pagetable import PAGE
from kernel.log.level import LogLevel
from kernel.log.log import Log
from kernel.mm.directmap import DirectMap
from kernel.pci.bus import PciBus
from kernel.pci.configuration import ConfigurationSpace
from kernel.pci.device import PciDevice
from kernel.pci.header import PciCommand, PciHeader
from pykasm import *

VENDOR, DEVICE = 0x1234, 0x1111
PIXELS, REGISTERS = 0, 2
"""The numbers of its resources."""

WIDTH, HEIGHT = 1024, 768
"""Pixels, which its memory always has room for."""

ATTRIBUTE = 0x400
"""The offset of the VGA's attribute controller (port 0x3C0) in the registers."""
UNBLANK = 0x20
"""What is written there to show a picture (IBM VGA Technical Reference, 1992: PAS)."""


class DispiRegister(IntEnum):
    """Indexes of the display's own registers, of 16 bits each."""

    X_RESOLUTION = 1
    Y_RESOLUTION = 2
    BITS_PER_PIXEL = 3
    ENABLE = 4
    VIRTUAL_WIDTH = 6
    X_OFFSET = 8
    Y_OFFSET = 9


class DispiEnable(IntFlag):
    """`DispiRegister.ENABLE`."""

    ENABLED = 1 << 0
    LINEAR = 1 << 6
    """The whole picture lies in the memory, rather than parts of it at a time."""


SETTINGS = (
    (DispiRegister.ENABLE, 0),
    (DispiRegister.X_RESOLUTION, WIDTH),
    (DispiRegister.Y_RESOLUTION, HEIGHT),
    (DispiRegister.BITS_PER_PIXEL, 8 * XRGB_SIZE),
    (DispiRegister.VIRTUAL_WIDTH, WIDTH),
    (DispiRegister.X_OFFSET, 0),
    (DispiRegister.Y_OFFSET, 0),
    (DispiRegister.ENABLE, DispiEnable.ENABLED | DispiEnable.LINEAR),
)
"""What sets the mode, in this order."""


class DisplayRegisters(Struct):
    """The display's registers in memory."""

    attribute: U8 = field(at=ATTRIBUTE)
    dispi: Array[U16] = field(at=0x500, count=16)


class BochsDisplay(Subsystem):
    """Shows the screen on such a display where nothing shows it. Context: the first processor,
    while starting."""

    def __init__(
        self,
        bus: PciBus,
        configuration: ConfigurationSpace,
        memory: DirectMap,
        framebuffer: Framebuffer,
        screen: TextScreen,
        log: Log,
    ) -> None:
        self.bus = bus
        self.configuration = configuration
        self.memory = memory
        self.framebuffer = framebuffer
        self.screen = screen
        self.log = log

    @function(init=True)
    def start(self) -> None:
        """Show the screen on the first such display that works."""
        with if_(self.screen.is_shown()):
            ret()
        with self.bus.each() as device:
            is_display = (device.vendor == VENDOR) & (device.device == DEVICE)
            with if_(is_display & ~self.screen.is_shown()):
                self._open(device)

    @function(init=True)
    def _open(self, device: Keep[Ptr[PciDevice]]) -> None:
        """Set a mode of `device` and show the screen there, if it can be."""
        pixels = device.resources[PIXELS]
        with if_(
            (pixels.size < WIDTH * HEIGHT * XRGB_SIZE) | (device.resources[REGISTERS].size < PAGE)
        ):
            ret()
        self._enable(device.function)
        registers = keep(
            cast(
                self.memory.claim_registers(device.resources[REGISTERS].address, PAGE),
                Ptr[DisplayRegisters],
            )
        )
        with if_(registers == 0):
            ret()
        self.framebuffer.describe(pixels.address, WIDTH, HEIGHT)
        with if_(self.memory.map_framebuffer(pixels.address, WIDTH * HEIGHT * XRGB_SIZE) != 0):
            ret()
        self._set_mode(registers)
        with if_(self.framebuffer.prepare()):
            self.log.write(LogLevel.INFO, "display: Bochs VBE at 0x%x", pixels.address)
            tail(self.screen.open_framebuffer)

    @function(init=True)
    def _enable(self, function: Keep[U32]) -> None:
        """Have the display respond at its addresses in memory."""
        command = self.configuration.read_field(function, PciHeader, "command")
        or_(command, PciCommand.MEMORY_SPACE)
        self.configuration.write_command(function, command)

    @function(init=True)
    def _set_mode(self, registers: Ptr[DisplayRegisters]) -> None:
        """Set the mode by the `registers`."""
        for register, value in SETTINGS:
            mov(registers.dispi[register], value)
        mov(registers.attribute, UNBLANK)
