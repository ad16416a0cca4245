"""Timers as open files."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.timer import Timer
from kernel.clock.timers import Timers
from kernel.clock.units import Nanoseconds
from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.errno import Errno
from kernel.fs.anonymousfiles import AnonymousFiles
from kernel.fs.credentials import Credentials
from kernel.fs.file import File, FileKindFlag, FileOperations
from kernel.fs.filedefaults import FileDefaults
from kernel.fs.filewaits import FileWaits
from kernel.fs.iovector import IoVector
from kernel.fs.iovectors import IoVectors
from kernel.locks.spinlock import SpinLock
from kernel.mm.slabs import SlabCache, Slabs
from kernel.structures.list import ListHead
from kernel.sync.pollqueue import READABLE, PollEvent, PollQueue, Watcher
from kernel.sync.pollqueues import PollQueues
from pykasm import *


class FileTimer(Struct):
    """What `timerfd_create` makes (Linux: `struct timerfd_ctx`)."""

    timer: Timer
    lock: SpinLock
    is_of_day: U32
    """1 if it goes by the time of day."""
    needs_right: U32
    """1 if it would wake the machine, so that it takes a right to set it."""
    follows_day: U32 = field(guarded_by="lock")
    """1 if its deadline is a time of day, and moves when that is set."""
    cancels: U32 = field(guarded_by="lock")
    """1 if who reads is to be told when the time of day is set."""
    moved: U32 = field(guarded_by="lock")
    """1 if it was set, and nobody was told yet."""
    deadline: Nanoseconds = field(guarded_by="lock", unlocked_reads=True)
    """When it expires next, or has expired while it rests; 0 if it does not run."""
    interval: Nanoseconds = field(guarded_by="lock")
    """From one time that it expires to the next; 0 for once."""
    rests: U32 = field(guarded_by="lock")
    """1 from when it expires until somebody reads."""
    expirations: U64 = field(guarded_by="lock", unlocked_reads=True)
    """How often it has expired since somebody has read."""
    queue: PollQueue
    link: ListHead
    """In `TimerFiles.of_day`, if it goes by that."""


class FileTimerSetting(Struct):
    """How such a timer is set."""

    deadline: Nanoseconds
    """By `Clock`; 0 for never."""
    interval: Nanoseconds
    follows_day: U32
    cancels: U32


class TimerFiles(LeakChecks):
    """Makes, sets and frees them, and does what is done with their files, as timerfd_create(2)
    tells. Context: thread."""

    count = bss(U64)
    lock = bss(SpinLock)
    of_day = bss(ListHead, guarded_by="lock", elements="FileTimer.link")
    """All zero as long as there was none."""

    def __init__(
        self,
        slabs: Slabs,
        clock: Clock,
        timers: Timers,
        anonymous: AnonymousFiles,
        defaults: FileDefaults,
        vectors: IoVectors,
        waits: FileWaits,
        queues: PollQueues,
    ) -> None:
        self.clock = clock
        self.timers = timers
        self.anonymous = anonymous
        self.vectors = vectors
        self.waits = waits
        self.queues = queues
        self.records = SlabCache(slabs, "timer of a file", FileTimer)
        self.operations = rodata(
            FileOperations,
            defaults.table(
                flags=FileKindFlag.STREAM,
                release=self.release,
                read=self.read,
                seek=defaults.stay,
                poll=self.poll,
            ),
        )
        self.leak_checks = [leak_check("timers of files", self.used_count)]

    @function
    def used_count(self) -> U64:
        """Return how many there are."""
        ret(self.count)

    @function(context="thread", sleeps=True)
    def create(
        self,
        is_of_day: Keep[U32],
        needs_right: Keep[U32],
        flags: Keep[U32],
        credentials: Keep[Ptr[Credentials]],
    ) -> Owned[OrNull[Ptr[File]]]:
        """Return the open file of a timer that does not run, by `OpenFlag`s; null without
        memory."""
        timer = keep(try_(self.records.allocate_zeroed()))
        errdefer(self._free, timer)
        timer.timer.prepare(address_of(self.expire))
        mov(timer.is_of_day, is_of_day)
        mov(timer.needs_right, needs_right)
        release(is_of_day, needs_right)
        file = keep(try_(self.anonymous.open(address_of(self.operations), flags, credentials)))
        mov(file.private, u64(timer))
        # Only once there is a file: until then an error frees the record, which is in no list
        with if_(timer.is_of_day != 0):
            self._note(timer)
        disown(timer, "its file has it")
        lock.inc(self.count)
        ret(file)

    @function
    def _note(self, timer: Ptr[FileTimer]) -> None:
        """Have `timer` known as one of those that go by the time of day."""
        link = scratch(address_of(timer.link))
        with self.lock.held():
            with if_(self.of_day.next == 0):
                self.of_day.reset()
            self.of_day.append(link)

    @function
    def _free(self, timer: Owned[Ptr[FileTimer]]) -> None:
        """Free a record."""
        self.records.free(timer)

    @inline(changes=rax)
    def is_one(self, file: Ptr[File]) -> Condition:
        """Return the condition that `file` is one of these."""
        lea(rax, self.operations)
        return u64(file.operations) == rax

    @function(context="thread")
    def release(self, file: Ptr[File]) -> None:
        """Stop the timer of `file`, and free it, as `ReleaseFile` says."""
        timer = keep(cast(file.private, Ptr[FileTimer]))
        # First out of the list, so that setting the time of day does not touch it any more
        with if_(timer.is_of_day != 0), self.lock.held():
            timer.link.unlink()
        # Its handler may be running on another processor, with this record
        ignore(self.timers.cancel_and_wait(address_of(timer.timer)), "it is all the same")
        take_over(timer, "its file had it")
        self.records.free(timer)
        lock.dec(self.count)

    # Setting

    @function(context="thread")
    def set(
        self,
        timer: Keep[Ptr[FileTimer]],
        setting: Keep[Ptr[FileTimerSetting]],
        old: Keep[Ptr[FileTimerSetting]],
    ) -> OrErrno[I64]:
        """Have `timer` expire as `setting` says, and fill in `old` with how it was set: how long it
        takes until it expires, as its deadline. Returns 0; or -ECANCELED, and it is set all the
        same, if it was to tell of the time of day's being set, and that was."""
        result = keep(I64)
        with timer.lock.held():
            self._get(timer, old)
            ignore(self.timers.cancel(address_of(timer.timer)), "it is all the same")
            copy_fields(timer, setting, "deadline", "interval")
            copy_fields(timer, setting, "follows_day", "cancels")
            mov(timer.rests, 0)
            mov(timer.expirations, 0)
            with if_(timer.deadline != 0):
                self.timers.arm(address_of(timer.timer), timer.deadline)
            # It is set in any case: this only tells
            mov(result, self._check_day(timer))
        ret(result)

    @function(holds="timer.lock")
    def _check_day(self, timer: Ptr[FileTimer]) -> OrErrno[I64]:
        """Return -ECANCELED if `timer` is to tell of the time of day's being set, and that was and
        nobody was told; else 0."""
        with if_((timer.cancels != 0) & (timer.moved != 0)):
            mov(timer.moved, 0)
            fail(Errno.ECANCELED)
        ret(0)

    @function(context="thread")
    def get(self, timer: Keep[Ptr[FileTimer]], setting: Keep[Ptr[FileTimerSetting]]) -> None:
        """Fill in how `timer` is set, as `set` does."""
        with timer.lock.held():
            self._get(timer, setting)

    @function(context="interrupts off", holds="timer.lock")
    def _get(self, timer: Keep[Ptr[FileTimer]], setting: Keep[Ptr[FileTimerSetting]]) -> None:
        """Fill in how `timer` is set."""
        now = keep(self.clock.now())
        with if_((timer.rests != 0) & (timer.interval != 0)):
            self._go_on(timer, now)
        mov(rax, timer.deadline)
        with if_(rax != 0):
            sub(rax, now)
            # It is due, but has not run yet: 0 would say that it does not run at all
            with if_(CF | ZF):
                mov(eax, 1)
        with if_(timer.rests != 0):
            xor(eax, eax)  # it was to expire once, and did
        mov(setting.deadline, rax)
        mov(rax, timer.interval)
        mov(setting.interval, rax)

    @function(context="interrupts off", holds="timer.lock")
    def _go_on(self, timer: Ptr[FileTimer], now: Nanoseconds) -> None:
        """Have `timer`, which rests and has an interval, expire at the first time after `now`, and
        count how often it would have expired since."""
        mov(rax, now)
        sub(rax, timer.deadline)
        with if_(~CF):  # its time may have moved, with that of day
            xor(edx, edx)
            div(timer.interval)
            add(timer.expirations, rax)
            inc(rax)
            imul(rax, timer.interval)
            add(timer.deadline, rax)
        mov(timer.rests, 0)
        tail(self.timers.arm, address_of(timer.timer), timer.deadline)

    @function(context="any")
    def move(self, change: Keep[I64]) -> None:
        """Have all that go by the time of day follow it, which has moved on by `change`
        nanoseconds, and tell who wants to know."""
        with (
            self.lock.held(),
            if_(self.of_day.next != 0),
            self.of_day.each(FileTimer, "link") as timer,
        ):
            with timer.lock.held_interrupts_off():
                self._move(timer, change)
            self.queues.announce(address_of(timer.queue), READABLE)

    @function(context="interrupts off", holds="timer.lock")
    def _move(self, timer: Keep[Ptr[FileTimer]], change: I64) -> None:
        """Have `timer` follow the time of day."""
        mov(timer.moved, 1)
        with if_(timer.cancels != 0):
            inc(timer.expirations)
        with if_((timer.follows_day != 0) & (timer.deadline != 0)):
            mov(rax, timer.deadline)
            sub(rax, change)
            with if_(i64(rax) <= 0):
                mov(eax, 1)  # it is over
            mov(timer.deadline, rax)
            with if_(timer.rests == 0):
                self.timers.arm(address_of(timer.timer), timer.deadline)

    # Expiring

    @function(context="interrupt")
    def expire(self, timer: Ptr[Timer]) -> None:
        """Count that the `FileTimer` expires which `timer` is part of, unless it was set at this
        moment. It rests until somebody reads."""
        late, expired = keep(container_of(timer, FileTimer, "timer")), keep(Bool)
        xor(u32(expired), u32(expired))
        with (
            late.lock.held_interrupts_off(),
            if_((late.deadline != 0) & (late.rests == 0)),
            if_(self.clock.now() >= late.deadline),
        ):
            mov(late.rests, 1)
            inc(late.expirations)
            inc(u32(expired))
        with if_(expired):
            self.queues.announce(address_of(late.queue), READABLE)

    # Reading

    @function(context="thread", sleeps=True)
    def read(
        self, file: Keep[Ptr[File]], vector: Keep[Ptr[IoVector]], position: Ptr[U64]
    ) -> OrErrno[I64]:
        """Wait until the timer has expired, and read how often, as `ReadFile` says; -EINVAL without
        room; -ECANCELED."""
        timer, number, noted = keep(cast(file.private, Ptr[FileTimer])), local(U64), local(U64)
        fail_if(vector.left < sizeof(U64), Errno.EINVAL)
        with loop():
            mov(noted, self.queues.note(timer.queue))
            taken = self._take(timer)
            fail_if(taken < 0, Errno.ECANCELED)
            mov(number, u64(taken))
            break_if(number != 0)
            try_(self.waits.wait(file, address_of(timer.queue), noted))
        copied = self.vectors.copy_to(vector, address_of(number), sizeof(U64))
        fail_if(copied != sizeof(U64), Errno.EFAULT)
        ret(sizeof(U64))

    @function(context="thread")
    def _take(self, timer: Keep[Ptr[FileTimer]]) -> OrErrno[I64]:
        """Return how often `timer` has expired, which begins at 0 again then, and have it go on; or
        -ECANCELED."""
        result = keep(I64)
        with timer.lock.held():
            mov(result, self._check_day(timer))
            with if_(result == 0):
                with if_((timer.rests != 0) & (timer.interval != 0)):
                    self._go_on(timer, self.clock.now())
                mov(u64(result), timer.expirations)
            mov(timer.expirations, 0)
        ret(result)

    @function(context="thread")
    def poll(self, file: Ptr[File], watcher: OrNull[Ptr[Watcher]]) -> U32:
        """Return what `PollFile` says: it can be read if the timer has expired."""
        timer = keep(cast(file.private, Ptr[FileTimer]))
        with if_(watcher != 0):
            self.queues.watch(address_of(timer.queue), watcher)
        with if_(timer.expirations != 0):
            ret(PollEvent.IN)
        ret(0)
