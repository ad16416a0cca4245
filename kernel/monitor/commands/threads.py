"""Commands that show threads."""

from __future__ import annotations

from kernel.console.console import Console
from kernel.monitor.command import Commands, command
from kernel.sched.thread import Thread, ThreadState
from kernel.text.strings import Words
from kernel.threads.threads import Threads
from pykasm import *

STATES = {
    ThreadState.BLOCKED: "blocked",
    ThreadState.READY: "ready",
    ThreadState.RUNNING: "running",
    ThreadState.EXITED: "exited",
}


class ThreadRow(Struct):
    """A copy of what is shown of a thread."""

    number: U64
    name: Ptr[U8]
    state: U64
    priority: U32
    processor: U32
    switches: U64


class ThreadCommands(Commands):
    """`threads`."""

    states = rodata(Ptr[U8] * len(STATES), [STATES[one] for one in ThreadState])

    def __init__(self, console: Console, threads: Threads) -> None:
        self.console = console
        self.threads = threads
        self.commands = [command("threads", "", "all threads, and what they do", self.list)]

    @function
    def list(self, words: Ptr[Words]) -> Bool:
        """List the threads in the order of their creation."""
        next, row = keep(U64), local(ThreadRow)
        self.console.print("number  priority  state    cpu  switches  name\n")
        xor(u32(next), u32(next))
        with loop():
            break_if(~self._copy(next, address_of(row)))
            self._show(row)
            mov(next, row.number)
            inc(next)
        self.console.print("%u threads\n", self.threads.count)
        ret(True)

    @inline(changes=CALLER_SAVED)
    def _show(self, row: ThreadRow) -> None:
        """Print a row."""
        mov(rax, row.state)
        self.console.print(
            "%6u  %8u  %-7s  %3u  %8u  %s\n",
            row.number,
            row.priority,
            self.states[rax],
            row.processor,
            row.switches,
            row.name,
        )

    @function
    def _copy(self, least: U64, row: Ptr[ThreadRow]) -> Bool:
        """Fill `row` with the first thread whose number is `least` or larger. Return whether there
        is one."""
        # Printing takes long, so each row is copied with the lock held, and printed without.
        found = scratch(Bool)
        xor(found, found)
        with (
            self.threads.lock.held(),
            self.threads.all.each(Thread, "listed", scratch) as thread,
            if_(thread.number >= least),
        ):
            self._fill(row, thread)
            inc(found)
            break_()
        ret(found)

    @inline(changes=rax)
    def _fill(self, row: Ptr[ThreadRow], thread: Ptr[Thread]) -> None:
        """Copy what is shown of `thread` to `row`."""
        copy_fields(row, thread, "number", "name", "switches")
        mov(eax, thread.state)
        mov(row.state, rax)
        mov(eax, thread.priority)
        mov(row.priority, eax)
        queue = scratch(thread.run_queue)
        mov(eax, queue.number)
        mov(row.processor, eax)
        release(queue)
