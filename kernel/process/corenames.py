"""How the files are called that processes leave their memory in."""

from __future__ import annotations

from kernel.clock.units import NSEC_PER_SEC
from kernel.cpu.pagetable import PAGE
from kernel.fs.files import Files
from kernel.fs.pathnames import PathNames
from kernel.fs.textwriter import TextWriter
from kernel.process.coredump import CoreDump
from kernel.process.dumpsettings import DumpSettings
from kernel.process.limits import Resource
from kernel.process.processprograms import ProcessPrograms
from kernel.process.systemnamecalls import SystemNameCalls, SystemNames
from kernel.sched.scheduler import Scheduler
from kernel.time.wallclock import WallClock
from pykasm import *


class CoreNames(Subsystem):
    """Makes names by the pattern in `DumpSettings` (core(5), "Naming of core dump files"). Context:
    thread."""

    def __init__(
        self,
        writer: TextWriter,
        scheduler: Scheduler,
        settings: DumpSettings,
        programs: ProcessPrograms,
        files: Files,
        names: PathNames,
        system: SystemNameCalls,
        clock: WallClock,
    ) -> None:
        self.writer = writer
        self.scheduler = scheduler
        self.settings = settings
        self.programs = programs
        self.files = files
        self.names = names
        self.system = system
        self.clock = clock

    @function(context="thread", sleeps=True)
    def make(self, dump: Keep[Ptr[CoreDump]], name: Keep[Ptr[U8]]) -> Bool:
        """Write the name of the file of `dump` to the page at `name`. Returns whether there is
        one, and room for it."""
        thread = scratch(self.scheduler.current)
        mov(dump.text.start, u64(name))
        mov(dump.text.capacity, PAGE - 1)
        mov(dump.text.length, 0)
        lea(rax, dump.text)
        mov(u64(thread.text), rax)
        release(thread)
        has_number = keep(self._follow_pattern(dump))
        process = scratch(dump.process)
        with if_((has_number == 0) & (self.settings.adds_number != 0)):
            self.writer.print(".%u", process.number)
        thread = scratch(self.scheduler.current)
        mov(thread.text, 0)
        mov(rax, dump.text.length)
        fail_if(rax >= PAGE)
        mov(name[rax], 0)
        ret(at(name) != 0)

    @function(context="thread", sleeps=True)
    def _follow_pattern(self, dump: Keep[Ptr[CoreDump]]) -> U32:
        """Write what the pattern stands for. Returns 1 if the number of the process is in that,
        else 0."""
        place, has_number = keep(Ptr[U8]), keep(U32)
        lea(place, self.settings.pattern)
        xor(has_number, has_number)
        with while_(at(place) != 0):
            with if_(at(place) != ord("%")):
                self.writer.put(at(place))
            with else_():
                inc(place)
                break_if(at(place) == 0)
                with if_(at(place) == ord("p")):
                    mov(has_number, 1)
                movzx(esi, at(place))
                self._write_part(dump, esi)
            inc(place)
        ret(has_number)

    @function(context="thread", sleeps=True)
    def _write_part(self, dump: Keep[Ptr[CoreDump]], letter: Keep[U32]) -> None:
        """Write what `letter` stands for behind a percent sign; nothing for one that means
        nothing."""
        task, process = keep(dump.task), keep(dump.process)
        with switch(letter):
            with case(ord("%")):
                self.writer.print("%%")
            with case(ord("p"), ord("P")):
                self.writer.print("%u", process.number)
            with case(ord("i"), ord("I")):
                self.writer.print("%u", task.number)
            with case(ord("u")):
                self.writer.print("%u", scratch(task.credentials).user)
            with case(ord("g")):
                self.writer.print("%u", scratch(task.credentials).group)
            with case(ord("d")):
                self.writer.print("%u", process.dumpable)
            with case(ord("s")):
                self.writer.print("%u", task.forced.number)
            with case(ord("c")):
                self.writer.print("%u", process.limits[Resource.CORE].soft)
            with case(ord("t")):
                self._write_time()
            with case(ord("h")):
                self._write_text(address_of(self.system.names[offsetof(SystemNames, "node")]))
            with case(ord("e")):
                self._write_text(address_of(task.name))
            with case(ord("E"), ord("f")):
                self._write_program(dump, letter)

    @function(context="thread")
    def _write_time(self) -> None:
        """Write the seconds since 1970."""
        mov(rax, self.clock.now())
        xor(edx, edx)
        mov(ecx, NSEC_PER_SEC)
        div(rcx)
        self.writer.print("%u", rax)

    @function
    def _write_text(self, text: Keep[Ptr[U8]]) -> None:
        """Write `text` as a part of a name: with ! for each slash, for the point that a directory
        is called by, and for nothing at all."""
        with if_((at(text) == 0) | ((at(text) == ord(".")) & (text[1] == 0))):
            self.writer.print("!")
            ret()
        with if_((at(text) == ord(".")) & (text[1] == ord(".")) & (text[2] == 0)):
            self.writer.print("!.")
            ret()
        with while_(at(text) != 0):
            mov(al, at(text))
            with if_(al == ord("/")):
                mov(al, ord("!"))
            self.writer.put(al)
            inc(text)

    @function(context="thread", sleeps=True)
    def _write_program(self, dump: Keep[Ptr[CoreDump]], letter: Keep[U32]) -> None:
        """Write the name of the file that the process runs, with all directories if `letter` is E;
        that of the thread if it runs none."""
        task = keep(dump.task)
        file = keep(self.programs.get(dump.process))
        with if_(file == 0):
            tail(self._write_text, address_of(task.name))
        text = keep(cast(u64(scratch(dump.page)), Ptr[U8]))
        begin = self.names.describe(address_of(file.path), address_of(dump.root), text)
        with if_(begin < 0):
            lea(text, task.name)
        with else_():
            add(text, begin)
            with if_(letter == ord("f")):
                mov(text, self._last_part(text))
        self.files.drop(file)
        tail(self._write_text, text)

    @function
    def _last_part(self, text: Ptr[U8]) -> Ptr[U8]:
        """Return where in `text` what is behind its last slash begins."""
        last, place = scratch(text), scratch(text)
        with while_(at(place) != 0):
            inc(place)
            with if_(place[-1] == ord("/")):
                mov(last, place)
        ret(last)
