"""All virtual consoles."""

from __future__ import annotations

from kernel.console.cell import CONSOLES
from kernel.sync.pollqueue import PollQueue
from kernel.vt.virtualconsole import VirtualConsole
from pykasm import *


class VirtualConsoleList(Subsystem):
    """The consoles, in the order of their numbers."""

    consoles = bss(VirtualConsole * CONSOLES)
    switched = bss(PollQueue)
    """Who waits until another one is shown."""
