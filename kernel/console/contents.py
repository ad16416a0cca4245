"""The parts of `kernel/console`, in the order of reading."""

from functools import partial

from kernel.console.console import Console
from kernel.console.framebuffer import Framebuffer
from kernel.console.glyphs import Glyphs
from kernel.console.output import SerialOutput
from kernel.console.palette import Palette
from kernel.console.screen import TextScreen
from kernel.console.serial import Serial
from kernel.console.vga import TEXT_BUFFER, VgaText
from kernel.paging.addresses import Area
from pykasm import *

CONTENTS: Contents = (
    Serial,  # the serial line
    SerialOutput,  # what is still to be sent on it
    Glyphs,  # what characters look like
    Palette,  # and colours
    partial(VgaText, cells=Area.DIRECT_MAP + TEXT_BUFFER),  # a VGA in text mode
    Framebuffer,  # or a framebuffer
    TextScreen,  # the screen, shown by one of them
    Console,  # both of them: where the kernel talks to people
)
