"""The stacks that there are from the start."""

from collections.abc import Iterator

from kernel.cpu.stack import GuardedStack
from pykasm import *


class Stacks(Subsystem):
    """The image has room for them, since they are needed before there is memory to hand out."""

    boot = bss(GuardedStack)
    """The stack that the kernel starts on, later that of the first thread."""
    nmi = bss(GuardedStack)
    double_fault = bss(GuardedStack)
    machine_check = bss(GuardedStack)
    maskable = bss(GuardedStack)
    """That of the first processor's interrupts and the work at their end."""
    panic = bss(GuardedStack)
    """That of reports, whichever processor makes one."""

    def __iter__(self) -> Iterator[GuardedStack]:
        """Yield all stacks."""
        yield from (self.boot, self.nmi, self.double_fault, self.machine_check, self.maskable)
        yield self.panic
