"""All processes, and how they are related."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kernel.clock.clock import Clock
from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.locks.spinlock import SpinLock
from kernel.mm.slabs import SlabCache, Slabs
from kernel.process.dumpsettings import FIRST_FILTER, Dumpable
from kernel.process.limits import (
    FIRST_LIMITS,
    INFINITY,
    RESOURCES,
    Resource,
    ResourceLimit,
)
from kernel.process.orphans import Orphans
from kernel.process.parentreports import ParentReports
from kernel.process.process import Process, ProcessState
from kernel.process.processgroups import ProcessGroups
from kernel.process.processids import ProcessIds
from kernel.process.resourceusage import ResourceUsage
from kernel.process.task import Task
from kernel.sched.scheduler import Scheduler
from kernel.sched.userstate import NAME_SIZE
from kernel.signals.signalinfo import SignalInfo
from kernel.signals.signalnumber import Signal, SignalCode
from kernel.signals.signals import Signals
from kernel.signals.signalstates import SignalStates
from kernel.structures.list import ListHead
from kernel.structures.tree import Tree, Trees
from kernel.sync.pollqueue import ANYTHING
from kernel.sync.pollqueues import PollQueues
from kernel.users.useraccounts import UserAccounts
from pykasm import *


class Processes(LeakChecks):
    """The records of processes. Each has the one that made it as its parent, which waits for its
    end; the kernel itself is the parent of those that it starts."""

    lock = bss(SpinLock)
    """Linux's `tasklist_lock`: guards all that says who belongs to whom."""
    all = bss(Tree, guarded_by="lock", elements="Process.node")
    count = bss(U32)
    init = bss(OrNull[Ptr[Process]])
    """Whose child becomes who has lost its parent; while it is null, the kernel's."""

    def __init__(
        self,
        scheduler: Scheduler,
        queues: PollQueues,
        reports: ParentReports,
        orphans: Orphans,
        ids: ProcessIds,
        groups: ProcessGroups,
        trees: Trees,
        signals: SignalStates,
        sender: Signals,
        accounts: UserAccounts,
        slabs: Slabs,
        clock: Clock,
    ) -> None:
        self.clock = clock
        self.accounts = accounts
        self.scheduler = scheduler
        self.queues = queues
        self.reports = reports
        self.orphans = orphans
        self.ids = ids
        self.groups = groups
        self.trees = trees
        self.signals = signals
        self.sender = sender
        self.records = SlabCache(slabs, "process", Process)
        self.leak_checks = [leak_check("processes", self.count_processes)]

    @function
    def count_processes(self) -> U64:
        """Return the number of processes, zombies included."""
        mov(eax, self.count)
        ret(rax)

    @inline
    def current(self) -> Ptr[Task]:
        """Return the task that runs, in a scratch register. Context: a thread that has one."""
        thread = scratch(self.scheduler.current)
        task = scratch(cast(thread.user, Ptr[Task]))
        release(thread)
        return task

    @inline
    def current_process(self) -> Ptr[Process]:
        """Return the process that runs, in a scratch register. Context: a thread that has one."""
        task = self.current()
        process = scratch(task.process)
        release(task)
        return process

    # Beginning

    @function
    def create(
        self, maker: Keep[OrNull[Ptr[Process]]], is_sibling: Keep[U32]
    ) -> OrNull[Owned[Ptr[Process]]]:
        """Create a process without threads for `maker`, in its group: its child, or, unless
        `is_sibling` is 0, another child of its parent. If `maker` is null, it is the kernel's, in a
        session of its own. The reference is that of who can wait for it. Returns null if memory or
        numbers are out."""
        process = keep(try_(self._allocate()))
        errdefer(self._abandon, process)
        with if_(maker == 0):
            account = try_(self.accounts.hold(0))
            fail_if(~self.signals.begin(address_of(process.signals), account))
            self._set_first_limits(process)
            group = try_(self.groups.create_with_session(process.number))
            with self.lock.held():
                self.groups.found(group, 0, process)
                self._enlist(process)
            ret(process)
        fail_if(~self.signals.fork(address_of(process.signals), address_of(maker.signals)))
        self._copy_limits(process, maker)
        # All that can fail is done: from here on others see it
        with self.lock.held():
            self.groups.join(maker.group, process)
            with if_(is_sibling != 0):
                # Under the lock, under which parents change when they end
                mov(maker, maker.parent)
            with if_(maker != 0):
                self._adopt(maker, process)
            self._enlist(process)
        ret(process)

    @function
    def _set_first_limits(self, process: Ptr[Process]) -> None:
        """Give `process` the limits that the first ones have."""
        for resource in Resource:
            for name, value in zip(
                ("soft", "hard"), FIRST_LIMITS.get(resource, (INFINITY, INFINITY)), strict=True
            ):
                mov(rax, value)
                mov(getattr(process.limits[resource], name), rax)
        mov(process.dumpable, Dumpable.USUAL)
        mov(process.dumped_memory, FIRST_FILTER)
        mov(process.signals.largest_file, -1)

    @function
    def _copy_limits(self, process: Ptr[Process], maker: Ptr[Process]) -> None:
        """Give `process` the limits of its `maker`."""
        copy_fields(process, maker, "dumpable", "dumped_memory")
        copy_fields(process, maker, "memory_adjustment", "least_adjustment")
        mov(eax, maker.signals.queue_limit)
        mov(process.signals.queue_limit, eax)
        mov(rax, maker.signals.largest_file)
        mov(process.signals.largest_file, rax)
        lea(rsi, maker.limits[0])
        lea(rdi, process.limits[0])
        mov(ecx, RESOURCES * sizeof(ResourceLimit) // sizeof(U64))
        rep.movsq()

    @function
    def _allocate(self) -> OrNull[Owned[Ptr[Process]]]:
        """Return a process with a number and without relations, or null."""
        process = keep(try_(self.records.allocate_zeroed()))
        errdefer(self._free_memory, process)
        mov(process.number, try_(self.ids.allocate()))
        mov(process.started, self.clock.now())
        process.references.start()
        with unshared(process):
            process.tasks.reset()
            process.children.reset()
        ret(process)

    @function
    def _free_memory(self, process: Owned[Ptr[Process]]) -> None:
        """Free the memory of a process alone."""
        self.records.free(process)

    @function(holds="lock")
    def _enlist(self, process: Ptr[Process]) -> None:
        """Enter `process` where it is found."""
        inc(self.count)
        mov(eax, process.number)
        mov(process.node.key, rax)
        tail(self.trees.insert, address_of(self.all), address_of(process.node))

    @function(holds="lock")
    def _adopt(self, parent: Ptr[Process], process: Ptr[Process]) -> None:
        """Make `process` a child of `parent`, the last one."""
        link = scratch(Ptr[ListHead])
        lea(link, process.sibling)
        mov(process.parent, parent)
        mov(eax, parent.number)
        mov(process.parent_number, eax)
        parent.children.append(link)

    @function
    def set_name(self, process: Ptr[Process], name: Ptr[U8]) -> None:
        """Give `process` the last part of `name` as its name, as far as there is room."""
        last, place = scratch(name), scratch(name)
        with while_(at(place) != 0):
            inc(place)
            with if_(u8[u64(place) - 1] == ord("/")):
                mov(last, place)
        xor(ecx, ecx)
        with loop():
            mov(al, last[rcx])
            mov(process.name[rcx], al)
            break_if(al == 0)
            inc(ecx)
            break_if(ecx == NAME_SIZE - 1)
        mov(process.name[rcx], 0)

    @function
    def name_task(self, task: Ptr[Task], name: Ptr[U8]) -> None:
        """Give `task` the `name`, which has NAME_SIZE bytes, and its process, if it is the
        first."""
        process = scratch(task.process)
        for offset in range(0, NAME_SIZE, sizeof(U64)):
            mov(rax, u64[u64(name) + offset])
            mov(u64[u64(task) + (offsetof(Task, "name") + offset)], rax)
        mov(eax, task.number)
        with if_(eax == process.number):
            for offset in range(0, NAME_SIZE, sizeof(U64)):
                mov(rax, u64[u64(name) + offset])
                mov(u64[u64(process) + (offsetof(Process, "name") + offset)], rax)

    # Finding

    @function
    def find(self, number: Keep[U32]) -> Owned[OrNull[Ptr[Process]]]:
        """Return a reference to the process with this number, or null."""
        process = keep(Ptr[Process])
        xor(u32(process), u32(process))
        with self.lock.held():
            mov(process, self.look_up(number))
            with if_(process != 0):
                process.references.gain()
        ret(process)

    @function(holds="lock")
    def look_up(self, number: Keep[U32]) -> OrNull[Ptr[Process]]:
        """Return the process with this number, or null."""
        mov(eax, number)
        node = scratch(self.trees.at_least(address_of(self.all), rax))
        with if_(node != 0), if_(u32(node.key) == number):
            found = container_of(node, Process, "node")
            ret(found)
        ret(0)

    @inline(changes=CALLER_SAVED)
    @contextmanager
    def each(self) -> Iterator[Ptr[Process]]:
        """Run the block for each process, in a kept register, in the order of numbers. The lock is
        held, and none is taken away meanwhile."""
        node = keep(self.trees.at_least(address_of(self.all), 0))
        with while_(node != 0):
            process = keep(Ptr[Process])
            mov(u64(process), node)
            sub(u64(process), offsetof(Process, "node"))
            yield process
            release(process)
            mov(node, self.trees.next(node))
        release(node)

    @function
    def drop(self, process: Owned[Ptr[Process]]) -> None:
        """Drop a reference to `process`."""
        with if_(process.references.drop()):
            tail(self._free_record, process)

    @function
    def group_number(self, process: Ptr[Process]) -> U32:
        """Return the number of the group that `process`, which is not freed meanwhile, is in."""
        number = scratch(U32)
        with self.lock.held():
            group = scratch(process.group)
            mov(number, u32(group.node.key))
        ret(number)

    @function(context="thread")
    def usage_of_children(self, usage: Ptr[ResourceUsage]) -> None:
        """Fill in `usage` with what the children of the process that runs had used when they had
        been waited for."""
        process, usage = self.current_process(), scratch(usage)
        usage.clear()
        with self.lock.held():
            used = scratch(address_of(process.of_children))
            usage.add(used)

    # The end

    @function
    def end(self, process: Keep[Ptr[Process]]) -> None:
        """Make `process`, whose last thread ends, a zombie, and tell who waits for that. Its
        children get another parent. Who has no reference may not touch it afterwards."""
        with self.lock.held():
            self._give_children_away(process)
            # Both locks, so that who holds either sees a state that stays
            with process.lock.held_interrupts_off():
                mov(process.state, ProcessState.ZOMBIE)
            mov(process.left_memory, 1)
            # For a maker that waits until its memory is left, also where an execve(2) never came
            self.queues.announce(address_of(process.changes), ANYTHING)
            self.orphans.release(process, process.parent, self.init)
            self._tell_parent(process)

    @function
    def discard(self, process: Keep[Owned[Ptr[Process]]]) -> None:
        """Free a process that never had threads."""
        with self.lock.held():
            self.unlist(process)
        tail(self.drop, process)

    @function(holds="lock")
    def _tell_parent(self, process: Keep[Ptr[Process]]) -> None:
        """Tell the parent of `process`, a zombie; nothing is left of it if that is the kernel."""
        parent = scratch(process.parent)
        with if_(parent != 0), if_(~self.reports.tell_end(parent, process)):
            ret()
        self.unlist(process)
        take_over(process, "nobody waits for it any more")
        tail(self.drop, process)

    @function(holds="lock")
    def _give_children_away(self, process: Keep[Ptr[Process]]) -> None:
        """Give the children of `process` another parent."""
        reaper = keep(self._reaper_of(process))
        with process.children.each_removable(Process, "sibling") as child:
            child.sibling.unlink()
            self._tell_of_death(process, child)
            mov(child.exit_signal, Signal.SIGCHLD)  # who takes it in has asked for no other
            with if_(reaper != 0):
                self._adopt(reaper, child)  # at once: `getppid` looks without the lock
            with else_():
                mov(child.parent, 0)
                mov(child.parent_number, 0)
            with if_(child.state == ProcessState.ZOMBIE):
                self._tell_parent(child)
            with else_():
                self.orphans.release(child, process, self.init)

    @function(holds="lock")
    def _tell_of_death(self, parent: Keep[Ptr[Process]], child: Keep[Ptr[Process]]) -> None:
        """Send `child` what its tasks want to be sent when its `parent` ends."""
        info = local(SignalInfo)
        with child.lock.held(), child.tasks.each(Task, "sibling") as task:
            number = keep(task.parent_death_signal)
            with if_(number != 0):
                info.clear()
                mov(info.number, number)
                mov(info.code, SignalCode.SI_USER)
                mov(eax, parent.number)
                mov(info.details.sender.process, eax)
                mov(eax, parent.user)
                mov(info.details.sender.user, eax)
                group = address_of(child.signals)
                ignore(self.sender.send(group, address_of(info)), "it may have too many already")

    @function(holds="lock")
    def _reaper_of(self, process: Ptr[Process]) -> OrNull[Ptr[Process]]:
        """Return whose children those of `process` become: the nearest ancestor that adopts
        orphans, or the first process; null for the kernel's."""
        ancestor = scratch(process.parent)
        with while_(ancestor != 0):
            with if_(ancestor.adopts != 0):
                ret(ancestor)
            mov(ancestor, ancestor.parent)
        mov(ancestor, self.init)
        with if_(ancestor == process):
            ret(0)
        ret(ancestor)

    @function(holds="lock")
    def unlist(self, process: Keep[Ptr[Process]]) -> None:
        """Remove `process`, which has no threads, from where it is found, also as a child. Others
        may get its number then."""
        with process.lock.held_interrupts_off():
            mov(process.state, ProcessState.REAPED)
        with if_(process.parent != 0):
            process.sibling.unlink()
        self.groups.leave(process)
        self.trees.remove(address_of(self.all), address_of(process.node))
        dec(self.count)
        tail(self.ids.free, process.number)

    @function
    def _abandon(self, process: Owned[Ptr[Process]]) -> None:
        """Free a process that was never found anywhere."""
        process = keep(process)
        self.ids.free(process.number)
        tail(self._free_record, process)

    @function
    def _free_record(self, process: Owned[Ptr[Process]]) -> None:
        """Free a process that nobody has any more."""
        process = keep(process)
        self.signals.discard(address_of(process.signals))
        self.records.free(process)
