"""System calls that belong together."""

from pykasm import *


class SystemCallGroup(Subsystem):
    """Has methods that are system calls of Linux, each by its name there. They do what their
    man-pages (section 2) tell."""
