"""A program of the initramfs as a test."""

from __future__ import annotations

from kernel.console.console import Console
from kernel.exec.programs import Programs
from kernel.process.exits import Exits
from kernel.selftest.case import Outcome, TestSuite, check
from pykasm import *

FILE = "/test"
"""The program."""

SECONDS = 3600
"""Time for it: it may look at thousands of cases."""


class ProgramFileTests(TestSuite):
    """Runs only when it is asked for by name. What the program and all that it starts leave behind
    is found as after any other test, so it has to remove the files that it makes."""

    def __init__(self, console: Console, programs: Programs, exits: Exits) -> None:
        self.console = console
        self.programs = programs
        self.exits = exits
        self.tests = [check("outside.program", self.program, seconds=SECONDS, apart=True)]

    @function(sleeps=True)
    def program(self) -> U32:
        """The program exits with the status 0."""
        arguments = local(Ptr[U8] * 1)
        name = scratch(Ptr[U8])
        mov(name, text(FILE))
        mov(arguments[0], name)
        result, process = self.programs.start(text(FILE), address_of(arguments[0]), 1, 0)
        ignore(result, "that it did not start is all that a test can tell")
        with if_(process == 0):
            self.console.print(f"{FILE} does not start: ")
            ret(Outcome.SKIPPED)
        status = keep(self.exits.wait(process))
        with if_(status == 0):
            ret(Outcome.PASSED)
        self.console.print(f"{FILE}: status 0x%x: ", status)
        ret(Outcome.FAILED)
