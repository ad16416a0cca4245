"""What becomes of programs when memory is out."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE
from kernel.errno import Errno
from kernel.exec.programs import Programs
from kernel.fs.file import File
from kernel.fs.fileio import FileIo
from kernel.fs.files import Files
from kernel.fs.iovector import IoVector
from kernel.fs.openflag import OpenFlag
from kernel.fs.opening import Opening
from kernel.fs.removal import Removal
from kernel.fs.rootfilesystem import RootFileSystem
from kernel.process.elf import (
    CLASS_64,
    LITTLE_ENDIAN,
    MACHINE_X86_64,
    MAGIC,
    ElfHeader,
    ElfType,
    ProgramHeader,
    SegmentFlag,
    SegmentType,
)
from kernel.process.exits import Exits
from kernel.process.userpath import UserPaths
from kernel.sched.scheduler import Scheduler
from kernel.selftest.case import TestSuite, check
from kernel.selftest.programs import CODE, EXITED, MOST_CODE, ProgramTests
from kernel.selftest.shortage import OVER_BOUND, ShortageTests
from kernel.selftest.shortages import Effect, Operation, Shortages
from kernel.threads.threads import Threads
from pykasm import *

NAME = "shortage"
"""The file with a program, while the tests run."""

OWNER_RUNS = 0o700
"""Its permissions."""


class ProgramImage(Struct):
    """The start of the file; the code follows."""

    header: ElfHeader
    segment: ProgramHeader


IMAGE = ProgramImage(
    header=ElfHeader(
        magic=MAGIC,
        file_class=CLASS_64,
        data=LITTLE_ENDIAN,
        type=ElfType.EXECUTABLE,
        machine=MACHINE_X86_64,
        entry=CODE + sizeof(ProgramImage),
        program_headers=offsetof(ProgramImage, "segment"),
        program_header_size=sizeof(ProgramHeader),
        program_header_count=1,
    ),
    segment=ProgramHeader(
        type=SegmentType.LOAD,
        flags=SegmentFlag.READ | SegmentFlag.EXECUTE,
        address=CODE,
        file_size=sizeof(ProgramImage) + MOST_CODE,
        memory_size=sizeof(ProgramImage) + MOST_CODE,
        alignment=PAGE,
    ),
)


class ProgramShortageTests(TestSuite):
    """Starts of programs, and what their calls copy, without memory."""

    def __init__(
        self,
        shortages: Shortages,
        memory: ShortageTests,
        scheduler: Scheduler,
        threads: Threads,
        root: RootFileSystem,
        opening: Opening,
        removal: Removal,
        io: FileIo,
        files: Files,
        paths: UserPaths,
        programs: Programs,
        exits: Exits,
        tiny: ProgramTests,
    ) -> None:
        self.shortages = shortages
        self.memory = memory
        self.scheduler = scheduler
        self.threads = threads
        self.root = root
        self.opening = opening
        self.removal = removal
        self.io = io
        self.files = files
        self.paths = paths
        self.programs = programs
        self.exits = exits
        self.tiny = tiny
        self.image = rodata(ProgramImage, IMAGE)
        self.operations = [
            Operation(name="a name that a program gives", run=self.name),
            Operation(name="the start of a program", run=self.start),
        ]
        self.table = rodata(Operation * len(self.operations), self.operations)
        self.tests = [check("shortage.programs", self.every_allocation)]

    @function(sleeps=True)
    def every_allocation(self) -> U32:
        """Whichever allocation fails on behalf of a program, nothing is lost, and the error is
        told."""
        good, subject = keep(U32), address_of(self.root.subject)
        with if_(self._make_file() != 0):
            ret(0)
        mov(good, self.shortages.survive(address_of(self.table), len(self.operations)))
        result = self.removal.unlink(subject, 0, text(NAME))
        with if_(result != 0):
            ret(0)
        ret(good)

    # The file

    @function(sleeps=True)
    def _make_file(self) -> OrErrno[I32]:
        """Make the file with the program. Returns 0 or an error."""
        flags = OpenFlag.WRITE_ONLY | OpenFlag.CREATE
        failed, opened = self.opening.open(
            address_of(self.root.subject), 0, text(NAME), flags, OWNER_RUNS
        )
        with if_(opened == 0):
            ret(failed)
        ignore(failed, "it is open")
        file = keep(opened)
        good = keep(self._write(file, address_of(self.image), sizeof(ProgramImage)))
        and_(good, self._write(file, address_of(self.tiny.exit), MOST_CODE))
        self.files.drop(file)
        fail_if(good == 0, Errno.EIO)
        ret(0)

    @function(sleeps=True)
    def _write(self, file: Ptr[File], source: U64, length: Keep[U64]) -> Bool:
        """Write `length` bytes from the kernel's `source` to `file`. Return whether all are."""
        vector = local(IoVector)
        vector.start(source, length, is_user=False)
        result = self.io.write(file, address_of(vector))
        ret(u64(result) == length)

    # Operations

    @function(sleeps=True)
    def name(self) -> U8:
        """A copy of a name from the memory of a program."""
        effect = keep(self.shortages.effect_of(self.memory.begin()))
        with if_(effect == Effect.DONE):
            mov(rax, OVER_BOUND)
            result, name = self.paths.take(cast(rax, User[U8]))
            with if_(name == 0):
                mov(effect, self.shortages.effect_of(result))
            with else_():
                ignore(result, "there is a copy")
                self.paths.free(name)
        self.memory.end()
        ret(effect)

    @function(sleeps=True)
    def start(self) -> U8:
        """A program with an argument, until all of it has ended."""
        argument, threads = local(Ptr[U8]), keep(self.threads.count_lives())
        mov(rax, text(NAME))
        mov(argument, cast(rax, Ptr[U8]))
        result, started = self.programs.start(text(NAME), address_of(argument), 1, 0)
        with if_(started == 0):
            tail(self.shortages.effect_of, result)
        ignore(result, "it has started")
        status = keep(self.exits.wait(started))
        with loop():
            break_if(self.threads.count_lives() == threads)
            self.scheduler.yield_now()
        with if_(status == EXITED):
            ret(Effect.DONE)
        ret(Effect.WRONG)
