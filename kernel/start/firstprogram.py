"""The program that the kernel begins with."""

from __future__ import annotations

from kernel.boot.information import BootInformation
from kernel.boot.record import TEXT_SIZE
from kernel.console.console import Console
from kernel.exec.programs import Programs
from kernel.exec.programwatch import ProgramWatch
from kernel.process.processes import Processes
from pykasm import *

PLACES = ("/init", "/sbin/init", "/etc/init", "/bin/init", "/bin/sh")
"""Where it is looked for, unless the command line says `init=` (Linux: init/main.c)."""

OPTION = "init="

MOST_ARGUMENTS = 32
"""Those that the command line may have for it (Linux: MAX_INIT_ARGS)."""


class FirstWords(Struct):
    """The command line, cut into words, and what it says of the first program."""

    text: Array[U8] = field(count=TEXT_SIZE)
    name: Ptr[U8]
    """What `init=` says; 0 if it is not there."""
    count: U64
    """How many arguments there are, its name included."""
    arguments: Array[Ptr[U8]] = field(count=MOST_ARGUMENTS + 1)


class FirstProgram(Subsystem):
    """Starts process 1, if there is a program for it: that of `init=` on the command line, or the
    first one of PLACES that is there. It gets what the command line has behind `--`. With
    `monitor` on the command line there is none. Context: thread."""

    words = bss(FirstWords)

    def __init__(
        self,
        information: BootInformation,
        console: Console,
        programs: Programs,
        processes: Processes,
        watch: ProgramWatch,
    ) -> None:
        self.information = information
        self.console = console
        self.programs = programs
        self.processes = processes
        self.watch = watch

    @function(context="thread", sleeps=True)
    def run(self) -> None:
        """Start it."""
        with if_(self.information.has_option(text("monitor"))):
            ret()
        self._read_words()
        name = keep(self.words.name)
        with if_(name != 0):
            result = self._try(name)
            with if_(result < 0):
                neg(result)
                self.console.print("init=%s: error %u\n", name, u32(result))
            ret()
        for place in PLACES:
            with if_(self._try(text(place)) >= 0):
                ret()

    @function(context="thread", sleeps=True)
    def _try(self, name: Keep[Ptr[U8]]) -> OrErrno[I32]:
        """Start the program `name`. Returns 0, or why it could not be started."""
        mov(self.words.arguments[0], name)
        result, started = self.programs.start(
            name,
            address_of(self.words.arguments),
            self.words.count,
            0,  # as of Linux: a shell takes one, if it wants jobs
        )
        with if_(started == 0):
            ret(result)
        ignore(result, "it has started")
        process = keep(started)
        mov(self.processes.init, process)
        mov(process.signals.protected, 1)
        self.watch.begin(process)
        ret(0)

    # The command line

    @function
    def _read_words(self) -> None:
        """Cut the command line into words, and note those that are about the program."""
        place = keep(Ptr[U8])
        lea(rsi, self.information.command_line)
        lea(rdi, self.words.text)
        mov(ecx, TEXT_SIZE)
        rep.movsb()
        mov(self.words.name, 0)
        mov(self.words.count, 0)
        lea(place, self.words.text)
        with loop():
            self._skip_blanks(place)
            break_if(at(place) == 0)
            word, behind = self._cut(place)
            mov(place, behind)
            self._note(word)
        with if_(self.words.count == 0):
            mov(self.words.count, 1)

    @inline(changes="place")
    def _skip_blanks(self, place: Ptr[U8]) -> None:
        """Move `place` to the next word, or to the end."""
        with while_(at(place) == ord(" ")):
            inc(place)

    @function
    def _cut(self, word: Ptr[U8]) -> tuple[Ptr[U8], Ptr[U8]]:
        """Cut the text off behind the word that begins there; blanks within double quotes belong to
        it, and quotes around all of it do not. Return where it begins, and what is behind it."""
        word, place, quoted = scratch(word), scratch(word), scratch(U32)
        xor(quoted, quoted)
        with while_((at(place) > ord(" ")) | ((at(place) != 0) & (quoted != 0))):
            with if_(at(place) == ord('"')):
                xor(quoted, 1)
            inc(place)
        with if_(at(word) == ord('"')):
            inc(word)
            with if_((place != word) & (place[-1] == ord('"'))):
                mov(place[-1], 0)
        with if_(at(place) != 0):
            mov(at(place), 0)
            inc(place)
        ret(word, place)

    @function
    def _note(self, word: Ptr[U8]) -> None:
        """Note what `word` says."""
        count = scratch(self.words.count)
        with if_(count != 0):  # `--` has come
            with if_(count <= MOST_ARGUMENTS):
                mov(self.words.arguments[count], word)
                inc(self.words.count)
            ret()
        with if_((word[0] == ord("-")) & (word[1] == ord("-")) & (word[2] == 0)):
            mov(self.words.count, 1)
            ret()
        for offset, letter in enumerate(OPTION):
            with if_(word[offset] != ord(letter)):
                ret()
        add(u64(word), len(OPTION))
        mov(self.words.name, word)
