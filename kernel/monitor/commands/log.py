"""Commands that show what the kernel has logged."""

from kernel.clock.clock import Clock
from kernel.clock.units import NSEC_PER_SEC
from kernel.console.console import Console
from kernel.log.level import LogLevel
from kernel.log.log import Log
from kernel.log.record import LogMessage
from kernel.monitor.command import Commands, command
from kernel.text.strings import Strings, Words
from pykasm import *

NANOSECONDS_IN_MICROSECOND = 1000


class LogCommands(Commands):
    """`dmesg`."""

    names = rodata(Ptr[U8] * len(LogLevel), [level.name.lower() for level in LogLevel])

    def __init__(self, console: Console, log: Log, clock: Clock, strings: Strings) -> None:
        self.console = console
        self.log = log
        self.clock = clock
        self.strings = strings
        self.commands = [
            command("dmesg", "[LEVEL]", "the log, or what is as bad as LEVEL", self.dmesg)
        ]

    @function
    def dmesg(self, words: Keep[Ptr[Words]]) -> Bool:
        """Print the log, oldest message first."""
        most = keep(U32)
        mov(most, max(LogLevel))
        with if_(words.count == 2):
            mov(most, self.level(words.word[1]))
            with if_(most == 0):
                self.console.print(
                    "unknown LEVEL: %s (there are "
                    + " ".join(level.name.lower() for level in LogLevel)
                    + ")\n",
                    words.word[1],
                )
                ret(True)
        with if_(self.log.dropped != 0):
            self.console.print("(%u older messages are gone)\n", self.log.dropped)
        self._show_all(most)
        ret(True)

    @function
    def level(self, word: Keep[Ptr[U8]]) -> U32:
        """Return the level called `word`, 0 if there is none."""
        index = keep(U64)
        with for_(index, 0, len(LogLevel)), if_(self.strings.equal(word, self.names[index])):
            lea(eax, bare[index + min(LogLevel)])
            ret(eax)
        ret(0)

    @function
    def _show_all(self, most: Keep[U32]) -> None:
        """Print all messages whose level is no higher than `most`."""
        message, position = local(LogMessage), keep(U64)
        xor(position, position)
        with loop():
            mov(position, self.log.read(position, address_of(message)))
            break_if(position == 0)
            movzx(eax, message.record.level)
            with if_(eax <= most):
                self._show(address_of(message))

    @function
    def _show(self, message: Keep[Ptr[LogMessage]]) -> None:
        """Print a message after the time when it was written, in seconds."""
        seconds = keep(U64)
        mov(rax, self.clock.time_of(message.record.ticks))
        mov(ecx, NSEC_PER_SEC)
        xor(edx, edx)
        div(rcx)
        mov(seconds, rax)
        mov(rax, rdx)
        mov(ecx, NANOSECONDS_IN_MICROSECOND)
        xor(edx, edx)
        div(rcx)
        self.console.print("[%5u.%06u] %s\n", seconds, rax, scratch(address_of(message.text)))
