"""Which process gives way when memory is out."""

from __future__ import annotations

from kernel.process.process import Process
from kernel.process.task import Task
from kernel.vm.overcommit import Overcommit
from pykasm import *

MOST_ADJUSTMENT = 1000
"""What an adjustment is at most, either way: a thousandth of all memory each (proc(5),
oom_score_adj)."""


class MemoryScores(Subsystem):
    """Tells how much a process gives back by its end, and how much that counts by its own wish.
    Context: interrupts off."""

    def __init__(self, overcommit: Overcommit) -> None:
        self.overcommit = overcommit

    @function(holds="process.lock")
    def pages_of(self, process: Ptr[Process]) -> U64:
        """Return how many pages the memory of `process` has, but at least 1; 0 if it has none."""
        with process.tasks.each(Task, "sibling", place=scratch) as task:
            space = scratch(task.space)
            with if_(space != 0):
                mov(rax, space.resident)
                or_(rax, 1)
                ret(rax)
            release(space)
        ret(0)

    @function
    def adjusted(self, process: Ptr[Process], pages: U64) -> I64:
        """Return what the `pages` of `process` count by its adjustment, at least 1: the larger,
        the sooner it ends. 0 if it is not to end."""
        pages, divisor = scratch(pages), scratch(U64)
        movsxd(rax, process.memory_adjustment)
        with if_(i64(rax) == -MOST_ADJUSTMENT):
            ret(0)
        imul(rax, self.overcommit.most_pages)
        mov(u32(divisor), MOST_ADJUSTMENT)
        cqo()
        idiv(divisor)
        add(rax, pages)
        with if_(i64(rax) < 1):
            mov(eax, 1)
        ret(i64(rax))
