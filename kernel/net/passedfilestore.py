"""The lives of files on their way."""

from __future__ import annotations

from typing import NoReturn

from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.debug.panic import Panic
from kernel.fs.file import File
from kernel.fs.files import Files
from kernel.locks.spinlock import SpinLock
from kernel.mm.heap import Heap
from kernel.net.inflight import InFlight
from kernel.net.passedfiles import PassedFiles
from kernel.net.unixgarbage import UnixGarbage
from kernel.sched.runqueue import BOOT_PRIORITY
from kernel.sched.waiting import FOREVER
from kernel.structures.list import ListHead
from kernel.sync.pollqueue import PollQueue
from kernel.sync.pollqueues import PollQueues
from kernel.threads.threads import Threads
from pykasm import *


class LostFiles(Struct):
    """What was on the way to sockets that nobody can come to."""

    passed: ListHead = field(elements="PassedFiles.link")


class PassedFileStore(LeakChecks):
    """Makes records of such files, and closes these. Context: thread."""

    count = bss(U64)
    lock = bss(SpinLock)
    waiting = bss(ListHead, guarded_by="lock", elements="PassedFiles.link")
    """What is to be closed. All zero as long as nothing ever was."""
    looks_for_garbage = bss(U32, guarded_by="lock")
    """1 if the thread is to look for sockets that nobody can come to."""
    queue = bss(PollQueue)
    """In which the thread waits for either."""

    def __init__(
        self,
        heap: Heap,
        files: Files,
        in_flight: InFlight,
        garbage: UnixGarbage,
        queues: PollQueues,
        threads: Threads,
        panic: Panic,
    ) -> None:
        self.heap = heap
        self.files = files
        self.in_flight = in_flight
        self.garbage = garbage
        self.queues = queues
        self.threads = threads
        self.panic = panic
        self.leak_checks = [leak_check("passed files", self.used_count)]

    @function
    def used_count(self) -> U64:
        """Return how many records there are."""
        ret(self.count)

    # Making

    @function
    def allocate(self, most: U64) -> Owned[OrNull[Ptr[PassedFiles]]]:
        """Return a record without files that has room for so many; or null."""
        shl(most, 3)
        add(most, sizeof(PassedFiles))
        passed = scratch(cast(try_(self.heap.allocate(most)), Ptr[PassedFiles]))
        mov(passed.count, 0)
        lock.inc(self.count)
        ret(passed)

    @function(context="thread", sleeps=True)
    def copy(self, passed: Keep[Ptr[PassedFiles]]) -> Owned[OrNull[Ptr[PassedFiles]]]:
        """Return another record of the files of `passed`, which are on their way; or null."""
        mov(eax, passed.count)
        copy = keep(try_(self.allocate(rax)))
        self.in_flight.gain_all(passed, copy)
        ret(copy)

    @function
    def free(self, passed: Owned[Ptr[PassedFiles]]) -> None:
        """Free a record that has no files any more."""
        self.heap.free(u64(passed))
        lock.dec(self.count)

    # Closing

    @function(context="thread", sleeps=True)
    def start(self) -> None:
        """Start the thread that closes files. Context: the thread that starts the kernel."""
        thread = self.threads.create(text("passed files"), address_of(self.run), 0, BOOT_PRIORITY)
        with if_(thread == 0):
            self.panic.stop(text("no memory is left for the thread that closes passed files"))
        self.threads.detach(thread)

    @function(context="thread")
    def discard(self, passed: Owned[Ptr[PassedFiles]]) -> None:
        """Have the files of `passed` closed, which is freed then. A thread of its own does that,
        one after the other, as a file that is closed may have others on the way to it, and these
        others again."""
        link = scratch(address_of(passed.link))
        with self.lock.held():
            self._reset_once()
            self.waiting.append(link)
        disown(passed, "it is in the list")
        tail(self.queues.announce, address_of(self.queue), 0)

    @function(context="thread")
    def collect_garbage(self) -> None:
        """Have the files closed that are on their way to sockets which nobody can come to, if there
        may be such."""
        with if_(self.in_flight.socket_count == 0):
            ret()
        with self.lock.held():
            mov(self.looks_for_garbage, 1)
        tail(self.queues.announce, address_of(self.queue), 0)

    @inline(changes=rax)
    def _reset_once(self) -> None:
        """Make the list of what waits an empty one, the first time."""
        with if_(self.waiting.next == 0):
            self.waiting.reset()

    @function(context="thread", sleeps=True)
    def run(self, argument: U64) -> NoReturn:
        """Close what is to be closed, for ever."""
        noted = keep(U64)
        with loop():
            mov(noted, self.queues.note(self.queue))
            self.close_waiting()
            waited = self.queues.wait(address_of(self.queue), noted, FOREVER, 0)
            ignore(waited, "nothing but a change ends it")
        never()

    @function(context="thread", sleeps=True)
    def close_waiting(self) -> None:
        """Close what is to be closed by now."""
        next = keep(OrNull[Ptr[PassedFiles]])
        with loop():
            mov(next, self._next())
            with if_(next != 0):
                self._close(next)
                continue_()
            break_if(~self._find_garbage())

    @function
    def _next(self) -> OrNull[Owned[Ptr[PassedFiles]]]:
        """Return what is to be closed next; null if there is nothing."""
        found = scratch(OrNull[Ptr[PassedFiles]])
        xor(u32(found), u32(found))
        with self.lock.held():
            self._reset_once()
            with if_(~self.waiting.is_empty()):
                link = scratch(self.waiting.next)
                mov(found, container_of(link, PassedFiles, "link"))
                found.link.unlink()
        with if_(found != 0):
            take_over(found, "it was in the list")
        ret(found)

    @function(context="thread", sleeps=True)
    def _find_garbage(self) -> Bool:
        """Look for sockets that nobody can come to, if that is asked for. Returns whether it
        was."""
        found, is_asked = local(LostFiles), keep(U32)
        xor(is_asked, is_asked)
        with self.lock.held():
            xchg(self.looks_for_garbage, is_asked)
        fail_if(is_asked == 0)
        found.passed.reset()
        self.garbage.find(address_of(found.passed))
        with self.lock.held():
            self._reset_once()
            with while_(lambda: ~found.passed.is_empty()):
                link = scratch(found.passed.next)
                link.unlink()
                self.waiting.append(link)
                release(link)
        ret(True)

    @function(context="thread", sleeps=True)
    def _close(self, passed: Keep[Owned[Ptr[PassedFiles]]]) -> None:
        """Close the files of `passed`, and free it."""
        with while_(passed.count != 0):
            dec(passed.count)
            mov(eax, passed.count)
            file = scratch(cast(passed.files[rax], Ptr[File]))
            take_over(file, "the record had it")
            self.files.drop(file)
        tail(self.free, passed)
