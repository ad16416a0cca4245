"""Sockets whose files are on their way."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit
from kernel.fs.file import File
from kernel.fs.inode import is_type
from kernel.fs.mode import FileType
from kernel.fs.openflag import OpenFlag
from kernel.mm.slabs import SlabCache, Slabs
from kernel.net.passedfiles import PassedFiles
from kernel.net.socketaddress import AddressFamily
from kernel.net.unixsocket import UnixSocket
from kernel.process.limits import Resource
from kernel.process.processes import Processes
from kernel.structures.list import ListHead
from kernel.structures.tree import Tree, TreeNode, Trees
from kernel.sync.mutex import Mutex, Mutexes
from pykasm import *

PRIVILEGED = 1 << CapabilityBit.SYS_RESOURCE | 1 << CapabilityBit.SYS_ADMIN
"""Who has one of these passes as many files as it likes (unix(7), ETOOMANYREFS)."""


class InFlightUser(Struct):
    """How many files of a user are on their way."""

    node: TreeNode
    """The key is the user's number."""
    count: U64


class InFlight(Subsystem):
    """Counts files that are on their way, by users, and each Unix socket by how often its own is.

    `lock` is held while files begin and end to be so, and while it is decided which sockets nobody
    can come to any more. Context: thread.
    """

    users = bss(Tree, guarded_by="lock", elements="InFlightUser.node")
    sockets = bss(ListHead, guarded_by="lock", elements="UnixSocket.flight")
    """Those that are on their way. All zero as long as none ever was."""
    socket_count = bss(U64, guarded_by="lock", unlocked_reads=True)

    def __init__(
        self,
        slabs: Slabs,
        trees: Trees,
        mutexes: Mutexes,
        processes: Processes,
    ) -> None:
        self.trees = trees
        self.mutexes = mutexes
        self.processes = processes
        self.records = SlabCache(slabs, "sender of files", InFlightUser)
        self.lock = bss(Mutex)

    # Beginning

    @function(context="thread", sleeps=True)
    def begin(self, passed: Keep[Ptr[PassedFiles]]) -> OrErrno[I64]:
        """Count the files of `passed`, which the process that runs sends. Returns 0, -ETOOMANYREFS
        or -ENOMEM."""
        result = keep(I64)
        task = self.processes.current()
        credentials = scratch(task.credentials)
        mov(eax, credentials.user)
        mov(passed.user, eax)
        with self.mutexes.held(self.lock):
            mov(result, self._count(passed))
            with if_(result == 0):
                self._count_sockets(passed, 1)
        ret(result)

    @function(holds="lock")
    def _count(self, passed: Keep[Ptr[PassedFiles]]) -> OrErrno[I64]:
        """Count the files of `passed` for their user. Returns 0, -ETOOMANYREFS or -ENOMEM."""
        user = scratch(try_(self._find_or_make(passed.user), Errno.ENOMEM))
        count = scratch(user.count)
        process = self.processes.current_process()
        # Files on the way count for nobody's table, and so could be any number
        with if_(count > process.limits[Resource.NOFILE].soft):
            release(process)
            task = self.processes.current()
            credentials = scratch(task.credentials)
            fail_if((credentials.effective & PRIVILEGED) == 0, Errno.ETOOMANYREFS)
        mov(eax, passed.count)
        add(user.count, rax)
        ret(0)

    @function(holds="lock")
    def _find(self, number: Keep[U32]) -> OrNull[Ptr[InFlightUser]]:
        """Return the record of the user `number`, or null."""
        mov(eax, number)
        node = try_(self.trees.at_least(address_of(self.users), rax))
        user = container_of(node, InFlightUser, "node")
        mov(ecx, number)
        with if_(user.node.key != rcx):
            ret(0)
        ret(user)

    @function(holds="lock")
    def _find_or_make(self, number: Keep[U32]) -> OrNull[Ptr[InFlightUser]]:
        """Return the record of the user `number`; null without memory."""
        found = self._find(number)
        with if_(found != 0):
            ret(found)
        user = keep(try_(self.records.allocate()))
        mov(eax, number)
        mov(user.node.key, rax)
        mov(user.count, 0)
        self.trees.insert(address_of(self.users), address_of(user.node))
        disown(user, "the tree has it")
        ret(user)

    @function(holds="lock")
    def _count_sockets(self, passed: Ptr[PassedFiles], change: Keep[I64]) -> None:
        """Change the counts of those files of `passed` that are Unix sockets."""
        file, left = keep(address_of(passed.files)), keep(passed.count)
        with while_(left != 0):
            socket = self.unix_socket_of(cast(at(file), Ptr[File]))
            with if_(socket != 0):
                self._change(socket, change)
            add(file, sizeof(U64))
            dec(left)

    @function
    def unix_socket_of(self, file: Ptr[File]) -> OrNull[Ptr[UnixSocket]]:
        """Return the Unix socket of which `file` is the file; null if it is that of none. What lies
        in a file system as a socket can't be opened."""
        inode = scratch(file.inode)
        fail_if(~is_type(inode, FileType.SOCKET))
        fail_if(file.flags & OpenFlag.PATH)
        socket = scratch(cast(file.private, Ptr[UnixSocket]))
        fail_if(socket.family != AddressFamily.UNIX)
        ret(socket)

    @function(holds="lock")
    def _change(self, socket: Ptr[UnixSocket], change: I64) -> None:
        """Change the count of `socket`. It is in the list while that is not 0."""
        socket, link = scratch(socket), scratch(address_of(socket.flight))
        # Before the change, for the first; after it, for the last
        with if_(socket.flights == 0):
            with if_(self.sockets.next == 0):
                self.sockets.reset()
            self.sockets.append(link)
            inc(self.socket_count)
        add(socket.flights, change)
        with if_(socket.flights == 0):
            socket.flight.unlink()
            dec(self.socket_count)

    # Ending

    @function(context="thread", sleeps=True)
    def end(self, passed: Keep[Ptr[PassedFiles]]) -> None:
        """Note that the files of `passed` have come, or will never."""
        with self.mutexes.held(self.lock):
            self.end_locked(passed)

    @function(holds="lock")
    def end_locked(self, passed: Keep[Ptr[PassedFiles]]) -> None:
        """Do what `end` does for who has the lock."""
        self._count_sockets(passed, -1)
        user = keep(self._find(passed.user))
        asserts(user != 0)  # they were counted
        mov(eax, passed.count)
        sub(user.count, rax)
        with if_(user.count == 0):
            self.trees.remove(address_of(self.users), address_of(user.node))
            take_over(user, "the tree had it")
            self.records.free(user)

    @function(context="thread", sleeps=True)
    def gain_all(self, passed: Keep[Ptr[PassedFiles]], copy: Keep[Ptr[PassedFiles]]) -> None:
        """Give `copy` references to the files of `passed`, which stay on their way. It is decided
        before or after that who can come to them."""
        index, count = keep(U64), keep(passed.count)
        with self.mutexes.held(self.lock), for_(index, 0, u64(count)):
            file = scratch(cast(passed.files[index], Ptr[File]))
            file.references.gain()
            mov(copy.files[index], u64(file))
            disown(file, "the copy has it")
        mov(copy.count, count)
