"""The file system in which POSIX message queues have their names."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.cacheddirectories import CachedDirectories
from kernel.fs.credentials import CapabilityBit, Credentials
from kernel.fs.dentries import Dentries
from kernel.fs.file import File, FileOperations
from kernel.fs.filedefaults import FileDefaults
from kernel.fs.filesystem import FileSystem
from kernel.fs.inode import (
    Dentry,
    Inode,
    InodeOperations,
    SuperBlock,
    SuperBlockFlag,
    SuperBlockOperations,
)
from kernel.fs.inodes import Inodes
from kernel.fs.mode import TYPE_MASK, FileType, ModeBit
from kernel.fs.mount import Mount
from kernel.fs.mounts import Mounts
from kernel.fs.path import Path
from kernel.fs.superblocks import SuperBlocks
from kernel.fs.textfiles import TextFiles
from kernel.fs.textwriter import TextWriter
from kernel.ipc.posixqueue import (
    HARD_BYTES,
    HARD_MESSAGES,
    MESSAGE_COST,
    MOST_BYTES,
    MOST_MESSAGES,
    MOST_PRIORITIES,
    MOST_QUEUES,
    PosixQueue,
)
from kernel.ipc.posixqueues import PosixQueues
from kernel.ipc.queueattributes import QueueRequest
from kernel.sched.scheduler import Scheduler
from kernel.signals.signaltarget import SignalTarget
from kernel.sync.mutex import Mutex, Mutexes
from kernel.sync.pollqueue import READABLE, WRITABLE, Watcher
from kernel.sync.pollqueues import PollQueues
from pykasm import *

MAGIC = 0x1980_0202
"""What `statfs` shows (include/uapi/linux/magic.h)."""

ENTRY_SIZE = 20
"""What each entry adds to the size of the directory (ipc/mqueue.c, DIRENT_SIZE)."""

FILE_SIZE = 80
"""What `stat` shows of a queue (FILENT_SIZE)."""

USUAL_LIMIT = 819_200
"""RLIMIT_MSGQUEUE of processes that change nothing (MQ_BYTES_MAX): it holds for queues that are
made as files, by `open`."""

ROOT_MODE = FileType.DIRECTORY | ModeBit.STICKY | 0o777

PRIVILEGED = 1 << CapabilityBit.SYS_RESOURCE


class Mqueuefs(FileSystem):
    """One directory with all queues, which is the same wherever it is mounted, and is there when it
    is mounted nowhere (mq_overview(7)). Context: thread."""

    name = "mqueue"

    mount = bss(OrNull[Owned[Ptr[Mount]]])
    """By which calls find queues."""
    maker = bss(U64)
    """The thread that makes one by `mq_open`, as long as it holds `making`; 0 for none."""
    request = bss(Ptr[QueueRequest])
    """What that asks for."""

    def __init__(
        self,
        inodes: Inodes,
        dentries: Dentries,
        superblocks: SuperBlocks,
        mounts: Mounts,
        directories: CachedDirectories,
        texts: TextFiles,
        writer: TextWriter,
        defaults: FileDefaults,
        queues: PosixQueues,
        polls: PollQueues,
        mutexes: Mutexes,
        scheduler: Scheduler,
    ) -> None:
        self.inodes = inodes
        self.dentries = dentries
        self.superblocks = superblocks
        superblocks.kinds.append(self.name)
        self.mounts = mounts
        self.directories = directories
        self.texts = texts
        self.writer = writer
        self.queues = queues
        self.polls = polls
        self.mutexes = mutexes
        self.scheduler = scheduler
        self.making = bss(Mutex)
        """Held by `mq_open`."""
        self.operations = rodata(
            InodeOperations,
            InodeOperations(
                look_up=self.look_up,
                create=self.make,
                symlink=self.refuse_symlink,
                link=self.refuse_link,
                unlink=self.unlink,
                rename=self.refuse_rename,
                resize=self.resize,
            ),
        )
        self.file_operations = rodata(
            FileOperations,
            defaults.table(
                open=self.open,
                release=self.release,
                read=texts.read,
                seek=defaults.stay,
                poll=self.poll,
            ),
        )
        self.superblock_operations = rodata(
            SuperBlockOperations,
            SuperBlockOperations(
                evict=self.evict, kind=self.name, magic=MAGIC, flags=SuperBlockFlag.IN_MEMORY
            ),
        )

    # The file system

    @function(context="thread", sleeps=True)
    def start(self) -> None:
        """Make the file system. Context: the thread that starts the kernel."""
        operations = address_of(self.superblock_operations)
        mount = keep(self.mounts.create_internal(operations, ROOT_MODE))
        dentry = scratch(mount.root)
        root = scratch(dentry.inode)
        asserts(root != 0)
        mov(root.links, 2)
        lea(rax, self.operations)
        mov(root.operations, rax)
        lea(rax, self.directories.operations)
        mov(root.file_operations, rax)
        mov(self.mount, mount)

    @function(context="thread", sleeps=True)
    def create(
        self, source: Ptr[U8], options: Ptr[U8]
    ) -> tuple[OrErrno[I32], Owned[OrNull[Ptr[SuperBlock]]]]:
        """Return the file system, as `FileSystem` says. It takes no options."""
        with if_(at(options) != 0):
            ret(-Errno.EINVAL, 0)
        mount = scratch(self.mount)
        asserts(mount != 0)
        superblock = scratch(mount.superblock)
        # Every mount shows the same queues
        superblock.references.gain()
        ret(0, superblock)

    @inline
    def root(self, path: Path) -> None:
        """Make `path` the directory, without references: it is always there."""
        mount = scratch(self.mount)
        asserts(mount != 0)
        root = scratch(mount.root)
        mov(u64(path.mount), u64(mount))
        mov(u64(path.dentry), u64(root))
        release(mount, root)

    # Names

    @function
    def look_up(self, directory: Ptr[Inode], dentry: Ptr[Dentry]) -> OrErrno[I32]:
        """Find nothing: all names are in memory."""
        ret(0)

    @function(context="thread", sleeps=True)
    def make(
        self,
        directory: Keep[Ptr[Inode]],
        dentry: Keep[Ptr[Dentry]],
        mode: U32,
        device: U64,
        credentials: Keep[Ptr[Credentials]],
    ) -> OrErrno[I32]:
        """Make a queue, as `Create` says, as large as `mq_open` asks for. Returns -EPERM for other
        kinds of files; -ENOSPC where there are too many, -EINVAL, -EMFILE or -ENOMEM."""
        mov(eax, mode)
        and_(eax, TYPE_MASK)
        fail_if(eax != FileType.REGULAR, Errno.EPERM)
        inode = keep(try_(self.inodes.create(directory.superblock, mode), Errno.ENOMEM))
        errdefer(self.inodes.drop, inode)
        self.inodes.set_owner(inode, directory, credentials)
        mov(inode.links, 1)
        mov(inode.size, FILE_SIZE)
        lea(rax, self.operations)
        mov(inode.operations, rax)
        lea(rax, self.file_operations)
        mov(inode.file_operations, rax)
        queue = scratch(try_(self.queues.create(), Errno.ENOMEM))
        mov(inode.private, u64(queue))
        disown(queue, "its inode has it")
        try_(self._set_size(inode, credentials))
        self.dentries.set_inode(dentry, inode)
        add(directory.size, ENTRY_SIZE)
        self.inodes.touch(directory)
        ret(0)

    @function(context="thread", sleeps=True)
    def _set_size(self, inode: Ptr[Inode], credentials: Keep[Ptr[Credentials]]) -> OrErrno[I32]:
        """Make the queue of `inode` as large as is asked for. Returns 0, -ENOSPC, -EINVAL,
        -EMFILE or -ENOMEM."""
        queue, limit = keep(cast(inode.private, Ptr[PosixQueue])), keep(U64)
        mov(queue.most, MOST_MESSAGES)
        mov(queue.most_bytes, MOST_BYTES)
        mov(limit, USUAL_LIMIT)
        # The count is of all users, so it holds for those that are not trusted
        with if_((credentials.effective & PRIVILEGED) == 0):
            fail_if(self.queues.count > MOST_QUEUES, Errno.ENOSPC)
        mov(rax, u64(self.scheduler.current))
        # Made by `mq_open`, which holds `making`; else by `open` in a mounted directory, which asks
        # for no size
        with if_(rax == self.maker):
            request = scratch(self.request)
            mov(limit, request.limit)
            try_(self._take_size(queue, request, credentials))
        # What it may come to need counts, not what it has: a queue that was made can be filled
        cost = keep(self._cost(queue))
        account = keep(try_(self.queues.accounts.hold(credentials.user), Errno.ENOMEM))
        errdefer(self.queues.accounts.drop, account)
        place = address_of(account.queue_bytes)
        fail_if(~self.queues.accounts.take(place, cost, limit), Errno.EMFILE)
        mov(queue.account, account)
        mov(queue.cost, cost)
        ret(0)

    @function
    def _take_size(
        self, queue: Ptr[PosixQueue], request: Ptr[QueueRequest], credentials: Ptr[Credentials]
    ) -> OrErrno[I32]:
        """Make `queue` as large as `request` says. Returns 0 or -EINVAL."""
        attributes, queue = scratch(request.attributes), scratch(queue)
        with if_(attributes == 0):
            ret(0)
        most, most_bytes = scratch(u64(attributes.most)), scratch(u64(attributes.most_bytes))
        fail_if((most == 0) | (most_bytes == 0), Errno.EINVAL)
        with if_(credentials.effective & PRIVILEGED):
            fail_if((most > HARD_MESSAGES) | (most_bytes > HARD_BYTES), Errno.EINVAL)
        with else_():
            fail_if((most > MOST_MESSAGES) | (most_bytes > MOST_BYTES), Errno.EINVAL)
        mov(queue.most, most)
        mov(queue.most_bytes, most_bytes)
        ret(0)

    @function
    def _cost(self, queue: Ptr[PosixQueue]) -> U64:
        """Return how many bytes `queue` may need, as Linux counts them."""
        priorities = scratch(queue.most)
        mov(rax, queue.most_bytes)
        add(rax, MESSAGE_COST)
        imul(rax, queue.most)
        # One record of a priority each, of which there are no more than messages
        with if_(priorities > MOST_PRIORITIES):
            mov(priorities, MOST_PRIORITIES)
        imul(priorities, priorities, MESSAGE_COST)
        add(rax, priorities)
        ret(rax)

    @function
    def unlink(self, directory: Keep[Ptr[Inode]], dentry: Ptr[Dentry]) -> OrErrno[I32]:
        """Take a name out, as `Unlink` says."""
        inode = keep(dentry.inode)
        asserts(inode != 0)
        dec(inode.links)
        sub(directory.size, ENTRY_SIZE)
        self.inodes.touch_attributes(inode)
        self.inodes.touch(directory)
        ret(0)

    @function(context="thread", sleeps=True)
    def evict(self, inode: Ptr[Inode]) -> None:
        """Free the queue of `inode`, as `Evict` says, if it has one."""
        queue = scratch(cast(inode.private, OrNull[Ptr[PosixQueue]]))
        with if_(queue != 0):
            take_over(queue, "its inode had it")
            tail(self.queues.free, queue)

    # What can't be done

    @function
    def refuse_symlink(
        self, directory: Ptr[Inode], dentry: Ptr[Dentry], text: Ptr[U8], who: Ptr[Credentials]
    ) -> OrErrno[I32]:
        """There are queues alone."""
        ret(-Errno.EPERM)

    @function
    def refuse_link(
        self, inode: Ptr[Inode], directory: Ptr[Inode], dentry: Ptr[Dentry]
    ) -> OrErrno[I32]:
        """Each has one name."""
        ret(-Errno.EPERM)

    @function
    def refuse_rename(
        self,
        directory: Ptr[Inode],
        dentry: Ptr[Dentry],
        target_directory: Ptr[Inode],
        target: Ptr[Dentry],
    ) -> OrErrno[I32]:
        """And keeps it."""
        ret(-Errno.EPERM)

    @function
    def resize(self, inode: Ptr[Inode], size: U64) -> OrErrno[I32]:
        """What it holds is not cut off: nothing is changed."""
        ret(0)

    # Open files

    @function
    def queue_of(self, file: Ptr[File]) -> OrNull[Ptr[PosixQueue]]:
        """Return the queue of `file`, or null if it is no queue's."""
        operations = scratch(file.operations)
        lea(rax, self.file_operations)
        fail_if(u64(operations) != rax)
        inode = scratch(file.inode)
        ret(cast(inode.private, Ptr[PosixQueue]))

    @function(context="thread", sleeps=True)
    def open(self, inode: Ptr[Inode], file: Ptr[File]) -> OrErrno[I32]:
        """Prepare the text that `read` gives, as `OpenFile` says."""
        tail(self.texts.open, file, address_of(self.show))

    @function(context="thread", sleeps=True)
    def release(self, file: Keep[Ptr[File]]) -> None:
        """Free the text, and end the notification of the process that runs. A `ReleaseFile`."""
        self.texts.release(file)
        inode = scratch(file.inode)
        self.end_notification(cast(inode.private, Ptr[PosixQueue]))

    @function(context="thread", sleeps=True)
    def end_notification(self, queue: Keep[Ptr[PosixQueue]]) -> None:
        """Cancel the notification that the process that runs has asked `queue` for, if any."""
        thread = scratch(self.scheduler.current)
        target = scratch(cast(thread.user, OrNull[Ptr[SignalTarget]]))
        process = keep(U32)
        xor(process, process)
        with if_(target != 0):
            mov(process, target.process_number)
        # Any file of this process that is closed ends it, as with Linux (mq_notify(3))
        with if_(process != 0), self.mutexes.held(queue.lock), if_(queue.notified == process):
            self.queues.forget(queue)

    @function(context="thread")
    def show(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write what is in the queue of `inode`, and who is told of it."""
        queue = keep(cast(inode.private, Ptr[PosixQueue]))
        self.writer.print("QSIZE:%-10u ", queue.bytes)
        self.writer.print("NOTIFY:%-5u ", queue.notified_by)
        self.writer.print("SIGNO:%-5u ", queue.notified_signal)
        self.writer.print("NOTIFY_PID:%-6u\n", queue.notified)
        ret(0)

    @function(context="thread", sleeps=True)
    def poll(self, file: Ptr[File], watcher: OrNull[Ptr[Watcher]]) -> U32:
        """Return what is possible, as `PollFile` says."""
        inode, events = scratch(file.inode), keep(U32)
        queue = keep(cast(inode.private, Ptr[PosixQueue]))
        with if_(watcher != 0):
            self.polls.watch(address_of(queue.poll), watcher)
        xor(events, events)
        mov(rax, queue.count)
        with if_(rax != 0):
            or_(events, READABLE)
        # Without the lock: what changes after this look wakes the watcher, which is listed already
        with if_(rax < queue.most):
            or_(events, WRITABLE)
        ret(events)
