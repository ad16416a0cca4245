"""Reading from terminals."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.units import Nanoseconds
from kernel.errno import Errno
from kernel.fs.file import File
from kernel.fs.iovector import IoVector
from kernel.fs.iovectors import IoVectors
from kernel.fs.openflag import OpenFlag
from kernel.process.jobcontrol import JobControl
from kernel.sched.thread import INTERRUPTIBLE
from kernel.sched.waiting import FOREVER, WaitResult
from kernel.signals.signalnumber import Signal
from kernel.sync.mutex import Mutexes
from kernel.sync.pollqueue import WRITABLE
from kernel.sync.pollqueues import PollQueues
from kernel.tty.terminal import INPUT_MASK, INPUT_SIZE, Terminal, is_hung_up
from kernel.tty.termios import DISABLED, LocalMode, Special
from pykasm import *

TENTH = 100_000_000
"""Nanoseconds of the unit of VTIME."""


class ReadTerms(Struct):
    """When a read is over (termios(3), "Canonical and noncanonical mode")."""

    least: U64
    """Bytes that are waited for."""
    deadline: Nanoseconds
    """When it ends without any."""
    pause: Nanoseconds
    """How long it waits for one more byte, after the first; 0 for ever."""


class TerminalReading(Subsystem):
    """Reads what was typed. Context: thread."""

    def __init__(
        self,
        vectors: IoVectors,
        queues: PollQueues,
        mutexes: Mutexes,
        clock: Clock,
        jobs: JobControl,
    ) -> None:
        self.vectors = vectors
        self.queues = queues
        self.mutexes = mutexes
        self.clock = clock
        self.jobs = jobs

    @function(context="thread", sleeps=True)
    def read(
        self, file: Keep[Ptr[File]], vector: Keep[Ptr[IoVector]], position: Ptr[U64]
    ) -> OrErrno[I64]:
        """Read a line, or bytes, as `ReadFile` says. Returns 0 where a line ended without any;
        -EAGAIN, -ERESTARTSYS, -EFAULT, or -EIO for who is not in the foreground."""
        terms, total, result = local(ReadTerms), keep(U64), keep(I64)
        terminal = keep(cast(file.private, Ptr[Terminal]))
        xor(u32(total), u32(total))
        xor(u32(result), u32(result))
        # Before anything is taken: who is in the background gets nothing
        try_(self.jobs.check(address_of(terminal.job), Signal.SIGTTIN))
        self._begin(terminal, address_of(terms))
        with while_(vector.left != 0):
            mov(result, self._read_some(terminal, vector, address_of(terms), file))
            break_if(result <= 0)
            add(total, result)
            # In canonical mode that is at once: a read gives one line
            break_if(total >= terms.least)
            # VTIME counts anew from each byte, and not before the first one (termios(3), case MIN >
            # 0)
            with if_(terms.pause != 0):
                mov(terms.deadline, self.clock.after(terms.pause))
        # What was read counts, whatever ended it
        with if_(total != 0):
            ret(i64(total))
        ret(result)

    @function(context="thread", sleeps=True)
    def _begin(self, terminal: Keep[Ptr[Terminal]], terms: Keep[Ptr[ReadTerms]]) -> None:
        """Say when a read is over that begins now."""
        least, time = keep(U32), keep(U32)
        with self.mutexes.held(terminal.lock):
            movzx(least, terminal.modes.special[Special.VMIN])
            movzx(time, terminal.modes.special[Special.VTIME])
            with if_(terminal.modes.local & LocalMode.ICANON):
                xor(least, least)
                # Neither of them counts in canonical mode (termios(3))
                mov(time, -1)
        mov(terms.pause, 0)
        mov(terms.deadline, FOREVER)
        mov(eax, least)
        mov(terms.least, rax)
        with if_(i32(time) < 0):
            ret()
        imul(rax, u64(time), TENTH)
        # Both: the time runs between bytes only
        with if_(least != 0):
            mov(terms.pause, cast(rax, Nanoseconds))
            ret()
        # Neither is awaited longer than the time, and one byte ends it
        mov(terms.least, 1)
        mov(terms.deadline, self.clock.after(cast(rax, Nanoseconds)))

    @function(context="thread", sleeps=True)
    def _read_some(
        self,
        terminal: Keep[Ptr[Terminal]],
        vector: Keep[Ptr[IoVector]],
        terms: Keep[Ptr[ReadTerms]],
        file: Keep[Ptr[File]],
    ) -> OrErrno[I64]:
        """Wait for something, and read what there is. Returns how many bytes; 0 at an empty line,
        after the time, or once the terminal was hung up; or an error."""
        result, noted = keep(I64), local(U64)
        with loop():
            mov(noted, self.queues.note(terminal.queue))
            # Before the look, so that what is typed after it ends the wait at once
            with if_(is_hung_up(file)):
                ret(0)
            mov(result, self._take(terminal, vector))
            break_if(result != -Errno.EAGAIN)
            with if_(terms.deadline != FOREVER):
                now = self.clock.now()
                with if_(now >= terms.deadline):
                    ret(0)
            break_if(file.flags & OpenFlag.NONBLOCK)
            waited = self.queues.wait(
                address_of(terminal.queue), noted, terms.deadline, INTERRUPTIBLE
            )
            with if_(waited == WaitResult.INTERRUPTED):
                ret(-Errno.ERESTARTSYS)
            ignore(waited, "it is looked whether there is something, or the time is over")
        ret(result)

    @function(context="thread", sleeps=True)
    def _take(self, terminal: Keep[Ptr[Terminal]], vector: Keep[Ptr[IoVector]]) -> OrErrno[I64]:
        """Read what there is. Returns how many bytes; 0 at an empty line; -EAGAIN if there is
        nothing, or -EFAULT."""
        result, was_full = keep(I64), keep(U32)
        with self.mutexes.held(terminal.lock):
            with if_(terminal.modes.local & LocalMode.ICANON):
                mov(result, self._take_line(terminal, vector))
            with else_():
                mov(result, self._take_bytes(terminal, vector))
            mov(was_full, terminal.is_full)
            # Who types waits for room: told once the lock is free, as it takes locks of its own
            mov(terminal.is_full, 0)
        with if_(was_full != 0):
            self.queues.announce(address_of(terminal.typist), WRITABLE)
        ret(result)

    @function(context="thread", sleeps=True, holds="terminal.lock")
    def _take_bytes(
        self, terminal: Keep[Ptr[Terminal]], vector: Keep[Ptr[IoVector]]
    ) -> OrErrno[I64]:
        """Do what `_take` does in noncanonical mode."""
        mov(rax, terminal.typed)
        sub(rax, terminal.read)
        # EAGAIN stands for "wait" up to the caller, which knows whether it may
        fail_if(rax == 0, Errno.EAGAIN)
        copied = self._copy(terminal, vector, rax)
        # What could not be copied stays, as nothing was read
        fail_if(copied == 0, Errno.EFAULT)
        add(terminal.read, copied)
        ret(i64(copied))

    @function(context="thread", sleeps=True, holds="terminal.lock")
    def _take_line(
        self, terminal: Keep[Ptr[Terminal]], vector: Keep[Ptr[IoVector]]
    ) -> OrErrno[I64]:
        """Do what `_take` does in canonical mode: up to the end of a line."""
        end, copied, is_whole = keep(U64), keep(U64), keep(U32)
        mov(end, terminal.ended)
        fail_if(end == terminal.read, Errno.EAGAIN)
        place, found = self._line_end(terminal, vector.left)
        mov(end, place)
        mov(is_whole, found)
        mov(rax, end)
        sub(rax, terminal.read)
        mov(copied, self._copy(terminal, vector, rax))
        fail_if((copied == 0) & (end != terminal.read), Errno.EFAULT)
        add(terminal.read, copied)
        # An end that is not read goes with the line before it, also where that just fits
        with if_(
            (is_whole == 0) & (end == terminal.read) & (lambda: self._is_silent_end(terminal))
        ):
            mov(rax, terminal.read)
            and_(eax, INPUT_MASK)
            btr(terminal.ends[0], rax)
            inc(terminal.read)
        ret(i64(copied))

    @function(holds="terminal.lock")
    def _line_end(self, terminal: Keep[Ptr[Terminal]], most: U64) -> tuple[U64, Bool]:
        """Return where to read the next line to, of which at most `most` bytes, and whether that is
        behind its end."""
        place, end = keep(terminal.read), keep(most)
        add(end, place)
        # A program may name any length
        with if_(CF | (end > terminal.ended)):
            mov(end, terminal.ended)
        with while_(place != end):
            with if_(self._is_end(terminal, place)):
                mov(rax, place)
                and_(eax, INPUT_MASK)
                with if_(terminal.input[rax] == DISABLED):
                    # VEOF is not read
                    ret(place, 0)
                # Now that it is read: the place comes round again for other bytes
                btr(terminal.ends[0], rax)
                inc(place)
                ret(place, 1)
            inc(place)
        ret(end, 0)

    @function(holds="terminal.lock")
    def _is_end(self, terminal: Ptr[Terminal], place: U64) -> Bool:
        """Return whether a line ends at `place`."""
        mov(eax, u32(place))
        and_(eax, INPUT_MASK)
        xor(ecx, ecx)
        bt(terminal.ends[0], rax)
        adc(ecx, 0)
        ret(ecx)

    @function(holds="terminal.lock")
    def _is_silent_end(self, terminal: Keep[Ptr[Terminal]]) -> Bool:
        """Return whether a line ends with the next character, which is not read."""
        mov(rax, terminal.read)
        fail_if(rax == terminal.ended)
        fail_if(~self._is_end(terminal, rax))
        mov(rax, terminal.read)
        and_(eax, INPUT_MASK)
        ret(terminal.input[rax] == DISABLED)

    @function(context="thread", sleeps=True, holds="terminal.lock")
    def _copy(
        self, terminal: Keep[Ptr[Terminal]], vector: Keep[Ptr[IoVector]], length: Keep[U64]
    ) -> U64:
        """Copy `length` bytes from the next one on, or as many as there is room for. Returns how
        many."""
        first = keep(U64)
        mov(rdx, terminal.read)
        and_(edx, INPUT_MASK)
        mov(ecx, INPUT_SIZE)
        # The buffer is a ring: first what lies up to its end
        sub(rcx, rdx)
        with if_(rcx > length):
            mov(rcx, length)
        mov(first, rcx)
        lea(rsi, terminal.input)
        add(rsi, rdx)
        copied = self.vectors.copy_to(vector, rsi, first)
        # The program's memory ended: the rest of the ring is not looked at
        with if_(copied != first):
            ret(copied)
        sub(length, first)
        lea(rsi, terminal.input)
        more = self.vectors.copy_to(vector, rsi, length)
        add(more, first)
        ret(more)

    # Looking

    @function(context="thread", sleeps=True)
    def is_ready(self, terminal: Keep[Ptr[Terminal]]) -> Bool:
        """Return whether a read would give something at once, as `poll` has it: as many bytes as
        one waits for without end."""
        least = keep(U64)
        with self.mutexes.held(terminal.lock):
            with if_(terminal.modes.local & LocalMode.ICANON):
                mov(least, 1)
                mov(rax, terminal.ended)
            with else_():
                movzx(u32(least), terminal.modes.special[Special.VMIN])
                # A time ends the wait for more, so one byte is enough to say that it is ready
                with if_((terminal.modes.special[Special.VTIME] != 0) | (least == 0)):
                    mov(least, 1)
                mov(rax, terminal.typed)
            sub(rax, terminal.read)
            # Negative if there are too few
            sub(rax, least)
            mov(least, rax)
        ret(i64(least) >= 0)

    @function(context="thread", sleeps=True)
    def count(self, terminal: Keep[Ptr[Terminal]]) -> U32:
        """Return how many bytes can be read, as FIONREAD tells it: those of whole lines, in
        canonical mode."""
        number = keep(U32)
        with self.mutexes.held(terminal.lock):
            mov(rax, terminal.typed)
            sub(rax, terminal.read)
            mov(number, eax)
            with if_(terminal.modes.local & LocalMode.ICANON):
                mov(number, self._count_lines(terminal))
        ret(number)

    @function(holds="terminal.lock")
    def _count_lines(self, terminal: Keep[Ptr[Terminal]]) -> U32:
        """Return how many bytes of whole lines there are, without ends that are not read."""
        place, number = keep(terminal.read), keep(U32)
        xor(number, number)
        with while_(place != terminal.ended):
            inc(number)
            with if_(self._is_end(terminal, place)):
                mov(rax, place)
                and_(eax, INPUT_MASK)
                with if_(terminal.input[rax] == DISABLED):
                    dec(number)
            inc(place)
        ret(number)
