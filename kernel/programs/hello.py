"""The smallest program: says hello, and tells whether that came through."""

from typing import NoReturn

from pykasm import *

STANDARD_OUTPUT = 1
"""The number of the file that programs write to (unistd.h, STDOUT_FILENO)."""

GREETING = b"hello from pykasm\n"


class Hello(Subsystem):
    """Writes a line to its standard output."""

    greeting = rodata(U8 * len(GREETING), GREETING)

    @system_call(1)
    def write(self, file: U32, bytes: Ptr[U8], count: U64) -> OrErrno[I64]:
        """Write `count` bytes to a file. Returns how many were written (write(2))."""

    @system_call(231)
    def exit_group(self, status: U32) -> NoReturn:
        """End the process (exit_group(2))."""

    @program_entry()
    def start(self) -> None:
        """Say hello, and exit with 0 if that came through, otherwise with 1."""
        xor(ebp, ebp)  # a backtrace ends here
        self.exit_group(self._greet())
        never()

    @function
    def _greet(self) -> U32:
        """Say hello. Return 0 if all of it was written, otherwise 1."""
        written = self.write(STANDARD_OUTPUT, address_of(self.greeting), len(GREETING))
        with if_(written == len(GREETING)):
            ret(0)
        ret(1)


def program() -> LinuxProgram:
    """Return the program."""
    hello = Hello()
    return LinuxProgram(entry=hello.start, subsystems=[hello])
