"""The images that are built of the kernel's parts."""

from kernel.contents import CONTENTS
from kernel.cpu.descriptors import Descriptors
from kernel.debug.lockwatch import LockWatch
from kernel.debug.panic import Panic
from kernel.entry.interrupts import Interrupts
from kernel.paging.layout import LAYOUT
from kernel.selftest.contents import CONTENTS as SELFTEST
from kernel.start.start import Start
from kernel.terminal.serial import SerialInput
from kernel.threads.idle import Idle
from kernel.time.timekeeping import Timekeeping
from pykasm import *

PROMPT = (
    Start,  # from the boot loader to the prompt
    Descriptors,  # stacks for faults
    Interrupts,  # and gates, for all that interrupts
    Timekeeping,  # a clock and timers
    Idle,  # something to run while nobody types
    SerialInput,  # somebody who types
    Panic,  # what goes wrong
    LockWatch,  # and what goes wrong with locks
)
"""What a kernel needs to serve at its prompt, with whatever these need."""


def image() -> Image:
    """Return all of the kernel."""
    return _image(Parts(CONTENTS))


def without_selftest() -> Image:
    """Return the kernel without the tests and benchmarks that run inside it."""
    contents = tuple(one for one in CONTENTS if one not in SELFTEST)
    return _image(Parts(contents), complete=False)


def smallest() -> Image:
    """As little of the kernel as comes to the prompt, at which there is only `help`."""
    return _image(Parts(CONTENTS, roots=PROMPT), complete=False)


def _image(parts: Parts, complete: bool = True) -> Image:
    start, panic = parts[Start], parts[Panic]
    return Image(
        entry=(start.multiboot2, start.pvh),
        subsystems=parts.all(Subsystem),
        on_assert=panic.assertion_failed,
        on_lock=parts[LockWatch],
        layout=LAYOUT,
        complete=complete,
    )
