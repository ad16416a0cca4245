"""The commands that `init` runs."""

from __future__ import annotations

from typing import NoReturn

from kernel.programs.initcalls import TIOCSCTTY, InitCalls, OpenMode
from kernel.programs.initmessages import InitMessages
from pykasm import *

MOST_WORDS = 256
"""Words of a line: the console, the program, and arguments. Further ones are left out."""

STANDARD_FILES = 3
"""Files that a program begins with: input, output, error."""

FAILED = 127
"""What a command exits with that can't be run (POSIX.1-2017, XCU 2.8.2)."""

BLANKS = b" \t"


class InitCommands(Subsystem):
    """Runs the commands of lines such as `/dev/console /bin/sh`."""

    words = bss(Ptr[U8] * (MOST_WORDS + 1))
    """The words of the line that is being looked at, and a 0."""
    environment = bss(Ptr[Ptr[U8]])
    """The strings that programs get, those of `init` itself."""

    def __init__(self, calls: InitCalls, messages: InitMessages) -> None:
        self.calls = calls
        self.messages = messages

    @function
    def start(self, line: Ptr[U8]) -> None:
        """Run the command of a `line`, unless there is none or it is a comment."""
        with if_(self.split(line) < 2):
            ret()
        first = scratch(self.words[0])
        with if_(at(first) == ord("#")):
            ret()
        child = self.calls.fork()
        with if_(child < 0):
            self.messages.tell(self.words[1], child)
        with elif_(child == 0):
            self._become()

    @function
    def split(self, line: Ptr[U8]) -> U32:
        """Cut `line` into `words`; the blanks between them become zeros. Return how many there
        are."""
        place, count = scratch(line), scratch(U64)
        xor(u32(count), u32(count))
        with while_(at(place) != 0):
            with if_(self._is_blank(place)):
                mov(at(place), 0)
                inc(place)
            with else_():
                break_if(count >= MOST_WORDS)
                mov(self.words[count], place)
                inc(count)
                with while_((at(place) != 0) & ~self._is_blank(place)):
                    inc(place)
        mov(self.words[count], 0)
        ret(u32(count))

    @inline
    def _is_blank(self, place: Ptr[U8]) -> Condition:
        """Return the condition that a blank is at `place`."""
        space, tab = BLANKS
        return (at(place) == space) | (at(place) == tab)

    @function
    def _become(self) -> NoReturn:
        """Become the command of `words`: on its console, in a session of its own."""
        ignore(self.calls.setsid(), "a child leads no group yet")
        console = keep(self.calls.open(self.words[0], OpenMode.READ_WRITE, 0))
        with if_(console < 0):
            self._fail(self.words[0], console)
        ignore(self.calls.ioctl(u32(console), TIOCSCTTY, 0), "what is no terminal needs no session")
        for number in range(STANDARD_FILES):
            result = self.calls.dup2(u32(console), number)
            with if_(result < 0):
                self._fail(self.words[0], result)
        with if_(console >= STANDARD_FILES):
            ignore(self.calls.close(u32(console)), "it was open")
        result = self.calls.execve(self.words[1], address_of(self.words[1]), self.environment)
        self._fail(self.words[1], result)

    @function
    def _fail(self, what: Ptr[U8], error: I64) -> NoReturn:
        """Tell why the command can't be run, and end."""
        self.messages.tell(what, error)
        self.calls.exit_group(FAILED)
