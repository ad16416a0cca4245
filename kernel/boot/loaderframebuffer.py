"""The framebuffer that the loader leaves."""

from __future__ import annotations

from kernel.boot.bootwindow import BootWindow
from kernel.boot.record import BootRecord
from kernel.boot.tables import MAPPED_END
from kernel.console.framebuffer import Framebuffer
from kernel.console.screen import TextScreen
from kernel.log.level import LogLevel
from kernel.log.log import Log
from pykasm import *


class LoaderFramebuffer(Subsystem):
    """Shows the screen where the loader says, if that can be. Context: the first processor, while
    starting."""

    def __init__(
        self,
        record: BootRecord,
        framebuffer: Framebuffer,
        window: BootWindow,
        screen: TextScreen,
        log: Log,
    ) -> None:
        self.record = record
        self.framebuffer = framebuffer
        self.window = window
        self.screen = screen
        self.log = log

    @function(init=True)
    def start(self) -> None:
        """Show the screen there: from here on a panic is seen. Where the tables that the kernel
        boots with can't reach, `Paging` opens it."""
        mode = self.framebuffer.mode
        with if_(mode.address == 0):
            ret()
        with if_(~self._can_be_used()):
            self.log.write(
                LogLevel.WARNING, "framebuffer: what the loader says of it is not usable"
            )
            mov(mode.address, 0)
            ret()
        end = scratch(self.framebuffer.end())
        with if_(end > self.mapped_end), if_(~self.window.open(mode.address, end)):
            ret()
        tail(self.screen.open_framebuffer)

    mapped_end = rodata(U64, MAPPED_END)

    @function(init=True)
    def _can_be_used(self) -> Bool:
        """Return whether the framebuffer's form is known and it lies where no memory is."""
        with if_(~self.framebuffer.prepare()):
            ret(False)
        last = scratch(self.framebuffer.end())
        dec(last)
        with if_(self.record.has_memory(self.framebuffer.mode.address, last)):
            ret(False)
        ret(True)
