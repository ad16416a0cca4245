"""A framebuffer in memory that QEMU shows (`-device ramfb`; QEMU, hw/display/ramfb.c)."""

from __future__ import annotations

from kernel.console.framebuffer import XRGB_SIZE, Framebuffer
from kernel.console.screen import TextScreen
from kernel.cpu.pagetable import PageShift
from kernel.display.firmwareconfig import FirmwareConfig
from kernel.log.level import LogLevel
from kernel.log.log import Log
from kernel.mm.pages import Pages
from pykasm import *

FILE = "etc/ramfb"
"""The file of the firmware configuration that is written to."""
WIDTH, HEIGHT = 800, 600
"""Pixels."""
SIZE = WIDTH * HEIGHT * XRGB_SIZE
ORDER = (SIZE - 1 >> PageShift.PAGE).bit_length()
"""log2 of the pages that they take."""
XRGB = int.from_bytes(b"XR24", "little")
"""DRM_FORMAT_XRGB8888 (Linux, include/uapi/drm/drm_fourcc.h)."""


class RamfbConfig(Struct, packed=True):
    """RAMFBCfg: what QEMU is to show."""

    address: U64BE
    format: U32BE
    flags: U32BE
    width: U32BE
    height: U32BE
    stride: U32BE


class RamFramebuffer(Subsystem):
    """Shows the screen there where nothing shows it. Context: the first processor, while
    starting."""

    def __init__(
        self,
        configuration: FirmwareConfig,
        pages: Pages,
        framebuffer: Framebuffer,
        screen: TextScreen,
        log: Log,
    ) -> None:
        self.configuration = configuration
        self.pages = pages
        self.framebuffer = framebuffer
        self.screen = screen
        self.log = log
        self.wanted = data(
            RamfbConfig,
            RamfbConfig(format=XRGB, width=WIDTH, height=HEIGHT, stride=WIDTH * XRGB_SIZE),
        )

    @function(init=True)
    def start(self) -> None:
        """Ask QEMU to show memory, if it can, and show the screen there."""
        with if_(self.screen.is_shown()):
            ret()
        with if_(~self.configuration.is_there()):
            ret()
        item = self.configuration.find(text(FILE))
        with if_(item != 0):
            tail(self._open, item)

    @function(init=True)
    def _open(self, item: Keep[U32]) -> None:
        """Have QEMU show memory by the file that `item` is, and show the screen there."""
        memory = keep(self.pages.allocate(ORDER))
        with if_(memory == 0):
            ret()
        mov(self.wanted.address, memory)
        with if_(~self.configuration.write(item, physical(self.wanted), sizeof(RamfbConfig))):
            self.pages.free(memory, ORDER)
            ret()
        self.framebuffer.describe(memory, WIDTH, HEIGHT)
        disown(memory, "the framebuffer has it for good")
        with if_(self.framebuffer.prepare()):
            self.log.write(LogLevel.INFO, "display: ramfb at 0x%x", memory)
            tail(self.screen.open_framebuffer)
