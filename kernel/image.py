"""The kernel's table of contents: every subsystem, given what it uses."""

from pykasm import *

from kernel.boot.checks import Checks
from kernel.boot.failure import BootFailure
from kernel.boot.start import Start
from kernel.boot.tables import BootTables


def image() -> Image:
    """All of the kernel."""
    failure = BootFailure()  # the last words of a start that can't go on
    checks = Checks(failure)  # is this processor good enough?
    tables = BootTables()  # page tables and segments to start on
    start = Start(checks, tables, failure)  # from the boot loader to 64-bit code
    return Image(entry=(start.multiboot2, start.pvh), subsystems=[start, checks, failure, tables])
