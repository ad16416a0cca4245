"""Texts about processes and threads."""

from __future__ import annotations

from kernel.clock.units import NSEC_PER_SEC
from kernel.cpu.pagetable import PageShift
from kernel.errno import Errno
from kernel.exec.auxiliary import CLOCK_TICKS
from kernel.fs.inode import Inode
from kernel.fs.textwriter import TextWriter
from kernel.paging.addresses import USER_END
from kernel.proc.procaccess import ProcAccess
from kernel.proc.procentry import ProcNode
from kernel.proc.procsource import PROCESS, ProcSource, ProcText
from kernel.proc.regiontexts import RegionSizes, RegionTexts
from kernel.proc.threadsummaries import ThreadSummaries, ThreadSummary
from kernel.process.limits import RESOURCES, Resource, ResourceLimit
from kernel.process.process import ProcessState
from kernel.process.processes import Processes
from kernel.process.processsummaries import ProcessSummaries, ProcessSummary, ShownState
from kernel.process.resourceusage import ResourceUsage
from kernel.process.tasksearch import TaskSearch
from kernel.process.usages import Usages
from kernel.sched.userstate import NAME_SIZE
from kernel.sync.rwlock import ReadWriteLocks
from kernel.vm.addressspaces import AddressSpaces
from kernel.vm.regions import Regions
from kernel.vm.regionusage import RegionUsage
from pykasm import *

LETTERS = {
    ShownState.SLEEPING: "S (sleeping)",
    ShownState.WAITING: "D (disk sleep)",
    ShownState.RUNNING: "R (running)",
    ShownState.STOPPED: "T (stopped)",
    ShownState.ENDING: "R (running)",
    ShownState.ZOMBIE: "Z (zombie)",
}
"""What states are called (proc(5))."""

KIB_SHIFT = 10
"""log2 of the bytes of a KiB."""

USUAL_PRIORITY = 20
"""That of a thread whose nice value is 0 (proc(5), stat)."""

NSEC_PER_TICK = NSEC_PER_SEC // CLOCK_TICKS
"""Nanoseconds of the units that times are told in."""

LIMITS = {
    Resource.CPU: ("Max cpu time", "seconds"),
    Resource.FSIZE: ("Max file size", "bytes"),
    Resource.DATA: ("Max data size", "bytes"),
    Resource.STACK: ("Max stack size", "bytes"),
    Resource.CORE: ("Max core file size", "bytes"),
    Resource.RSS: ("Max resident set", "bytes"),
    Resource.NPROC: ("Max processes", "processes"),
    Resource.NOFILE: ("Max open files", "files"),
    Resource.MEMLOCK: ("Max locked memory", "bytes"),
    Resource.AS: ("Max address space", "bytes"),
    Resource.LOCKS: ("Max file locks", "locks"),
    Resource.SIGPENDING: ("Max pending signals", "signals"),
    Resource.MSGQUEUE: ("Max msgqueue size", "bytes"),
    Resource.NICE: ("Max nice priority", ""),
    Resource.RTPRIO: ("Max realtime priority", ""),
    Resource.RTTIME: ("Max realtime timeout", "us"),
}
"""What limits are called, and their units (proc(5), limits)."""


class ProcessTexts(ProcSource):
    """Writes what is copied under locks before. Context: thread."""

    letters = rodata(Ptr[U8] * len(LETTERS), [LETTERS[one] for one in ShownState])
    limit_names = rodata(Ptr[U8] * RESOURCES, [LIMITS[one][0] for one in Resource])
    limit_units = rodata(Ptr[U8] * RESOURCES, [LIMITS[one][1] for one in Resource])

    def __init__(
        self,
        writer: TextWriter,
        access: ProcAccess,
        search: TaskSearch,
        processes: Processes,
        summaries: ProcessSummaries,
        threads: ThreadSummaries,
        usages: Usages,
        spaces: AddressSpaces,
        regions: Regions,
        locks: ReadWriteLocks,
        details: RegionTexts,
    ) -> None:
        self.writer = writer
        self.access = access
        self.search = search
        self.processes = processes
        self.summaries = summaries
        self.threads = threads
        self.usages = usages
        self.spaces = spaces
        self.regions = regions
        self.locks = locks
        self.details = details
        self.proc_files = [
            ProcText(f"{PROCESS}/stat", self.show_stat),
            ProcText(f"{PROCESS}/statm", self.show_statm),
            ProcText(f"{PROCESS}/status", self.show_status),
            ProcText(f"{PROCESS}/comm", self.show_comm, mode=0o644, store=self.set_comm),
            ProcText(f"{PROCESS}/limits", self.show_limits),
        ]

    @inline
    def _node_of(self, inode: Ptr[Inode]) -> Ptr[ProcNode]:
        """Return what `inode` tells of, in a kept register."""
        return keep(cast(scratch(inode.private), Ptr[ProcNode]))

    @function(context="thread")
    def _describe(
        self,
        node: Keep[Ptr[ProcNode]],
        row: Keep[Ptr[ProcessSummary]],
        thread: Keep[Ptr[ThreadSummary]],
    ) -> OrErrno[I32]:
        """Fill in `row` and `thread` for `node`: the state of `row` is that of the thread, unless
        all of them are stopped or end. Returns 0, or -ESRCH if it has been waited for."""
        process, result = keep(node.process), keep(I32)
        asserts(process != 0)  # it is in the directory of one
        self.threads.describe(node, thread)
        mov(result, -Errno.ESRCH)
        # A process that was waited for has no group any more
        with self.processes.lock.held(), if_(process.state != ProcessState.REAPED):
            self.summaries.describe(row, process)
            xor(result, result)
        with if_((result == 0) & (row.state < ShownState.STOPPED)):
            mov(rax, u64(thread.state))
            mov(u64(row.state), rax)
        ret(result)

    @function(context="thread", sleeps=True)
    def _measure(self, node: Ptr[ProcNode], usage: Keep[Ptr[RegionUsage]]) -> None:
        """Fill in `usage` with what the thread of `node` has mapped: nothing, if it has ended."""
        space = keep(self.access.space_of(node))
        for name in ("mapped", "data", "constant", "locked"):
            mov(getattr(usage, name), 0)
        with if_(space != 0):
            with self.locks.read_held(space.regions_lock):
                self.regions.measure(space, 0, USER_END, usage)
            self.spaces.drop(space)

    @function(context="thread", sleeps=True)
    def _measure_all(
        self, node: Keep[Ptr[ProcNode]], usage: Ptr[RegionUsage], sizes: Keep[Ptr[RegionSizes]]
    ) -> None:
        """Fill in `usage`, as `_measure` does, and `sizes`."""
        self._measure(node, usage)
        for name in ("resident", "anonymous", "code"):
            mov(getattr(sizes, name), 0)
        space = keep(self.access.space_of(node))
        with if_(space != 0):
            self.details.measure(space, sizes)
            self.spaces.drop(space)

    # Short ones

    @function(context="thread", sleeps=True)
    def show_comm(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the name of the thread."""
        thread, node = local(ThreadSummary), self._node_of(inode)
        self.threads.describe(node, address_of(thread))
        name = scratch(address_of(thread.name))
        self.writer.print("%s\n", name)
        ret(0)

    @function(context="thread", sleeps=True)
    def set_comm(self, inode: Ptr[Inode], text: Keep[Ptr[U8]]) -> OrErrno[I32]:
        """Set it, as far as there is room. Returns 0; or -EINVAL for a thread of another process,
        -ESRCH for one that has ended."""
        name, node, result = local(U8 * NAME_SIZE), self._node_of(inode), keep(I32)
        process, own = keep(node.process), self.processes.current_process()
        asserts(process != 0)  # it is in the directory of one
        fail_if(process != own, Errno.EINVAL)
        self._copy_name(address_of(name), text)
        mov(result, -Errno.ESRCH)
        with process.lock.held():
            task = self.search.find(process, node.thread)
            with if_(task != 0):
                self.processes.name_task(task, address_of(name))
                xor(result, result)
        ret(result)

    @function
    def _copy_name(self, name: Ptr[U8], text: Ptr[U8]) -> None:
        """Fill in `name`, of NAME_SIZE bytes, with what `text` begins with, and zeros."""
        index = scratch(U64)
        for offset in range(0, NAME_SIZE, sizeof(U64)):
            mov(u64[u64(name) + offset], 0)
        xor(u32(index), u32(index))
        with while_(index != NAME_SIZE - 1):
            mov(al, text[index])
            break_if(al == 0)
            mov(name[index], al)
            inc(index)

    @function(context="thread", sleeps=True)
    def show_statm(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write pages: mapped, in memory, those of them that files have, of code, 0, data, 0."""
        usage, sizes, node = local(RegionUsage), local(RegionSizes), self._node_of(inode)
        process = scratch(node.process)
        asserts(process != 0)  # it is in the directory of one
        fail_if(process.state == ProcessState.REAPED, Errno.ESRCH)
        release(process)
        self._measure_all(node, address_of(usage), address_of(sizes))
        for place in (usage.mapped, usage.data):
            mov(rax, place)
            shr(rax, PageShift.PAGE)
            mov(place, rax)
        mov(rax, sizes.resident)
        sub(rax, sizes.anonymous)
        self.writer.print("%u %u %u ", usage.mapped, sizes.resident, rax)
        self.writer.print("%u 0 %u 0\n", sizes.code, usage.data)
        ret(0)

    @function(context="thread", sleeps=True)
    def show_limits(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the limits of the process."""
        node, number, limit = self._node_of(inode), keep(U64), keep(Ptr[ResourceLimit])
        process = scratch(node.process)
        asserts(process != 0)  # it is in the directory of one
        lea(limit, process.limits[0])
        release(node)
        self.writer.print(f"{'Limit':<25} {'Soft Limit':<20} {'Hard Limit':<20} {'Units':<10}\n")
        xor(u32(number), u32(number))
        with while_(number < RESOURCES):
            self.writer.print("%-25s ", self.limit_names[number])
            self._show_limit(limit.soft)
            self._show_limit(limit.hard)
            self.writer.print("%-10s\n", self.limit_units[number])
            add(u64(limit), sizeof(ResourceLimit))
            inc(number)
        ret(0)

    @function
    def _show_limit(self, value: U64) -> None:
        """Write a limit."""
        with if_(i64(value) == -1):
            self.writer.print("%-20s ", "unlimited")
        with else_():
            self.writer.print("%-20u ", value)

    # All at once

    @function(context="thread", sleeps=True)
    def show_stat(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write all in one line, as proc(5) has it; what there is not here is 0."""
        row, thread, used = local(ProcessSummary), local(ThreadSummary), local(ResourceUsage)
        mapped, node = local(RegionUsage), self._node_of(inode)
        try_(self._describe(node, address_of(row), address_of(thread)))
        self._measure(node, address_of(mapped))
        process = keep(node.process)
        asserts(process != 0)  # it is in the directory of one
        self.usages.of_process(process, address_of(used))
        name, letter = scratch(address_of(thread.name)), scratch(row.state)
        mov(letter, u64(self.letters[letter]))
        mov(cl, u8[letter])
        self.writer.print("%u (%s) %c ", node.thread, name, cl)
        self.writer.print("%u %u %u ", row.parent, row.group, row.session)
        self.writer.print("%u %d 0 ", row.terminal, row.foreground)
        self.writer.print("%u 0 0 0 ", used.faults)
        self._show_ticks(used.time.user)
        self._show_ticks(used.time.system)
        self.writer.print("0 0 ")
        self._show_priority(address_of(thread))
        self.writer.print("%u 0 ", row.threads)
        self._show_ticks(process.started)
        mov(rax, row.memory)
        shr(rax, PageShift.PAGE)
        self.writer.print("%u %u %u ", mapped.mapped, rax, process.limits[Resource.RSS].soft)
        self.writer.print("0 0 0 0 0 ")
        self.writer.print("%u %u 0 0 ", thread.pending, thread.mask)
        self.writer.print("0 0 0 %u 0 ", process.exit_signal)
        self.writer.print("%u %u 0 0 0 ", thread.real_time_priority, thread.policy)
        self.writer.print("0 0 0 0 0 0 0 0\n")
        ret(0)

    @function
    def _show_ticks(self, time: U64) -> None:
        """Write nanoseconds in units of `CLOCK_TICKS`."""
        mov(rax, time)
        xor(edx, edx)
        mov(ecx, NSEC_PER_TICK)
        div(rcx)
        self.writer.print("%u ", rax)

    @function
    def _show_priority(self, thread: Keep[Ptr[ThreadSummary]]) -> None:
        """Write the priority, as the kernel of Linux counts it, and the nice value."""
        priority = scratch(thread.nice)
        add(priority, USUAL_PRIORITY)
        with if_(thread.real_time_priority != 0):
            mov(priority, i32(thread.real_time_priority))
            not_(priority)  # -1 less the priority
        self.writer.print("%d %d ", priority, thread.nice)

    @function(context="thread", sleeps=True)
    def show_status(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write most of that in lines for people."""
        row, thread, usage = local(ProcessSummary), local(ThreadSummary), local(RegionUsage)
        node = self._node_of(inode)
        try_(self._describe(node, address_of(row), address_of(thread)))
        self._measure(node, address_of(usage))
        name, letters = scratch(address_of(thread.name)), scratch(row.state)
        mov(letters, u64(self.letters[letters]))
        self.writer.print("Name:\t%s\nState:\t%s\n", name, cast(letters, Ptr[U8]))
        self.writer.print("Tgid:\t%u\nNgid:\t0\nPid:\t%u\n", row.number, node.thread)
        self.writer.print("PPid:\t%u\nTracerPid:\t0\n", row.parent)
        self._show_identity(address_of(thread))
        self._show_sizes(address_of(row), address_of(usage))
        self.writer.print("Threads:\t%u\n", row.threads)
        self._show_signals(address_of(thread))
        ret(0)

    @function
    def _show_identity(self, thread: Keep[Ptr[ThreadSummary]]) -> None:
        """Write users and groups."""
        for title, kind in (("Uid", "user"), ("Gid", "group")):
            self.writer.print(
                f"{title}:\t%u\t%u\t%u\t%u\n",
                *(
                    getattr(thread.credentials, name)
                    for name in (kind, f"effective_{kind}", f"saved_{kind}", f"fs_{kind}")
                ),
            )

    @function
    def _show_sizes(self, row: Keep[Ptr[ProcessSummary]], usage: Keep[Ptr[RegionUsage]]) -> None:
        """Write sizes of memory."""
        for title, place in (
            ("VmSize", usage.mapped),
            ("VmLck", usage.locked),
            ("VmRSS", row.memory),
            ("VmData", usage.data),
        ):
            mov(rax, place)
            shr(rax, KIB_SHIFT)
            self.writer.print(f"{title}:\t%8u kB\n", rax)

    @function
    def _show_signals(self, thread: Keep[Ptr[ThreadSummary]]) -> None:
        """Write sets of signals and of capabilities, and how often the thread was switched."""
        for title, name in (
            ("SigPnd", "pending"),
            ("ShdPnd", "shared_pending"),
            ("SigBlk", "mask"),
            ("SigIgn", "ignored"),
            ("SigCgt", "caught"),
        ):
            self.writer.print(f"{title}:\t%016x\n", getattr(thread, name))
        for title, name in (
            ("CapInh", "inheritable"),
            ("CapPrm", "permitted"),
            ("CapEff", "effective"),
            ("CapBnd", "bounding"),
            ("CapAmb", "ambient"),
        ):
            self.writer.print(f"{title}:\t%016x\n", getattr(thread.credentials, name))
        self.writer.print("NoNewPrivs:\t%u\nSeccomp:\t0\n", thread.no_new_privileges)
        self.writer.print("voluntary_ctxt_switches:\t%u\n", thread.waits)
        self.writer.print("nonvoluntary_ctxt_switches:\t%u\n", thread.preemptions)
