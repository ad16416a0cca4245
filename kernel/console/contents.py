"""The parts of `kernel/console`, in the order of reading."""

from functools import partial

from kernel.console.console import Console
from kernel.console.output import SerialOutput
from kernel.console.serial import Serial
from kernel.console.vga import TEXT_BUFFER, TextScreen
from kernel.paging.addresses import Area
from pykasm import *

CONTENTS: Contents = (
    Serial,  # the serial line
    SerialOutput,  # what is still to be sent on it
    partial(TextScreen, cells=Area.DIRECT_MAP + TEXT_BUFFER),  # the screen, where it shows text
    Console,  # both of them: where the kernel talks to people
)
