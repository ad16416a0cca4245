"""The sessions and process groups that there are."""

from __future__ import annotations

from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.errno import Errno
from kernel.mm.slabs import SlabCache, Slabs
from kernel.process.process import Process
from kernel.process.processids import ProcessIds
from kernel.process.session import ProcessGroup, Session
from kernel.structures.list import ListHead
from kernel.structures.tree import Tree, Trees
from pykasm import *


class ProcessGroups(LeakChecks):
    """Makes groups and sessions, and frees them with the last that is in them. Who is in which
    changes with `Processes.lock` held."""

    all = bss(Tree, guarded_by="Processes.lock", elements="ProcessGroup.node")
    count = bss(U64)

    def __init__(self, trees: Trees, ids: ProcessIds, slabs: Slabs) -> None:
        self.trees = trees
        self.ids = ids
        self.records = SlabCache(slabs, "process group", ProcessGroup)
        self.sessions = SlabCache(slabs, "session", Session)
        self.leak_checks = [leak_check("process groups", self.used_count)]

    @function
    def used_count(self) -> U64:
        """Return the number of groups."""
        ret(self.count)

    # Making

    @function
    def create(self, number: Keep[U32]) -> Owned[OrNull[Ptr[ProcessGroup]]]:
        """Return a group without members and session, or null without memory. It has the number of
        a process that the caller keeps."""
        group = keep(try_(self.records.allocate()))
        mov(group.session, 0)
        with unshared(group):
            group.members.reset()
            mov(eax, number)
            mov(group.node.key, rax)
        lock.inc(self.count)
        ret(group)

    @function
    def create_with_session(self, number: Keep[U32]) -> Owned[OrNull[Ptr[ProcessGroup]]]:
        """Do what `create` does, and make the group the first one of a new session."""
        group = keep(try_(self.create(number)))
        errdefer(self.discard, group)
        session = try_(self.sessions.allocate())
        mov(session.number, number)
        with unshared(session):
            mov(session.groups, 0)
            mov(session.terminal, 0)
            mov(session.left, 0)
        mov(group.session, session)
        disown(session, "its groups keep it")
        ret(group)

    @function
    def discard(self, group: Owned[Ptr[ProcessGroup]]) -> None:
        """Free a group that never had members, and the session that was made with it."""
        session = keep(group.session)
        self.records.free(group)
        lock.dec(self.count)
        with if_(session != 0):
            self.sessions.free(session)

    # Belonging to them

    @function(holds="Processes.lock")
    def find(self, number: Keep[U32]) -> OrNull[Ptr[ProcessGroup]]:
        """Return the group with this number, or null."""
        mov(eax, number)
        node = self.trees.at_least(address_of(self.all), rax)
        with if_(node != 0), if_(u32(node.key) == number):
            ret(container_of(node, ProcessGroup, "node"))
        ret(0)

    @function(holds="Processes.lock")
    def found(
        self,
        group: Keep[Owned[Ptr[ProcessGroup]]],
        session: Keep[OrNull[Ptr[Session]]],
        process: Keep[Ptr[Process]],
    ) -> None:
        """Make `process` the first member of a new `group`; that belongs to `session`, or to its
        own if that is null."""
        with if_(session == 0):
            mov(session, group.session)
            self.ids.hold(session.number)
        mov(group.session, session)
        inc(session.groups)
        self.ids.hold(u32(group.node.key))
        self.trees.insert(address_of(self.all), address_of(group.node))
        disown(group, "its members keep it")
        tail(self.join, group, process)

    @function(holds="Processes.lock")
    def join(self, group: Ptr[ProcessGroup], process: Ptr[Process]) -> None:
        """Make `process`, which is in no group, a member of `group`."""
        link = scratch(Ptr[ListHead])
        lea(link, process.group_link)
        mov(process.group, group)
        group.members.append(link)

    @function(holds="Processes.lock")
    def move(
        self, process: Keep[Ptr[Process]], number: U32, spare: Keep[Owned[Ptr[ProcessGroup]]]
    ) -> OrErrno[I64]:
        """Move `process` into the group `number` of its session. Where there is none and it has
        that number itself, `spare` becomes the group, else it is freed. Returns 0 or -EPERM."""
        group, former = keep(self.find(keep(number))), keep(process.group)
        session = scratch(former.session)
        with if_(group == 0):
            mov(eax, u32(spare.node.key))
            with if_(eax == process.number):
                process.group_link.unlink()
                self.found(spare, session, process)
                self._end_if_empty(former)
                ret(0)
        self.discard(spare)
        fail_if(group == 0, Errno.EPERM)
        mov(rax, former.session)
        fail_if(group.session != rax, Errno.EPERM)
        process.group_link.unlink()
        self.join(group, process)
        self._end_if_empty(former)
        ret(0)

    @function(holds="Processes.lock")
    def begin_session(
        self, process: Keep[Ptr[Process]], group: Keep[Owned[Ptr[ProcessGroup]]]
    ) -> OrErrno[I64]:
        """Make `process` the first member of `group`, with its new session. Returns 0; or -EPERM if
        there is a group with its number, and `group` is freed."""
        with if_(self.find(process.number) != 0):
            self.discard(group)
            ret(-Errno.EPERM)
        former = keep(process.group)
        process.group_link.unlink()
        self.found(group, 0, process)
        self._end_if_empty(former)
        ret(0)

    @function(holds="Processes.lock")
    def leave(self, process: Ptr[Process]) -> None:
        """Take `process` out of its group, which ends with its last member."""
        process.group_link.unlink()
        tail(self._end_if_empty, process.group)

    @function(holds="Processes.lock")
    def _end_if_empty(self, group: Keep[Ptr[ProcessGroup]]) -> None:
        """Free `group` if it has no members any more, and its session with its last group."""
        with if_(~group.members.is_empty()):
            ret()
        take_over(group, "nobody has it")
        session = keep(group.session)
        self.trees.remove(address_of(self.all), address_of(group.node))
        self.ids.free(u32(group.node.key))
        self.records.free(group)
        lock.dec(self.count)
        dec(session.groups)
        with if_(ZF):
            self._release_terminal(session)
            self.ids.free(session.number)
            self.sessions.free(session)

    @function(holds="Processes.lock")
    def _release_terminal(self, session: Ptr[Session]) -> None:
        """Free the terminal of a session that ends for another one."""
        terminal = scratch(session.terminal)
        with if_(terminal != 0):
            mov(terminal.session, 0)
            mov(terminal.foreground, 0)
