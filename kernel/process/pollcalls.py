"""System calls that wait for several files."""

from __future__ import annotations

from kernel.clock.units import Nanoseconds
from kernel.errno import Errno
from kernel.fs.files import Files
from kernel.fs.filetable import FileTable
from kernel.fs.filetables import FileTables
from kernel.fs.polling import PollEntry, Polling
from kernel.mm.heap import Heap
from kernel.process.filecalls import FileCalls
from kernel.process.limits import Resource
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.usertimes import MICROSECOND, UserTimes
from kernel.process.waitmasks import WaitMasks
from kernel.sched.thread import INTERRUPTIBLE
from kernel.sched.waiting import FOREVER
from kernel.sync.pollqueue import ALWAYS, PollEvent
from kernel.vm.useraccess import UserAccess
from kernel.vm.usercopy import UserCopy
from pykasm import *

SELECT_LIMIT = 1024
"""What numbers of files in sets are below (select(2), FD_SETSIZE)."""

WORDS = SELECT_LIMIT // 64
"""Of a set of files."""


class PolledFile(Struct):
    """Linux's `struct pollfd`."""

    number: I32
    wanted: U16
    found: U16


POLLED_SHIFT = sizeof(PolledFile).bit_length() - 1
"""log2 of its size."""

FEW = 32
"""Files for which there is room on the stack."""


class MaskArgument(Struct):
    """What the last argument of `pselect6` leads to."""

    mask: U64
    size: U64


class FileSet(Struct):
    """Linux's `fd_set`, as long as it can mean something here."""

    words: Array[U64] = field(count=WORDS)


class FileSets(Struct):
    """What `select` is given, or gives."""

    reading: FileSet
    writing: FileSet
    exceptional: FileSet


class SelectArguments(Struct):
    """What `select` was given."""

    count: U32
    places: Array[U64] = field(count=3)
    """The program's addresses of the sets; 0 for none."""


SELECTED: tuple[tuple[str, int], ...] = (
    (
        "reading",
        PollEvent.IN
        | PollEvent.READ_NORMAL
        | PollEvent.HANG_UP
        | PollEvent.ERROR
        | PollEvent.INVALID,
    ),
    ("writing", PollEvent.OUT | PollEvent.WRITE_NORMAL | PollEvent.ERROR | PollEvent.INVALID),
    ("exceptional", PollEvent.PRIORITY | PollEvent.INVALID),
)
"""Which events each of the sets stands for (fs/select.c)."""


class PollCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        numbers: FileCalls,
        files: Files,
        polling: Polling,
        times: UserTimes,
        masks: WaitMasks,
        tables: FileTables,
        heap: Heap,
        access: UserAccess,
        copy: UserCopy,
    ) -> None:
        self.processes = processes
        self.numbers = numbers
        self.files = files
        self.polling = polling
        self.times = times
        self.masks = masks
        self.tables = tables
        self.heap = heap
        self.access = access
        self.copy = copy

    # poll

    @function(context="thread", sleeps=True)
    def poll(self, list: User[U8], count: U32, timeout: I32) -> OrErrno[I64]:
        """Wait until something is possible with one of `count` files, at most `timeout`
        milliseconds; for ever if that is negative."""
        with if_(timeout == 0):
            tail(self._poll, list, count, 0)
        tail(self._poll_for, list, count, timeout)

    @function(context="thread", sleeps=True)
    def _poll_for(self, list: Keep[User[U8]], count: Keep[U32], timeout: I32) -> OrErrno[I64]:
        """Do so for a `timeout` that is not 0."""
        deadline = local(Nanoseconds)
        self.times.after_milliseconds(timeout, address_of(deadline))
        tail(self._poll, list, count, deadline)

    @function(context="thread", sleeps=True)
    def ppoll(
        self,
        list: Keep[User[U8]],
        count: Keep[U32],
        timeout: Keep[User[U8]],
        mask: Keep[User[U8]],
        size: Keep[U64],
    ) -> OrErrno[I64]:
        """Do what `poll` does, with another set of signals blocked meanwhile."""
        deadline, result = local(Nanoseconds), local(I64)
        mov(rax, FOREVER)
        mov(deadline, cast(rax, Nanoseconds))
        with if_(u64(timeout) != 0):
            # Read before signals are unblocked: a bad address leaves all as it was
            try_(self.times.deadline(timeout, address_of(deadline)))
        try_(self.masks.block(mask, size))
        mov(result, self._poll(list, count, deadline))
        with if_((u64(timeout) != 0) & (deadline != FOREVER)):
            self.times.store_left(timeout, deadline, 1)
        ret(result)

    @function(context="thread", sleeps=True)
    def _poll(self, list: User[U8], count: U32, deadline: Nanoseconds) -> OrErrno[I64]:
        """Wait for files until `deadline`."""
        polled = local(PolledFile * FEW)
        process = self.processes.current_process()
        # It bounds the memory that a program can have the kernel take here
        fail_if(count > u32(process.limits[Resource.NOFILE].soft), Errno.EINVAL)
        release(process)
        with if_(count > FEW):
            tail(self._poll_many, list, count, deadline)
        ret(self._poll_at(address_of(polled), list, count, deadline))

    @function(context="thread", sleeps=True)
    def _poll_many(
        self, list: Keep[User[U8]], count: Keep[U32], deadline: Keep[Nanoseconds]
    ) -> OrErrno[I64]:
        """Do so for more files than the stack has room for."""
        result, size = keep(I64), scratch(u64(count))
        shl(size, POLLED_SHIFT)
        polled = keep(try_(self.heap.allocate(size), Errno.ENOMEM))
        mov(result, self._poll_at(cast(polled, Ptr[PolledFile]), list, count, deadline))
        self.heap.free(polled)
        ret(result)

    @function(context="thread", sleeps=True)
    def _poll_at(
        self,
        polled: Keep[Ptr[PolledFile]],
        list: Keep[User[U8]],
        count: Keep[U32],
        deadline: Keep[Nanoseconds],
    ) -> OrErrno[I64]:
        """Do so with room for the list at `polled`."""
        result = keep(I64)
        size = scratch(u64(count))
        shl(size, POLLED_SHIFT)
        self.copy.copy_in_all(u64(polled), list, size)
        # Mostly something is possible already, or nobody wants to wait: then nothing need be
        # watched, and no memory is needed for that
        mov(result, self._look(polled, count))
        with if_((result == 0) & (deadline != 0)):
            mov(result, self._await(polled, count, deadline))
        fail_if(~self._give(polled, list, count), Errno.EFAULT)
        ret(result)

    @function(context="thread", sleeps=True)
    def _look(self, entry: Keep[Ptr[PolledFile]], count: Keep[U32]) -> I64:
        """Fill in what is possible now. Returns with how many files something is."""
        ready, table = keep(I64), keep(Ptr[FileTable])
        task = self.processes.current()
        mov(table, task.files)
        release(task)
        xor(u32(ready), u32(ready))
        with while_(count != 0):
            with if_(table.references.count == 1):
                # Nobody else closes the file meanwhile: see `FileCalls.borrowed`
                file = self.tables.find(table, u32(entry.number))
                with if_(file != 0):
                    mov(eax, self.polling.events_of(file, 0))
                with else_():
                    mov(eax, self._look_at(entry.number))
            with else_():
                mov(eax, self._look_at(entry.number))
            movzx(ecx, entry.wanted)
            or_(ecx, ALWAYS)
            and_(eax, ecx)
            mov(entry.found, ax)
            with if_(~ZF):
                inc(ready)
            add(entry, sizeof(PolledFile))
            dec(count)
        ret(ready)

    @function(context="thread", sleeps=True)
    def _look_at(self, number: I32) -> U32:
        """Return what is possible with the file `number`: nothing if that is negative."""
        events = keep(U32)
        with if_(number < 0):
            ret(0)
        file = keep(self.numbers.get(u32(number)))
        with if_(file == 0):
            ret(PollEvent.INVALID)
        mov(events, self.polling.events_of(file, 0))
        self.files.drop(file)
        ret(events)

    @function(context="thread", sleeps=True)
    def _await(
        self, polled: Keep[Ptr[PolledFile]], count: Keep[U32], deadline: Keep[Nanoseconds]
    ) -> OrErrno[I64]:
        """Wait until `deadline` for something to become possible, and fill that in. Returns with
        how many files something is, or an error."""
        result = keep(I64)
        entries = keep(try_(self._allocate(count), Errno.ENOMEM))
        missing = self._take(entries, polled, count)
        mov(result, self._wait(entries, count, missing, deadline))
        with if_(result >= 0):
            mov(result, self._note_found(entries, polled, count))
        self._drop(entries, count)
        ret(result)

    @function
    def _allocate(self, count: U32) -> Owned[OrNull[Ptr[PollEntry]]]:
        """Return room for `count` entries, all empty; or null."""
        size = keep(U64)
        mov(eax, count)
        inc(rax)  # none is not null
        imul(rax, rax, sizeof(PollEntry))
        mov(size, rax)
        room = try_(self.heap.allocate(size))
        mov(rdx, room)
        mov(rdi, room)
        mov(rcx, size)
        xor(eax, eax)
        # All empty, so that `_drop` may come at any time
        rep.stosb()
        ret(cast(rdx, Ptr[PollEntry]))

    @function(context="thread", sleeps=True)
    def _take(
        self, entry: Keep[Ptr[PollEntry]], polled: Keep[Ptr[PolledFile]], count: Keep[U32]
    ) -> U64:
        """Fill the entries in. Returns how many are of numbers that no file has."""
        missing = keep(U64)
        xor(u32(missing), u32(missing))
        with while_(count != 0):
            movzx(eax, polled.wanted)
            mov(entry.wanted, eax)
            # Negative ones are skipped: so programs leave entries out (poll(2))
            with if_(polled.number >= 0):
                file = self.numbers.get(u32(polled.number))
                mov(entry.file, file)
                with if_(file == 0):
                    inc(missing)
                with else_():
                    disown(file, "the entry has it")
            add(polled, sizeof(PolledFile))
            add(entry, sizeof(PollEntry))
            dec(count)
        ret(missing)

    @function
    def _note_found(self, entry: Ptr[PollEntry], polled: Ptr[PolledFile], count: U32) -> I64:
        """Fill in what the entries found. Returns with how many files that is something."""
        number = scratch(I64)
        xor(u32(number), u32(number))
        with while_(count != 0):
            mov(eax, entry.found)
            with if_((entry.file == 0) & (polled.number >= 0)):
                mov(eax, PollEvent.INVALID)
            mov(polled.found, ax)
            with if_(eax != 0):
                inc(number)
            add(polled, sizeof(PolledFile))
            add(entry, sizeof(PollEntry))
            dec(count)
        ret(number)

    @function(context="thread", sleeps=True)
    def _give(self, polled: Keep[Ptr[PolledFile]], list: Keep[User[U8]], count: Keep[U32]) -> Bool:
        """Store what was found, and nothing else: another thread may be about to change the rest.
        Returns whether the program has room for it."""
        for one in (u64(polled), u64(list)):
            add(one, offsetof(PolledFile, "found"))
        with while_(count != 0):
            # `copy_in` has found that these are a program's addresses
            mov(eax, self.access.store_halves(u64(list), u64(polled), sizeof(PolledFile), count))
            break_if(eax == 0)
            sub(count, eax)
            shl(count, POLLED_SHIFT)
            for one in (u64(polled), u64(list)):
                add(one, u64(count))
            mov(count, eax)
            result, left = self.copy.copy_out(list, u64(polled), sizeof(U16))
            ignore(left)
            fail_if(result != 0)
            for one in (u64(polled), u64(list)):
                add(one, sizeof(PolledFile))
            dec(count)
        ret(True)

    @function(context="thread", sleeps=True)
    def _wait(
        self, entries: Ptr[PollEntry], count: U32, missing: U64, deadline: Nanoseconds
    ) -> OrErrno[I64]:
        """Wait, unless there are files `missing`, which their numbers tell at once."""
        with if_(missing != 0):
            # There is something to tell: look at the others once, and do not wait
            xor(u32(deadline), u32(deadline))
        result = self.polling.poll(entries, u64(count), deadline, INTERRUPTIBLE)
        with if_(result == -Errno.EINTR):
            ret(-Errno.ERESTARTNOHAND)
        movsxd(rax, result)
        ret(rax)

    @function(context="thread", sleeps=True)
    def _drop(self, entries: Keep[Owned[Ptr[PollEntry]]], count: Keep[U32]) -> None:
        """Drop the files of the entries, and free these."""
        entry = keep(entries)
        with while_(count != 0):
            file = scratch(entry.file)
            with if_(file != 0):
                take_over(file, "the entry had it")
                self.files.drop(file)
            add(entry, sizeof(PollEntry))
            dec(count)
        self.heap.free(u64(entries))

    # select

    @function(context="thread", sleeps=True)
    def select(
        self,
        count: U32,
        reading: User[U8],
        writing: User[U8],
        exceptional: User[U8],
        timeout: Keep[User[U8]],
    ) -> OrErrno[I64]:
        """Wait until something is possible with one of the files in three sets of numbers below
        `count`, at most as long as `timeout` says unless that is null. What is left of that, and
        the sets, are stored."""
        asked, deadline, result = local(SelectArguments), local(Nanoseconds), keep(I64)
        self._note(asked, count, reading, writing, exceptional)
        mov(rax, FOREVER)
        mov(deadline, cast(rax, Nanoseconds))
        with if_(u64(timeout) != 0):
            try_(self.times.deadline_by_microseconds(timeout, address_of(deadline)))
        mov(result, self._select(address_of(asked), deadline))
        with if_((u64(timeout) != 0) & (deadline != FOREVER)):
            self.times.store_left(timeout, deadline, MICROSECOND)
        ret(result)

    @inline
    def _note(
        self,
        asked: SelectArguments,
        count: U32,
        reading: User[U8],
        writing: User[U8],
        exceptional: User[U8],
    ) -> None:
        """Note what `select` was given."""
        mov(asked.count, count)
        mov(asked.places[0], u64(reading))
        mov(asked.places[1], u64(writing))
        mov(asked.places[2], u64(exceptional))

    @function(context="thread", sleeps=True)
    def pselect6(
        self,
        count: U32,
        reading: User[U8],
        writing: User[U8],
        exceptional: User[U8],
        timeout: Keep[User[U8]],
        signals: Keep[User[U8]],
    ) -> OrErrno[I64]:
        """Do what `select` does, with another set of signals blocked meanwhile."""
        asked, deadline, result = local(SelectArguments), local(Nanoseconds), keep(I64)
        mask = local(MaskArgument)
        self._note(asked, count, reading, writing, exceptional)
        mov(mask.mask, 0)
        mov(mask.size, 0)
        with if_(u64(signals) != 0):
            self.copy.copy_in_all(address_of(mask), signals, sizeof(MaskArgument))
        mov(rax, FOREVER)
        mov(deadline, cast(rax, Nanoseconds))
        with if_(u64(timeout) != 0):
            try_(self.times.deadline(timeout, address_of(deadline)))
        try_(self.masks.block(cast(mask.mask, User[U8]), mask.size))
        mov(result, self._select(address_of(asked), deadline))
        with if_((u64(timeout) != 0) & (deadline != FOREVER)):
            self.times.store_left(timeout, deadline, 1)
        ret(result)

    @function(context="thread", sleeps=True)
    def _select(
        self, asked: Keep[Ptr[SelectArguments]], deadline: Keep[Nanoseconds]
    ) -> OrErrno[I64]:
        """Wait for what is `asked` until `deadline`. Numbers that no table has are left out."""
        result, sets = keep(I64), local(FileSets)
        # Of more than can be open, those beyond are not there (select(2))
        fail_if(i32(asked.count) < 0, Errno.EINVAL)
        with if_(asked.count > SELECT_LIMIT):
            mov(asked.count, SELECT_LIMIT)
        try_(self._fetch_sets(asked, address_of(sets)))
        entries = keep(try_(self._allocate(asked.count), Errno.ENOMEM))
        mov(result, self._take_sets(entries, asked, address_of(sets)))
        with if_(result == 0):
            mov(result, self._wait(entries, asked.count, 0, deadline))
        with if_(result >= 0):
            mov(result, self._give_sets(entries, asked, address_of(sets)))
        self._drop(entries, asked.count)
        ret(result)

    @inline(changes=rax)
    def _set_bytes(self, asked: Ptr[SelectArguments]) -> U64:
        """Return how many bytes of each set there are."""
        mov(eax, asked.count)
        # Sets are arrays of `long`: whole words are read and written
        add(eax, 63)
        shr(eax, 6)
        shl(eax, 3)
        return rax

    @function(context="thread", sleeps=True)
    def _fetch_sets(
        self, asked: Keep[Ptr[SelectArguments]], sets: Keep[Ptr[FileSets]]
    ) -> OrErrno[I64]:
        """Copy the sets; those that are null are empty. Returns 0 or -EFAULT."""
        zero(sets)
        for index, (name, _) in enumerate(SELECTED):
            with if_(asked.places[index] != 0):
                length = self._set_bytes(asked)
                place = cast(asked.places[index], User[U8])
                self.copy.copy_in_all(address_of(getattr(sets, name)), place, length)
        ret(0)

    @function(context="thread", sleeps=True)
    def _take_sets(
        self, entry: Keep[Ptr[PollEntry]], asked: Ptr[SelectArguments], sets: Keep[Ptr[FileSets]]
    ) -> OrErrno[I64]:
        """Fill an entry in for each number, which stays empty where nothing is wanted. Returns 0 or
        -EBADF."""
        number, count = keep(U64), keep(asked.count)
        with for_(number, 0, u64(count)):
            mov(entry.wanted, self._wanted(sets, number))
            with if_(entry.wanted != 0):
                file = try_(self.numbers.get(u32(number)), Errno.EBADF)
                mov(entry.file, file)
                disown(file, "the entry has it")
            add(entry, sizeof(PollEntry))
        ret(0)

    @function
    def _wanted(self, sets: Ptr[FileSets], number: U64) -> U32:
        """Return the events that the sets with `number` stand for."""
        events = scratch(U32)
        xor(events, events)
        for name, some in SELECTED:
            bt(getattr(sets, name).words[0], number)
            with if_(CF):
                or_(events, some)
        ret(events)

    @function(context="thread", sleeps=True)
    def _give_sets(
        self, entries: Ptr[PollEntry], asked: Keep[Ptr[SelectArguments]], sets: Keep[Ptr[FileSets]]
    ) -> OrErrno[I64]:
        """Store the sets of what was found. Returns how many numbers are in them, or -EFAULT."""
        found = keep(self._reduce(entries, asked.count, sets))
        for index, (name, _) in enumerate(SELECTED):
            # What was not given is not stored
            with if_(asked.places[index] != 0):
                length = self._set_bytes(asked)
                place = cast(asked.places[index], User[U8])
                self.copy.copy_out_all(place, address_of(getattr(sets, name)), length)
        ret(i64(found))

    @function
    def _reduce(self, entry: Ptr[PollEntry], count: U32, sets: Ptr[FileSets]) -> U64:
        """Leave in the sets what was found. Returns how many numbers stay in them."""
        number, found, left = scratch(U64), scratch(U64), scratch(u64(count))
        xor(u32(found), u32(found))
        with for_(number, 0, left):
            for name, some in SELECTED:
                with if_((entry.found & some) == 0):
                    # What is not in a set stays out whatever was found, so nothing is ever set here
                    btr(getattr(sets, name).words[0], number)
                with else_():
                    bt(getattr(sets, name).words[0], number)
                    # `bt` leaves the bit in CF
                    adc(found, 0)
            add(entry, sizeof(PollEntry))
        ret(found)
