"""The lives of threads: how they come to be, how they end, and who waits for that."""

from __future__ import annotations

from typing import NoReturn

from kernel.clock.units import Nanoseconds
from kernel.cpu.stack import STACK_SIZE
from kernel.cpu.trapframe import TrapFrame
from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.locks.spinlock import SpinLock
from kernel.sched.runqueue import BOOT_PRIORITY, PROCESSOR_WORDS, QUANTUM
from kernel.sched.scheduler import Scheduler
from kernel.sched.switch import SavedRegisters
from kernel.sched.thread import Entry, Thread, ThreadState
from kernel.sched.waiting import Waiting, WaitResult
from kernel.structures.list import ListHead
from kernel.threads.areas import SaveAreas
from kernel.threads.stacks import SPARE, ThreadStacks
from pykasm import *
from pykasm.objects.debug import EntryFrame


class Threads(LeakChecks):
    """All threads of the kernel, from creation to the end."""

    all = bss(ListHead, guarded_by="lock", elements="Thread.listed")
    """In the order of creation, by `Thread.listed`."""
    count = bss(U32)
    next_number = bss(U64)
    boot = bss(Thread)
    """The thread that the kernel's start is; its stack is in the image."""

    def __init__(
        self,
        scheduler: Scheduler,
        stacks: ThreadStacks,
        waiting: Waiting,
        areas: SaveAreas,
    ) -> None:
        self.scheduler = scheduler
        self.stacks = stacks
        self.waiting = waiting
        self.areas = areas
        self.lock = bss(SpinLock)
        self.leak_checks = [leak_check("threads", self.count_lives)]

    @function
    def count_lives(self) -> U64:
        """Return the number of threads."""
        mov(eax, self.count)
        ret(rax)

    @function(init=True)
    def start(self) -> None:
        """Make what runs a thread. Context: the first processor, interrupts off."""
        self.all.reset()
        self.stacks.start()
        self.scheduler.start_processor()
        boot = keep(Ptr[Thread])
        lea(boot, self.boot)
        self._describe(boot, text("boot"), 0, 0, BOOT_PRIORITY)
        self.scheduler.adopt(boot)
        tail(self._enlist, boot)

    @function
    def create(
        self, name: Ptr[U8], entry: Entry, argument: U64, priority: U32
    ) -> Owned[OrNull[Ptr[Thread]]]:
        """Create a thread that calls `entry(argument)`. Returns null if memory is out.

        `name` outlives it. The creator has to `join` or `detach` it, which gives its
        memory back. It begins on this processor; idle ones may take it over. Context: thread.
        """
        thread = keep(self.make(name, entry, argument, priority))
        with if_(thread != 0):
            self.scheduler.start(thread)
        ret(thread)

    @function
    def make(
        self, name: Keep[Ptr[U8]], entry: Keep[Entry], argument: Keep[U64], priority: Keep[U32]
    ) -> Owned[OrNull[Ptr[Thread]]]:
        """Create a thread as `create` does, which does not run before `Scheduler.start`."""
        thread = keep(self.stacks.allocate())
        with if_(thread == 0):
            ret(0)
        self._describe(thread, name, entry, argument, priority)
        saved = scratch(Ptr[SavedRegisters])
        # Above them is room for the registers of a program
        lea(saved, bare[u64(thread) - sizeof(TrapFrame) - sizeof(SavedRegisters)])
        mov(saved.rbp, 0)  # where backtraces end
        mov(rax, address_of(self.begin))
        mov(saved.rip, rax)
        mov(thread.stack_pointer, saved)
        current = scratch(self.scheduler.current)
        mov(rax, current.run_queue)
        mov(thread.run_queue, rax)
        self._enlist(thread)
        ret(thread)

    @function
    def _describe(
        self, thread: Ptr[Thread], name: Ptr[U8], entry: Entry, argument: U64, priority: U32
    ) -> None:
        """Fill the record of a blocked thread in."""
        self._clear(thread)
        mov(thread.name, name)
        mov(thread.entry, entry)
        mov(thread.argument, argument)
        mov(thread.priority, priority)
        mov(thread.quantum, QUANTUM)
        for word in range(PROCESSOR_WORDS):
            mov(thread.allowed[word], -1)
        mov(thread.own_priority, priority)
        mov(eax, 1)
        lock.xadd(self.next_number, rax)
        mov(thread.number, rax)

    @function
    def _enlist(self, thread: Ptr[Thread]) -> None:
        """Put `thread`, whose record is complete now, into the list of all."""
        link = scratch(Ptr[ListHead])
        lea(link, thread.listed)
        with self.lock.held():
            self.all.append(link)
            inc(self.count)

    @function
    def discard(self, thread: Owned[Ptr[Thread]]) -> None:
        """Give the memory of a thread back that never ran. Context: thread."""
        thread = scratch(thread)
        with self.lock.held():
            thread.listed.unlink()
            dec(self.count)
        tail(self.stacks.free, thread)

    @inline(changes=rax)
    def _clear(self, thread: Ptr[Thread]) -> None:
        """Zero the record."""
        xor(eax, eax)
        for offset in range(0, sizeof(Thread), sizeof(U64)):
            mov(u64[u64(thread) + offset], rax)

    @naked(entered=EntryFrame.NONE, stack=STACK_SIZE)
    def begin(self) -> None:
        """Begin a thread, at its first switch, with interrupts off."""
        call(self.run)

    @function
    def run(self) -> NoReturn:
        """Run this thread's entry, and end."""
        self.scheduler.load_first()
        sti()
        thread = scratch(self.scheduler.current)
        thread.entry(thread.argument)
        tail(self.exit)
        never()

    @function(context="thread")
    def exit(self) -> NoReturn:
        """End this thread. Context: thread, without any lock."""
        self.areas.drop(self.scheduler.current)
        cli()  # up to the end: who sees EXITED waits for no more than the switch
        thread, detached = keep(self.scheduler.current), keep(U32)
        with self.lock.held_interrupts_off():
            thread.listed.unlink()
            dec(self.count)
        with thread.finished.lock.held_interrupts_off():
            mov(thread.state, ThreadState.EXITED)
            mov(detached, thread.detached)  # who detaches it from now on finds it EXITED
            self.waiting.wake_all(address_of(thread.finished))
        with if_(detached != 0):
            self.stacks.free(thread)
        self.scheduler.schedule()
        ud2()  # nobody turns to a thread that has exited
        never()

    @function(context="thread", sleeps=True)
    def join(self, thread: Keep[Owned[Ptr[Thread]]]) -> None:
        """Wait until `thread` has ended, and give its memory back. For one caller only."""
        with thread.finished.lock.held(), while_(thread.state != ThreadState.EXITED):
            self.waiting.wait(address_of(thread.finished))
        tail(self._reap, thread)

    @function(context="thread", sleeps=True)
    def join_until(
        self, thread: Keep[Ptr[Thread]], deadline: Keep[Nanoseconds], mode: Keep[U32]
    ) -> OrErrno[I32]:
        """Join a thread, waiting as `Waiting.wait_until` does. Return 0; or -ETIMEDOUT or -EINTR,
        and the thread is still to be joined."""
        result = keep(I32)
        xor(result, result)
        with thread.finished.lock.held(), while_(thread.state != ThreadState.EXITED):
            mov(result, self.waiting.wait_until(address_of(thread.finished), deadline, mode))
            break_if(result != WaitResult.WOKEN)
        with if_(result == WaitResult.WOKEN):
            take_over(thread, "it has ended, and nobody else joins it")
            self._reap(thread)
        ret(result)

    @function
    def _reap(self, thread: Keep[Owned[Ptr[Thread]]]) -> None:
        """Give back the memory of `thread`, which has EXITED. Context: thread."""
        with while_(thread.stack_pointer == 0):  # another processor is in the switch from it
            pause()
        self.stacks.free(thread)
        tail(self.stacks.trim, SPARE)

    @function(context="any")
    def detach(self, thread: Keep[Owned[Ptr[Thread]]]) -> None:
        """Have the memory of `thread` freed when it ends: nobody will join it. Any
        context."""
        exited = keep(U32)
        xor(exited, exited)
        with thread.finished.lock.held():
            mov(thread.detached, 1)
            with if_(thread.state == ThreadState.EXITED):
                inc(exited)
            with else_():
                disown(thread, "it frees itself when it ends")
        with if_(exited != 0):
            self.stacks.free(thread)
