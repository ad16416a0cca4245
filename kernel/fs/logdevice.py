"""The kernel's log as a device: `/dev/kmsg` (Documentation/ABI/testing/dev-kmsg)."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.timer import Timer
from kernel.clock.timers import Timers
from kernel.clock.units import NSEC_PER_SEC
from kernel.errno import Errno
from kernel.fs.characterdevices import CharacterDriver, device
from kernel.fs.file import File, FileKindFlag, FileOperations, Whence
from kernel.fs.filedefaults import FileDefaults
from kernel.fs.inode import Inode
from kernel.fs.iovector import IoVector
from kernel.fs.iovectors import IoVectors
from kernel.fs.memorydevices import MAJOR
from kernel.fs.openflag import OpenFlag
from kernel.fs.textwriter import TextWriter
from kernel.log.level import LogLevel
from kernel.log.log import Log, LogBounds
from kernel.log.record import MAX_LENGTH, LogMessage
from kernel.mm.slabs import SlabCache, Slabs
from kernel.sched.sleep import Sleep
from kernel.sched.thread import INTERRUPTIBLE
from kernel.sync.mutex import Mutex, Mutexes
from kernel.sync.pollqueue import READABLE, PollEvent, PollQueue, Watcher
from kernel.sync.pollqueues import PollQueues
from kernel.text.textbuffer import TextBuffer
from pykasm import *

MINOR = 11
"""The number of `/dev/kmsg` in Linux's list."""

MODE = 0o644

LOOK_INTERVAL = NSEC_PER_SEC // 10
"""Nanoseconds between two looks for a new message: who writes one may hold any lock, and so wakes
nobody."""

NSEC_PER_USEC = 1000

ESCAPED_LENGTH = 4
"""Characters of a byte that is written as `\\xNN`."""

LINE_ROOM = ESCAPED_LENGTH * MAX_LENGTH + 64
"""Bytes of the longest line, with what stands in front of a message."""

TEXT_ROOM = 1024
"""Bytes of the longest text that can be written, with its end (Linux: LOG_LINE_MAX)."""

LEVEL_MASK = 7
"""Of the number in front of a text: the level. The rest says which kind of program it comes from,
and is not kept (syslog(3))."""


class OpenLog(Struct):
    """Where somebody reads."""

    lock: Mutex
    position: U64
    """Of the next message in the log."""
    number: U64
    """How many came before it since the start."""
    message: LogMessage
    line: Array[U8] = field(count=LINE_ROOM)
    """What that becomes."""


class LogDevice(CharacterDriver):
    """Each read gives one message, as a line; what is written becomes one. Context: thread."""

    news = bss(PollQueue)
    """Who is to be told of new messages."""
    seen = bss(U64)
    """The end of the log when it was looked at last. Only `look` changes it."""
    looking = bss(U32, guarded_by="news.queue.lock")
    """1 while the timer is armed."""

    def __init__(
        self,
        defaults: FileDefaults,
        slabs: Slabs,
        log: Log,
        clock: Clock,
        timers: Timers,
        sleep: Sleep,
        mutexes: Mutexes,
        vectors: IoVectors,
        queues: PollQueues,
        writer: TextWriter,
    ) -> None:
        self.log = log
        self.clock = clock
        self.timers = timers
        self.sleep = sleep
        self.mutexes = mutexes
        self.vectors = vectors
        self.queues = queues
        self.writer = writer
        self.records = SlabCache(slabs, "open log", OpenLog)
        self.timer = data(Timer, Timer(handler=self._look))
        self.operations = rodata(
            FileOperations,
            defaults.table(
                flags=FileKindFlag.STREAM,
                open=self.open,
                release=self.release,
                read=self.read,
                write=self.write,
                seek=self.seek,
                poll=self.poll,
            ),
        )
        self.devices = [device(MAJOR, MINOR, address_of(self.operations), "kmsg", MODE)]

    @function(context="thread")
    def open(self, inode: Ptr[Inode], file: Keep[Ptr[File]]) -> OrErrno[I32]:
        """Begin to read at the oldest message."""
        record = scratch(try_(self.records.allocate_zeroed(), Errno.ENOMEM))
        mov(file.private, u64(record))
        disown(record, "the file has it")
        self._go_to_oldest(cast(file.private, Ptr[OpenLog]))
        ret(0)

    @function(context="thread")
    def release(self, file: Ptr[File]) -> None:
        """Forget where that was."""
        record = scratch(cast(file.private, Ptr[OpenLog]))
        take_over(record, "the file had it")
        self.records.free(record)

    @function(context="thread")
    def _go_to_oldest(self, record: Keep[Ptr[OpenLog]]) -> None:
        """Go on with the oldest message."""
        bounds = local(LogBounds)
        self.log.get_bounds(address_of(bounds))
        mov(rax, bounds.oldest)
        mov(record.position, rax)
        mov(rax, bounds.dropped)
        mov(record.number, rax)

    # Reading

    @function(context="thread", sleeps=True)
    def read(
        self, file: Keep[Ptr[File]], vector: Keep[Ptr[IoVector]], position: Ptr[U64]
    ) -> OrErrno[I64]:
        """Read the next message, or wait for one. Returns its length; -EPIPE if it was overwritten,
        and the oldest one is the next; -EINVAL if there is too little room, and the message is
        lost; -EAGAIN with NONBLOCK, -EFAULT, -ERESTARTSYS."""
        record, result = keep(cast(file.private, Ptr[OpenLog])), keep(I64)
        with self.mutexes.held(record.lock):
            with loop():
                mov(result, self._next(record))
                break_if(result != -Errno.EAGAIN)
                break_if(file.flags & OpenFlag.NONBLOCK)
                mov(result, -Errno.ERESTARTSYS)
                deadline = self.clock.after(LOOK_INTERVAL)
                break_if(self.sleep.sleep_until(deadline, INTERRUPTIBLE) != 0)
            with if_(result > 0):
                mov(result, self._copy(record, vector, u64(result)))
        ret(result)

    @function(context="thread")
    def _next(self, record: Keep[Ptr[OpenLog]]) -> OrErrno[I64]:
        """Make a line of the next message. Returns its length, -EAGAIN if there is none, or
        -EPIPE."""
        bounds = local(LogBounds)
        self.log.get_bounds(address_of(bounds))
        mov(rax, bounds.oldest)
        with if_(record.position < rax):
            self._go_to_oldest(record)
            fail(Errno.EPIPE)
        message = address_of(record.message)
        following = self.log.read(record.position, message)
        fail_if(following == 0, Errno.EAGAIN)
        mov(record.position, following)
        ret(i64(self._format(record)))

    @function(context="thread", sleeps=True)
    def _copy(
        self, record: Keep[Ptr[OpenLog]], vector: Keep[Ptr[IoVector]], length: Keep[U64]
    ) -> OrErrno[I64]:
        """Copy the line, of `length` bytes, to the program."""
        fail_if(vector.left < length, Errno.EINVAL)
        lea(rax, record.line)
        fail_if(self.vectors.copy_to(vector, rax, length) != length, Errno.EFAULT)
        ret(i64(length))

    @function(context="thread")
    def _format(self, record: Keep[Ptr[OpenLog]]) -> U64:
        """Make the line of the message: its level, its number, the microseconds since the start, no
        flags, its text. Returns the length."""
        buffer = local(TextBuffer)
        lea(rax, record.line)
        mov(buffer.start, rax)
        mov(buffer.capacity, LINE_ROOM)
        with self.writer.into(address_of(buffer)):
            ignore(self.clock.time_of(record.message.record.ticks), "it stays in rax")
            xor(edx, edx)
            mov(ecx, NSEC_PER_USEC)
            div(rcx)
            movzx(ecx, record.message.record.level)
            self.writer.print("%u,%u,%u,-;", rcx, record.number, rax)
            inc(record.number)
            self._write_text(address_of(record.message.text))
            self.writer.print("\n")
        ret(buffer.length)

    @function
    def _write_text(self, text: Keep[Ptr[U8]]) -> None:
        """Write a text, so that it stays in its line and all of it can be shown."""
        with while_(at(text) != 0):
            movzx(eax, at(text))
            with if_((eax < ord(" ")) | (eax > ord("~")) | (eax == ord("\\"))):
                self.writer.print("\\x%02x", rax)
            with else_():
                self.writer.put(al)
            inc(text)

    @function(context="thread", sleeps=True)
    def seek(self, file: Ptr[File], offset: I64, whence: U32) -> OrErrno[I64]:
        """Go on with the oldest message (SET, or DATA: none is ever cleared here), or the next one
        that comes (END)."""
        record, whence = keep(cast(file.private, Ptr[OpenLog])), keep(whence)
        fail_if(offset != 0, Errno.ESPIPE)
        fail_if(
            (whence != Whence.SET) & (whence != Whence.DATA) & (whence != Whence.END), Errno.EINVAL
        )
        with self.mutexes.held(record.lock):
            self._go_to_oldest(record)
            with if_(whence == Whence.END), loop():
                following = self.log.read(record.position, address_of(record.message))
                break_if(following == 0)
                mov(record.position, following)
                inc(record.number)
        ret(0)

    # Writing

    @function(context="thread", sleeps=True)
    def write(self, file: Ptr[File], vector: Ptr[IoVector], position: Ptr[U64]) -> OrErrno[I64]:
        """Make a message of a text, which may begin with a number in pointed brackets: its level.
        Returns -EINVAL if it is too long, or -EFAULT."""
        copy, size, level = local(U8 * TEXT_ROOM), keep(vector.left), keep(U32)
        text = keep(Ptr[U8])
        fail_if(size >= TEXT_ROOM, Errno.EINVAL)
        lea(rax, copy)
        fail_if(self.vectors.copy_from(vector, rax, size) != size, Errno.EFAULT)
        mov(copy[size], 0)
        with if_(size != 0):
            mov(rax, size)
            dec(rax)
            with if_(copy[rax] == ord("\n")):  # each message is a line anyway
                mov(copy[rax], 0)
        lea(text, copy)
        mov(level, LogLevel.WARNING)
        with if_(at(text) == ord("<")):
            number, rest = self._number_of(text)
            with if_(rest != 0):
                mov(text, rest)
                mov(level, number)
                and_(level, LEVEL_MASK)
        self._log(level, text)
        ret(i64(size))

    @function
    def _number_of(self, text: Ptr[U8]) -> tuple[U32, OrNull[Ptr[U8]]]:
        """Return the number in brackets that `text` begins with, and what follows; null if there is
        none."""
        place, number = scratch(text), scratch(U32)
        xor(number, number)
        with loop():
            inc(place)
            movzx(eax, at(place))
            sub(eax, ord("0"))
            break_if(eax > 9)
            imul(number, number, 10)
            add(number, eax)
        with if_(at(place) != ord(">")):
            ret(0, 0)
        inc(place)
        ret(number, place)

    @function
    def _log(self, level: Keep[U32], text: Keep[Ptr[U8]]) -> None:
        """Write `text` to the log. What is worse than an error is one here."""
        for one in sorted(LogLevel, reverse=True):
            if one is not LogLevel.ERROR:
                with if_(level >= int(one)):
                    self.log.write(one, "%s", text)
                    ret()
        self.log.write(LogLevel.ERROR, "%s", text)

    # Waiting

    @function(context="thread")
    def poll(self, file: Ptr[File], watcher: Keep[OrNull[Ptr[Watcher]]]) -> U32:
        """Return whether there is a message, as `PollFile` says; an error, too, if the next one was
        overwritten."""
        record, bounds = keep(cast(file.private, Ptr[OpenLog])), local(LogBounds)
        with if_(watcher != 0):
            self.queues.watch(address_of(self.news), watcher)
            self._begin_to_look()
        self.log.get_bounds(address_of(bounds))
        mov(rax, record.position)
        with if_(rax < bounds.oldest):
            ret(READABLE | PollEvent.ERROR | PollEvent.PRIORITY)
        with if_(rax < bounds.end):
            ret(READABLE)
        ret(0)

    @function(context="any")
    def _begin_to_look(self) -> None:
        """Look for new messages from now on, unless that is so already."""
        was = scratch(U32)
        with self.news.queue.lock.held():
            mov(was, 1)
            xchg(self.looking, was)
        with if_(was == 0):
            tail(self._set_timer)

    @function
    def _set_timer(self) -> None:
        """Have `_look` called after a while."""
        tail(self.timers.arm, address_of(self.timer), self.clock.after(LOOK_INTERVAL))

    @function(context="interrupt")
    def _look(self, timer: Ptr[Timer]) -> None:
        """Tell who watches if a message has come, and look again later if anybody watches."""
        bounds, again = local(LogBounds), keep(U32)
        self.log.get_bounds(address_of(bounds))
        mov(rax, bounds.end)
        xchg(self.seen, rax)
        with if_(rax != bounds.end):
            self.queues.announce(address_of(self.news), READABLE)
        with self.news.queue.lock.held_interrupts_off():
            mov(again, 0)
            with if_(~self.news.watchers.is_empty()):
                inc(again)
            mov(self.looking, again)
        with if_(again != 0):
            tail(self._set_timer)
