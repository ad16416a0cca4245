"""The parts of `kernel/console`, in the order of reading."""

from functools import partial

from kernel.console.answers import Answers
from kernel.console.charsets import Charsets
from kernel.console.console import Console
from kernel.console.controlsequences import ControlSequences
from kernel.console.cursormotion import CursorMotion
from kernel.console.emulator import Emulator
from kernel.console.erasing import Erasing
from kernel.console.framebuffer import Framebuffer
from kernel.console.glyphs import Glyphs
from kernel.console.output import SerialOutput
from kernel.console.palette import Palette
from kernel.console.renditions import Renditions
from kernel.console.screen import TextScreen
from kernel.console.screencells import ScreenCells
from kernel.console.screenmodes import ScreenModes
from kernel.console.scrollback import Scrollback
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
    Scrollback,  # rows that have left the screen
    TextScreen,  # screens, of which one is shown by one of them
    ScreenCells,  # what there is on them
    CursorMotion,  # and where the next character goes
    Erasing,  # what goes away
    Charsets,  # what bytes stand for
    Renditions,  # in which colours
    ScreenModes,  # and how
    Answers,  # what a terminal tells
    ControlSequences,  # all that can be said of it in between
    Emulator,  # characters
    Console,  # both of them: where the kernel talks to people
)
