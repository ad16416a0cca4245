"""Writing what core files say beside memory."""

from __future__ import annotations

from kernel.clock.units import NSEC_PER_SEC
from kernel.cpu.interruptflag import interrupts_disabled
from kernel.cpu.pagetable import PAGE, PageShift
from kernel.cpu.trapframe import GENERAL_REGISTERS, SYSTEM_CALL
from kernel.fs.pathnames import PathNames
from kernel.process.coredump import CoreDump
from kernel.process.corenote import (
    ARGUMENTS_SIZE,
    CORE_OWNER,
    LINUX_OWNER,
    OWNER_SIZE,
    CoreMapping,
    CoreProcess,
    CoreThread,
    NoteHeader,
    NoteType,
)
from kernel.process.coreregions import CoreRegions
from kernel.process.corestreams import CoreStreams
from kernel.process.process import Process
from kernel.process.processes import Processes
from kernel.process.processsummaries import ProcessSummaries
from kernel.process.programframe import program_frame
from kernel.process.task import Task
from kernel.process.usertimes import MICROSECOND
from kernel.sched.runtimes import RunTimes
from kernel.sched.scheduler import Scheduler
from kernel.sched.segmentbases import SELECTORS, SegmentBases
from kernel.sched.userstate import NAME_SIZE
from kernel.sched.xstate import LEGACY_SIZE, ExtendedState, SaveArea
from kernel.signals.signalinfo import SignalInfo, UserSignalInfo
from kernel.signals.signaltarget import SignalTarget
from kernel.vm.usercopy import UserCopy
from pykasm import *

ALIGNMENT = 4
"""Of notes, and of what they say."""


class CoreNotes(Subsystem):
    """Writes notes: about the thread that dumps, the process, the signal, what was mapped, and then
    about the other threads, all of which rest. Context: thread."""

    def __init__(
        self,
        streams: CoreStreams,
        regions: CoreRegions,
        names: PathNames,
        processes: Processes,
        summaries: ProcessSummaries,
        scheduler: Scheduler,
        bases: SegmentBases,
        extended: ExtendedState,
        copy: UserCopy,
    ) -> None:
        self.streams = streams
        self.regions = regions
        self.names = names
        self.processes = processes
        self.summaries = summaries
        self.scheduler = scheduler
        self.bases = bases
        self.extended = extended
        self.copy = copy

    @function(context="thread", sleeps=True)
    def write(self, dump: Keep[Ptr[CoreDump]]) -> None:
        """Write all notes from the position on."""
        task = keep(dump.task)
        with interrupts_disabled():  # what processors have of the thread is told, too
            self.bases.save(task)
            self.extended.refresh(task.thread)
        self._write_thread(dump, task)
        self._write_process(dump)
        self._write_signal(dump, task)
        self._write_auxiliary(dump)
        self._write_files(dump)
        self._write_extended(dump, task)
        tail(self._write_others, dump)

    # Forms

    @function
    def _clear(self, dump: Ptr[CoreDump]) -> Ptr[U8]:
        """Make `dump.page` zero, and return it."""
        mov(rdi, dump.page)
        mov(rdx, rdi)
        xor(eax, eax)
        mov(ecx, PAGE // sizeof(U64))
        rep.stosq()
        ret(cast(rdx, Ptr[U8]))

    @inline(changes=rax)
    def _begin(self, dump: Ptr[CoreDump], type: NoteType, owner: bytes = CORE_OWNER) -> None:
        """Fill in the header of a note, but for its size."""
        name = owner.ljust(OWNER_SIZE, b"\0")
        mov(dump.note.name_size, len(owner) + 1)
        mov(dump.note.type, type)
        mov(dump.note.owner, int.from_bytes(name[:4], "little"))
        mov(dump.note.owner_rest, int.from_bytes(name[4:], "little"))

    @function(context="thread", sleeps=True)
    def _write_note(self, dump: Keep[Ptr[CoreDump]], source: Keep[U64], size: Keep[U64]) -> None:
        """Write a note that has begun, whose `size` bytes are at `source`."""
        mov(dump.note.size, u32(size))
        self.streams.write(dump, address_of(dump.note), sizeof(NoteHeader))
        tail(self.streams.write, dump, source, size)

    # Threads

    @function(context="thread", sleeps=True)
    def _write_others(self, dump: Keep[Ptr[CoreDump]]) -> None:
        """Write the notes about all threads that rest."""
        number, dumper = keep(U32), keep(dump.task)
        xor(number, number)
        with loop():
            task = keep(self._next(dump.process, number))
            break_if(task == 0)
            mov(number, task.number)
            with if_(task != dumper):
                self._write_thread(dump, task)
                self._write_extended(dump, task)
            release(task)

    @function(context="thread")
    def _next(self, process: Ptr[Process], number: U32) -> OrNull[Ptr[Task]]:
        """Return the thread of `process` with the lowest number above `number`, or null. It stays,
        as all that have not left rest."""
        group, found = scratch(address_of(process.signals)), scratch(OrNull[Ptr[Task]])
        number = scratch(number)
        xor(u32(found), u32(found))
        with (
            group.lock.held(),
            group.members.each(SignalTarget, "member", place=scratch) as member,
        ):
            task = cast(member, Ptr[Task])
            mov(eax, task.number)
            with if_(eax > number):
                with if_(found == 0):
                    mov(found, task)
                with elif_(eax < found.number):
                    mov(found, task)
        ret(found)

    @function(context="thread", sleeps=True)
    def _write_thread(self, dump: Keep[Ptr[CoreDump]], task: Keep[Ptr[Task]]) -> None:
        """Write what a thread is like, and its registers."""
        note = keep(cast(self._clear(dump), Ptr[CoreThread]))
        dumper = scratch(dump.task)
        mov(eax, dumper.forced.number)
        mov(note.current_signal, ax)
        with if_(dumper == task):
            for name in ("number", "code", "error"):
                mov(eax, u32(getattr(dumper.forced, name)))
                mov(u32(getattr(note, "signal" if name == "number" else name)), eax)
        release(dumper)
        mov(rax, task.pending.set)
        mov(note.pending, rax)
        mov(rax, task.mask)
        mov(note.mask, rax)
        self._tell_relations(note, dump.process)
        mov(eax, task.number)
        mov(note.number, eax)
        self._tell_times(note, task)
        self._tell_registers(note, task)
        mov(note.has_floating_point, 1)
        self._begin(dump, NoteType.THREAD)
        tail(self._write_note, dump, u64(note), sizeof(CoreThread))

    @function(context="thread")
    def _tell_relations(self, note: Ptr[CoreThread], process: Ptr[Process]) -> None:
        """Fill in `note` with whose child `process` is, and in which group and session."""
        note, process = scratch(note), scratch(process)
        with self.processes.lock.held():
            release(self.summaries.copy_relations(note, process))

    @function(context="thread")
    def _tell_times(self, note: Keep[Ptr[CoreThread]], task: Ptr[Task]) -> None:
        """Fill in `note` with for how long `task` has run."""
        times = local(RunTimes)
        self.scheduler.read_times(task.thread, address_of(times))
        for name, time in (("user_time", times.user), ("system_time", times.system)):
            mov(rax, time)
            xor(edx, edx)
            mov(ecx, NSEC_PER_SEC)
            div(rcx)
            mov(getattr(note, name).seconds, rax)
            mov(rax, rdx)
            xor(edx, edx)
            mov(ecx, MICROSECOND)
            div(rcx)
            mov(getattr(note, name).microseconds, rax)

    @function
    def _tell_registers(self, note: Ptr[CoreThread], task: Ptr[Task]) -> None:
        """Fill in `note` with the registers with which the program of `task` would go on."""
        frame = program_frame(scratch(task.thread))
        task, note = scratch(task), scratch(note)
        names = [str(one) for one in GENERAL_REGISTERS]
        for name in (*names, "rip", "cs", "rflags", "rsp", "ss"):
            mov(rax, getattr(frame, name))
            mov(getattr(note.registers, name), rax)
        mov(note.registers.call, -1)
        with if_(frame.vector == SYSTEM_CALL):
            mov(rax, frame.error_code)
            mov(u64(note.registers.call), rax)
        for name in ("fs_base", "gs_base"):
            mov(rax, getattr(task, name))
            mov(getattr(note.registers, name), rax)
        for _, name in SELECTORS:
            movzx(eax, getattr(task, name))
            mov(getattr(note.registers, name), rax)

    @function(context="thread", sleeps=True)
    def _write_extended(self, dump: Keep[Ptr[CoreDump]], task: Ptr[Task]) -> None:
        """Write the x87, SSE and AVX registers of a thread, in both forms."""
        task = keep(task)
        page = keep(self._clear(dump))
        thread = scratch(task.thread)
        mov(rsi, thread.extended)
        mov(rdi, page)
        mov(ecx, sizeof(SaveArea) // sizeof(U64))
        rep.movsq()
        area = scratch(cast(page, Ptr[SaveArea]))
        mov(eax, self.extended.mask)
        mov(u64[u64(area) + offsetof(SaveArea, "software")], rax)  # that of XCR0 (gdb's i387-tdep)
        release(area)
        self._begin(dump, NoteType.FLOATING_POINT)
        self._write_note(dump, u64(page), LEGACY_SIZE)
        with if_(self.extended.mask == 0):
            ret()
        self._begin(dump, NoteType.EXTENDED, LINUX_OWNER)
        mov(edx, self.extended.size)
        tail(self._write_note, dump, u64(page), rdx)

    # The process

    @function(context="thread", sleeps=True)
    def _write_process(self, dump: Keep[Ptr[CoreDump]]) -> None:
        """Write what the process is like."""
        note, task = keep(cast(self._clear(dump), Ptr[CoreProcess])), keep(dump.task)
        process = keep(dump.process)
        mov(note.state_letter, ord("R"))
        mov(eax, task.nice)
        mov(note.nice, al)
        credentials = scratch(task.credentials)
        for name in ("user", "group"):
            mov(eax, getattr(credentials, name))
            mov(getattr(note, name), eax)
        release(credentials)
        mov(eax, process.number)
        mov(note.number, eax)
        with self.processes.lock.held():
            mov(eax, process.parent_number)
            mov(note.parent, eax)
            group = scratch(process.group)
            mov(eax, u32(group.node.key))
            mov(note.process_group, eax)
            session = scratch(group.session)
            mov(eax, session.number)
            mov(note.session, eax)
        for offset in range(0, NAME_SIZE, sizeof(U64)):
            mov(rax, u64[u64(task) + (offsetof(Task, "name") + offset)])
            mov(u64[u64(note) + (offsetof(CoreProcess, "name") + offset)], rax)
        self._tell_arguments(dump, note)
        self._begin(dump, NoteType.PROCESS)
        tail(self._write_note, dump, u64(note), sizeof(CoreProcess))

    @function(context="thread", sleeps=True)
    def _tell_arguments(self, dump: Ptr[CoreDump], note: Keep[Ptr[CoreProcess]]) -> None:
        """Fill in `note` with the arguments of the program, as they are now, between spaces."""
        space, size = scratch(dump.space), keep(U64)
        mov(size, space.environment)
        sub(size, space.arguments)
        with if_(size > ARGUMENTS_SIZE - 1):
            mov(size, ARGUMENTS_SIZE - 1)
        lea(rdi, note.arguments)
        failed, left = self.copy.copy_in(rdi, cast(space.arguments, User[U8]), size)
        ignore(failed, "what is left tells as much")
        sub(size, left)
        with while_(size != 0):
            dec(size)
            with if_(note.arguments[size] == 0):
                mov(note.arguments[size], ord(" "))

    @function(context="thread", sleeps=True)
    def _write_signal(self, dump: Keep[Ptr[CoreDump]], task: Keep[Ptr[Task]]) -> None:
        """Write all that is told of the signal."""
        page = scratch(cast(self._clear(dump), Ptr[SignalInfo]))
        page.copy_from(scratch(address_of(task.forced)))
        release(page)
        self._begin(dump, NoteType.SIGNAL)
        tail(self._write_note, dump, u64(scratch(dump.page)), sizeof(UserSignalInfo))

    @function(context="thread", sleeps=True)
    def _write_auxiliary(self, dump: Keep[Ptr[CoreDump]]) -> None:
        """Write what the program was told at its start, as it has it now."""
        page, size, space = self._clear(dump), keep(U64), scratch(dump.space)
        mov(size, space.auxiliary_end)
        sub(size, space.auxiliary)
        failed, left = self.copy.copy_in(u64(page), cast(space.auxiliary, User[U8]), size)
        ignore(failed, "what is not there any more is 0")
        ignore(left)
        self._begin(dump, NoteType.AUXILIARY)
        tail(self._write_note, dump, u64(scratch(dump.page)), size)

    # Files

    @function(context="thread", sleeps=True)
    def _write_files(self, dump: Keep[Ptr[CoreDump]]) -> None:
        """Write which parts of which files are mapped. How many bytes that are is known in the end:
        the header comes last."""
        start, end = keep(dump.position), keep(U64)
        page = keep(cast(self._clear(dump), Ptr[U64]))
        mov(eax, dump.files)
        mov(page[0], rax)
        mov(page[1], PAGE)
        add(dump.position, sizeof(NoteHeader))
        self.streams.write(dump, u64(page), 2 * sizeof(U64))
        for write in (self._write_mapping, self._write_name):
            with self.regions.each(dump), if_(self.regions.has_name(dump)):
                write(dump)
        mov(end, dump.position)
        mov(rax, end)
        sub(rax, start)
        sub(rax, sizeof(NoteHeader))
        mov(dump.note.size, eax)
        self._begin(dump, NoteType.FILES)
        mov(dump.position, start)
        self.streams.write(dump, address_of(dump.note), sizeof(NoteHeader))
        add(end, ALIGNMENT - 1)
        and_(end, -ALIGNMENT)
        mov(dump.position, end)

    @function(context="thread", sleeps=True)
    def _write_mapping(self, dump: Keep[Ptr[CoreDump]]) -> None:
        """Write where the region lies, and which part of its file is there."""
        for name, value in (
            ("start", dump.region.node.key),
            ("end", dump.region.end),
            ("offset", dump.region.offset),
        ):
            mov(rax, value)
            if name == "offset":
                shr(rax, PageShift.PAGE)
            mov(getattr(dump.mapping, name), rax)
        self.streams.write(dump, address_of(dump.mapping), sizeof(CoreMapping))

    @function(context="thread", sleeps=True)
    def _write_name(self, dump: Keep[Ptr[CoreDump]]) -> None:
        """Write the name of the file of the region, nothing if it is too long, and a zero."""
        page, file = keep(dump.page), self.regions.file_of(dump)
        begin = keep(self.names.describe(address_of(file.path), address_of(dump.root), page))
        with if_(begin < 0):
            mov(begin, PAGE - 1)
            mov(page[PAGE - 1], 0)
        size = scratch(U64)
        mov(u32(size), PAGE)
        sub(size, begin)
        lea(rsi, page[u64(begin)])
        tail(self.streams.write, dump, rsi, size)
