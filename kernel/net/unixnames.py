"""Which Unix socket has which name."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.creation import Creation, MakeName, NewName
from kernel.fs.inode import Dentry, Inode, is_type
from kernel.fs.lookup import Lookup, LookupFlag
from kernel.fs.mode import Access, FileType
from kernel.fs.paths import Paths
from kernel.fs.permissions import Permissions
from kernel.fs.subject import Subject
from kernel.fs.walk import Walk
from kernel.locks.spinlock import SpinLock
from kernel.net.socket import Socket
from kernel.net.socketaddress import AddressFamily, StoredAddress
from kernel.net.socketreferences import SocketReferences
from kernel.net.unixaddress import HEAD, UnixAddress
from kernel.net.unixaddresses import UnixAddresses
from kernel.net.unixsocket import UnixSocket
from kernel.process.processes import Processes
from kernel.structures.tree import Tree, TreeNode, Trees
from kernel.sync.mutex import Mutexes
from pykasm import *

CHOSEN = 1 << 20
"""Names that the kernel chooses from."""


class NewSocketName(NewName):
    """A name in a file system that a socket is to have."""

    socket: Ptr[UnixSocket]


class UnixNames(Subsystem):
    """Gives sockets names, in file systems and abstract ones, and finds sockets by them (unix(7)).
    Context: thread."""

    abstract = bss(Tree, guarded_by="lock", elements="UnixSocket.node")
    """Sockets with abstract names, by the hashes of these."""
    next_number = bss(U32)
    """Of the next name that the kernel chooses."""

    def __init__(
        self,
        addresses: UnixAddresses,
        references: SocketReferences,
        creation: Creation,
        walk: Walk,
        paths: Paths,
        permissions: Permissions,
        processes: Processes,
        trees: Trees,
        mutexes: Mutexes,
    ) -> None:
        self.addresses = addresses
        self.references = references
        self.creation = creation
        self.walk = walk
        self.paths = paths
        self.permissions = permissions
        self.processes = processes
        self.trees = trees
        self.mutexes = mutexes
        self.lock = bss(SpinLock)
        """Held to enter names and to find them: an inode leads to its socket by `private`."""

    # Binding

    @function(context="thread", sleeps=True)
    def bind(self, socket: Keep[Ptr[Socket]], name: Ptr[StoredAddress]) -> OrErrno[I64]:
        """Give `socket` a `name`, as `NameSocket` says; one that the kernel chooses if it is
        empty."""
        result = keep(I64)
        with if_((name.length == HEAD) & (name.address.family == AddressFamily.UNIX)):
            tail(self.autobind, cast(socket, Ptr[UnixSocket]))
        failed, taken = self.addresses.take(name)
        with if_(taken == 0):
            ret(failed)
        ignore(failed, "there is a name")
        address, bound = keep(taken), keep(cast(socket, Ptr[UnixSocket]))
        with self.mutexes.held(bound.binding):
            mov(result, self._bind(bound, address))
        with if_(result != 0):
            self.addresses.drop(address)
            ret(result)
        disown(address, "the socket has it")
        ret(0)

    @function(context="thread", sleeps=True, holds="socket.binding")
    def _bind(self, socket: Ptr[UnixSocket], address: Ptr[UnixAddress]) -> OrErrno[I64]:
        """Give `socket` the name `address`, if it has none. Returns 0, -EINVAL, or an error of
        making the name."""
        with if_(address.bytes[0] == 0):
            tail(self._bind_abstract, socket, address)
        fail_if(socket.name != 0, Errno.EINVAL)
        tail(self._make, socket, address)

    @function(holds="socket.binding")
    def _bind_abstract(self, socket: Ptr[UnixSocket], address: Ptr[UnixAddress]) -> OrErrno[I64]:
        """Do what `_bind` does for an abstract name."""
        fail_if(socket.name != 0, Errno.EINVAL)
        tail(self._enter, socket, address)

    @function
    def _enter(
        self, socket: Keep[Ptr[UnixSocket]], address: Keep[Ptr[UnixAddress]]
    ) -> OrErrno[I64]:
        """Give `socket` an abstract name. Returns 0 or -EADDRINUSE."""
        found = keep(OrNull[Ptr[UnixSocket]])
        with self.lock.held():
            mov(found, self._find(address, socket.type))
            with if_(found == 0):
                mov(eax, address.hash)
                mov(socket.node.key, rax)
                self.trees.insert(address_of(self.abstract), address_of(socket.node))
                mov(socket.is_found, 1)
                mov(socket.name, address)
        fail_if(found != 0, Errno.EADDRINUSE)
        ret(0)

    @function(holds="lock")
    def _find(self, address: Keep[Ptr[UnixAddress]], type: Keep[U32]) -> OrNull[Ptr[UnixSocket]]:
        """Return the socket of a `type` that has an abstract name, or null."""
        socket, node = keep(Ptr[UnixSocket]), keep(OrNull[Ptr[TreeNode]])
        mov(eax, address.hash)
        mov(node, self.trees.at_least(address_of(self.abstract), rax))
        with while_(node != 0):
            mov(eax, address.hash)
            break_if(node.key != rax)
            mov(socket, container_of(scratch(node), UnixSocket, "node"))
            name = scratch(socket.name)
            with (
                if_((socket.type == type) & (name != 0)),
                if_(self.addresses.is_same(name, address)),
            ):
                ret(socket)
            mov(node, self.trees.next(node))
        ret(0)

    @function(context="thread", sleeps=True)
    def autobind(self, socket: Keep[Ptr[UnixSocket]]) -> OrErrno[I64]:
        """Give `socket` a name that nobody has, if it has none. Returns 0, -ENOSPC or -ENOMEM."""
        left, result, address = keep(U32), keep(I64), keep(Ptr[UnixAddress])
        mov(left, CHOSEN)
        with if_(socket.name != 0):
            ret(0)
        with while_(left != 0):
            dec(left)
            mov(edi, 1)
            lock.xadd(self.next_number, edi)
            and_(edi, CHOSEN - 1)
            mov(address, try_(self.addresses.make_numbered(edi), Errno.ENOMEM))
            with self.mutexes.held(socket.binding):
                mov(result, self._bind_abstract(socket, address))
            with if_(result == 0):
                disown(address, "the socket has it")
                ret(0)
            self.addresses.drop(address)
            with if_(result == -Errno.EINVAL):
                ret(0)  # it has got a name meanwhile
        fail(Errno.ENOSPC)

    # In file systems

    @function(context="thread", sleeps=True)
    def _make(self, socket: Keep[Ptr[UnixSocket]], address: Keep[Ptr[UnixAddress]]) -> OrErrno[I64]:
        """Make a name in a file system for `socket`. Returns 0, -EADDRINUSE if it is taken, or what
        making it has come to."""
        new, subject = local(NewSocketName), local(Subject)
        self._fill(address_of(subject))
        lea(rax, subject)
        mov(new.subject, cast(rax, Ptr[Subject]))
        mov(new.device, 0)
        mov(new.socket, socket)
        file = scratch(socket.file)
        asserts(file != 0)  # it was found by that
        inode = scratch(file.inode)
        mov(eax, inode.mode)
        mov(new.mode, eax)
        mov(rax, address_of(self.make))
        mov(new.make, cast(rax, MakeName))
        text = scratch(address_of(address.bytes))
        lea(rdi, new)
        result = self.creation.run(cast(rdi, Ptr[NewName]), 0, text)
        with if_(result == -Errno.EEXIST):
            ret(-Errno.EADDRINUSE)
        with if_(result == 0):
            mov(socket.name, address)
        movsxd(rax, result)
        ret(rax)

    @function
    def _fill(self, subject: Ptr[Subject]) -> None:
        """Fill in who acts: the task that runs."""
        task = self.processes.current()
        mov(rax, task.credentials)
        mov(subject.credentials, rax)
        mov(rax, task.context)
        mov(subject.context, rax)

    @function(context="thread", sleeps=True)
    def make(
        self, new: Keep[Ptr[NewName]], directory: Ptr[Inode], dentry: Keep[Ptr[Dentry]]
    ) -> OrErrno[I32]:
        """Make an inode for a socket, as `MakeName` says, and have it lead there."""
        try_(self.creation.make(new, directory, dentry))
        socket, inode = scratch(cast(new, Ptr[NewSocketName]).socket), scratch(dentry.inode)
        asserts(inode != 0)  # it was made just now
        dentry.references.gain()
        mov(socket.path.dentry, dentry)
        mount = scratch(new.lookup.place.mount)
        asserts(mount != 0)  # the walk is there
        mount.references.gain()
        mov(socket.path.mount, mount)
        with self.lock.held():
            mov(inode.private, u64(socket))
        ret(0)

    # Finding

    @function(context="thread", sleeps=True)
    def find(
        self, name: Ptr[StoredAddress], type: Keep[U32]
    ) -> tuple[OrErrno[I64], Owned[OrNull[Ptr[UnixSocket]]]]:
        """Return 0 and a reference to the socket of a `type` that has a `name`; or -ECONNREFUSED,
        -EPROTOTYPE for one of another type, or why the name can't be looked up, and null."""
        result, found = keep(I64), keep(OrNull[Ptr[UnixSocket]])
        failed, taken = self.addresses.take(name)
        with if_(taken == 0):
            ret(failed, 0)
        ignore(failed, "there is a name")
        address = keep(taken)
        with if_(address.bytes[0] == 0):
            mov(found, self._find_abstract(address, type))
            mov(result, -Errno.ECONNREFUSED)
        with else_():
            looked, there = self._find_path(address)
            mov(result, looked)
            mov(found, there)
        self.addresses.drop(address)
        with if_(found == 0):
            ret(result, 0)
        ignore(result, "there is a socket")
        with if_(found.type != type):
            self.references.drop(cast(u64(found), Ptr[Socket]))
            ret(-Errno.EPROTOTYPE, 0)
        ret(0, found)

    @function
    def _find_abstract(
        self, address: Ptr[UnixAddress], type: U32
    ) -> Owned[OrNull[Ptr[UnixSocket]]]:
        """Return a reference to the socket of a `type` that has an abstract name, or null."""
        address, type, found = keep(address), keep(type), keep(OrNull[Ptr[UnixSocket]])
        with self.lock.held():
            mov(found, self._find(address, type))
            with if_(found != 0):
                found.references.gain()
        ret(found)

    @function(context="thread", sleeps=True)
    def _find_path(
        self, address: Ptr[UnixAddress]
    ) -> tuple[OrErrno[I64], Owned[OrNull[Ptr[UnixSocket]]]]:
        """Return 0 and a reference to the socket that has a name in a file system; or an error and
        null."""
        lookup, subject, result = local(Lookup), local(Subject), keep(I64)
        text, found = keep(address_of(address.bytes)), keep(OrNull[Ptr[UnixSocket]])
        self._fill(address_of(subject))
        walked = self.walk.find(address_of(lookup), address_of(subject), 0, text, LookupFlag.FOLLOW)
        with if_(walked != 0):
            movsxd(rax, walked)
            ret(rax, 0)
        checked, there = self._socket_at(address_of(lookup))
        mov(result, checked)
        mov(found, there)
        self.walk.end(address_of(lookup))
        ret(result, found)

    @function
    def _socket_at(
        self, lookup: Ptr[Lookup]
    ) -> tuple[OrErrno[I64], Owned[OrNull[Ptr[UnixSocket]]]]:
        """Return 0 and a reference to the socket to which the walk has come; or -EACCES or
        -ECONNREFUSED, and null."""
        dentry, credentials = scratch(lookup.place.dentry), scratch(lookup.credentials)
        asserts(dentry != 0)
        inode, found = keep(dentry.inode), keep(OrNull[Ptr[UnixSocket]])
        asserts(inode != 0)
        with if_(self.permissions.check(inode, Access.WRITE, credentials) != 0):
            ret(-Errno.EACCES, 0)
        xor(u32(found), u32(found))
        with if_(is_type(inode, FileType.SOCKET)), self.lock.held():
            mov(found, cast(inode.private, OrNull[Ptr[UnixSocket]]))
            with if_(found != 0):
                found.references.gain()
        with if_(found == 0):
            ret(-Errno.ECONNREFUSED, 0)
        ret(0, found)

    # Telling and forgetting

    @function(context="thread", sleeps=True)
    def tell(self, socket: Ptr[Socket], name: Ptr[StoredAddress]) -> OrErrno[I64]:
        """Tell the name of `socket`, as `NameSocket` says."""
        named = scratch(cast(socket, Ptr[UnixSocket]))
        self.addresses.tell(named.name, name)
        ret(0)

    @function(context="thread", sleeps=True)
    def tell_peer(self, socket: Ptr[Socket], name: Keep[Ptr[StoredAddress]]) -> OrErrno[I64]:
        """Tell the name of the other end of `socket`, as `NameSocket` says; or -ENOTCONN."""
        named, peer = scratch(cast(socket, Ptr[UnixSocket])), keep(OrNull[Ptr[UnixSocket]])
        with named.lock.held():
            mov(peer, named.peer)
            with if_(peer != 0):
                peer.references.gain()
        fail_if(peer == 0, Errno.ENOTCONN)
        self.addresses.tell(peer.name, name)
        self.references.drop(cast(u64(peer), Ptr[Socket]))
        ret(0)

    @function(context="thread")
    def forget(self, socket: Keep[Ptr[UnixSocket]]) -> None:
        """Have nobody find `socket` by its name any more, which it keeps for those who ask."""
        dentry = scratch(socket.path.dentry)
        with if_(dentry != 0):
            inode = scratch(dentry.inode)
            asserts(inode != 0)  # no entry with a reference becomes negative
            with self.lock.held():
                mov(inode.private, 0)
            tail(self.paths.drop, address_of(socket.path))
        release(dentry)
        with self.lock.held(), if_(socket.is_found != 0):
            mov(socket.is_found, 0)
            self.trees.remove(address_of(self.abstract), address_of(socket.node))
