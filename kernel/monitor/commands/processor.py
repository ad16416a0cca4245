"""Commands that show the processor."""

from kernel.cpu.snapshot import FRAME_ROOM, push_frame
from kernel.debug.panic import Panic
from kernel.monitor.command import Commands, command
from kernel.text.strings import Words
from pykasm import *


class ProcessorCommands(Commands):
    """`regs`."""

    def __init__(self, panic: Panic) -> None:
        self.panic = panic
        self.commands = [command("regs", "", "the registers, as they are here", self.regs)]

    @function
    def regs(self, words: Ptr[Words]) -> Bool:
        """Print the registers as a panic here would."""
        self._show()
        ret(True)

    @naked(pushed=0)
    def _show(self) -> None:
        """Print the registers of the caller."""
        push_frame()
        mov(rdi, rsp)
        call(self.panic.print_registers)
        add(rsp, FRAME_ROOM)
        ret()
