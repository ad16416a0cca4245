"""What all threads do: who called whom in each of them."""

from __future__ import annotations

from kernel.console.console import Console
from kernel.cpu.trapframe import TrapFrame
from kernel.debug.backtrace import Backtrace
from kernel.sched.switch import SavedRegisters
from kernel.sched.thread import Thread, ThreadState
from kernel.threads.threads import Threads
from pykasm import *


class ThreadTraces(Subsystem):
    """Prints a backtrace of each thread that no processor runs; of others, where they run.

    For reports behind which nothing goes on: interrupts are off meanwhile. Context: any that does
    not hold the lock of the threads.
    """

    states = rodata(Ptr[U8] * len(ThreadState), [state.name.lower() for state in ThreadState])

    def __init__(self, console: Console, backtrace: Backtrace, threads: Threads) -> None:
        self.console = console
        self.backtrace = backtrace
        self.threads = threads

    @function
    def print(self) -> None:
        """Print all, in the order of their creation."""
        with self.threads.lock.held(), self.threads.all.each(Thread, "listed") as thread:
            self._print_one(thread)

    @function
    def _print_one(self, thread: Keep[Ptr[Thread]]) -> None:
        """Print one."""
        run_queue, state = scratch(thread.run_queue), scratch(U64)
        mov(u32(state), thread.state)
        self.console.print(
            "thread %u %s: %s, priority %u, cpu %u\n",
            thread.number,
            thread.name,
            self.states[state],
            thread.priority,
            run_queue.number,
        )
        with if_(thread.stack_pointer != 0):
            self._trace(cast(thread.stack_pointer, Ptr[SavedRegisters]))

    @function
    def _trace(self, saved: Ptr[SavedRegisters]) -> None:
        """Print who called whom in a thread that left these registers on its stack."""
        trap = local(TrapFrame)
        copy_fields(trap, saved, "rip", "rbp")
        add(saved, sizeof(SavedRegisters))
        mov(trap.rsp, saved)
        self.backtrace.print(address_of(trap))
