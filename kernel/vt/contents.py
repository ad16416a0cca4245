"""The parts of `kernel/vt`, in the order of reading."""

from kernel.vt.virtualconsolelist import VirtualConsoleList
from kernel.vt.virtualconsoles import VirtualConsoles
from kernel.vt.virtualdriver import VirtualDriver
from kernel.vt.vtcontrol import VtControl
from pykasm import *

CONTENTS: Contents = (
    VirtualConsoleList,  # those that there are
    VirtualDriver,  # what is written to them
    VtControl,  # what programs ask
    VirtualConsoles,  # and open; and what is typed
)
"""Virtual consoles: terminals that share the screen and the keyboard."""
