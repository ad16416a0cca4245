"""Texts about who has to end when memory is out."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit
from kernel.fs.inode import Inode
from kernel.fs.textwriter import TextWriter
from kernel.proc.procentry import ProcNode
from kernel.proc.procsource import PROCESS, ProcSource, ProcText
from kernel.process.memoryscores import MOST_ADJUSTMENT, MemoryScores
from kernel.process.process import Process
from kernel.process.processes import Processes
from kernel.text.numbers import Numbers
from kernel.vm.overcommit import Overcommit
from pykasm import *

NEUTRAL, MOST_SCORE = 1000, 2000
"""What is shown for a process without any memory, and for one that has all of it and asks to be
chosen first, before both become two thirds (Linux: proc_oom_score)."""


class MemoryShortageTexts(ProcSource):
    """Writes how near a process is to being ended, and takes how near it wants to be (proc(5),
    oom_score). Context: thread."""

    def __init__(
        self,
        writer: TextWriter,
        numbers: Numbers,
        processes: Processes,
        scores: MemoryScores,
        overcommit: Overcommit,
    ) -> None:
        self.writer = writer
        self.numbers = numbers
        self.processes = processes
        self.scores = scores
        self.overcommit = overcommit
        self.proc_files = [
            ProcText(f"{PROCESS}/oom_score", self.show_score),
            ProcText(
                f"{PROCESS}/oom_score_adj",
                self.show_adjustment,
                mode=0o644,
                store=self.set_adjustment,
            ),
        ]

    @inline
    def _process_of(self, inode: Ptr[Inode]) -> Ptr[Process]:
        """Return the process that `inode` tells of, in a kept register."""
        node = scratch(cast(scratch(inode.private), Ptr[ProcNode]))
        process = keep(node.process)
        asserts(process != 0)  # it is in the directory of one
        return process

    @function(context="thread")
    def show_score(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write 0 for a process that is not to end; else its share of memory in thousandths with
        its adjustment added to it, so that it is never below 0."""
        process, pages = self._process_of(inode), keep(U64)
        with process.lock.held():
            mov(pages, self.scores.pages_of(process))
        with if_(process.memory_adjustment == -MOST_ADJUSTMENT):
            self.writer.print("0\n")
            ret(0)
        mov(rax, pages)
        imul(rax, rax, MOST_ADJUSTMENT)
        xor(edx, edx)
        div(self.overcommit.most_pages)
        movsxd(rcx, process.memory_adjustment)
        lea(rax, bare[rax + rcx + NEUTRAL])
        with if_(rax > MOST_SCORE):
            mov(eax, MOST_SCORE)
        add(rax, rax)
        xor(edx, edx)
        mov(ecx, 3)
        div(rcx)
        self.writer.print("%u\n", rax)
        ret(0)

    @function(context="thread")
    def show_adjustment(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the adjustment."""
        process = self._process_of(inode)
        self.writer.print("%d\n", process.memory_adjustment)
        ret(0)

    @function(context="thread")
    def set_adjustment(self, inode: Ptr[Inode], text: Keep[Ptr[U8]]) -> OrErrno[I32]:
        """Set the adjustment. Returns 0; -EINVAL for what is none, or -EACCES if it is less than it
        was made by who had a right to that."""
        process, negative = self._process_of(inode), keep(U32)
        xor(negative, negative)
        with if_(at(text) == ord("-")):
            inc(negative)
            inc(text)
        self._cut(text)
        value, good = self.numbers.parse(text)
        fail_if(~good | (value > MOST_ADJUSTMENT), Errno.EINVAL)
        wanted = keep(i32(u32(value)))
        with if_(negative != 0):
            neg(wanted)
        with if_(self._may_lower()):
            mov(process.least_adjustment, wanted)
        fail_if(wanted < process.least_adjustment, Errno.EACCES)
        mov(process.memory_adjustment, wanted)
        ret(0)

    @function
    def _cut(self, text: Ptr[U8]) -> None:
        """End `text` where its first word does."""
        place = scratch(text)
        with while_(at(place) > ord(" ")):
            inc(place)
        mov(at(place), 0)

    @function(context="thread")
    def _may_lower(self) -> Bool:
        """Return whether the task that runs may have any process end later than others."""
        credentials = scratch(self.processes.current().credentials)
        ret((credentials.effective & (1 << CapabilityBit.SYS_RESOURCE)) != 0)
