"""Open files from which notices are read."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.anonymousfiles import AnonymousFiles
from kernel.fs.credentials import Credentials
from kernel.fs.file import File, FileKindFlag, FileOperations
from kernel.fs.filedefaults import FileDefaults
from kernel.fs.filewaits import FileWaits
from kernel.fs.iovector import IoVector
from kernel.fs.iovectors import IoVectors
from kernel.fs.notice import NoticeQueue
from kernel.fs.notices import RECORD, Notices
from kernel.fs.pipes import FIONREAD
from kernel.sync.pollqueue import READABLE, Watcher
from kernel.sync.pollqueues import PollQueues
from kernel.vm.usercopy import UserCopy
from pykasm import *


class NoticeFiles(Subsystem):
    """Makes the files of `NoticeQueue`s, and does what is done with them (inotify(7)). Context:
    thread."""

    def __init__(
        self,
        anonymous: AnonymousFiles,
        defaults: FileDefaults,
        notices: Notices,
        vectors: IoVectors,
        waits: FileWaits,
        queues: PollQueues,
        copy: UserCopy,
    ) -> None:
        self.anonymous = anonymous
        self.notices = notices
        self.vectors = vectors
        self.waits = waits
        self.queues = queues
        self.copy = copy
        self.operations = rodata(
            FileOperations,
            defaults.table(
                flags=FileKindFlag.STREAM,
                release=self.release,
                read=self.read,
                seek=defaults.stay,
                poll=self.poll,
                control=self.control,
            ),
        )

    @function(context="thread", sleeps=True)
    def create(
        self, flags: Keep[U32], credentials: Keep[Ptr[Credentials]]
    ) -> tuple[OrErrno[I32], Owned[OrNull[Ptr[File]]]]:
        """Return 0 and a file by `OpenFlag`s, of the user who has `credentials`; or an error and
        null."""
        failed, made = self.notices.create(credentials.user)
        queue = keep(made)
        with if_(queue == 0):
            ret(failed, 0)
        ignore(failed, "there is a queue")
        file = scratch(self.anonymous.open(address_of(self.operations), flags, credentials))
        with if_(file == 0):
            self.notices.free(queue)
            ret(-Errno.ENOMEM, 0)
        mov(file.private, u64(queue))
        disown(queue, "its file has it")
        ret(0, file)

    @inline(changes=rax)
    def is_one(self, file: Ptr[File]) -> Condition:
        """Return the condition that `file` is one of these."""
        lea(rax, self.operations)
        return u64(file.operations) == rax

    @function(context="thread")
    def release(self, file: Ptr[File]) -> None:
        """Free the queue of `file`, as `ReleaseFile` says."""
        queue = scratch(cast(file.private, Ptr[NoticeQueue]))
        take_over(queue, "its file had it")
        tail(self.notices.free, queue)

    @function(context="thread", sleeps=True)
    def read(
        self, file: Keep[Ptr[File]], vector: Keep[Ptr[IoVector]], position: Ptr[U64]
    ) -> OrErrno[I64]:
        """Wait for a notice, and read it and as many others as have room, as `ReadFile` says;
        -EINVAL without room for the first."""
        queue, noted, total = keep(cast(file.private, Ptr[NoticeQueue])), keep(U64), keep(I64)
        with loop():
            mov(noted, self.queues.note(queue.queue))
            mov(total, self._read(queue, vector))
            with if_(total != -Errno.EAGAIN):
                ret(total)
            try_(self.waits.wait(file, address_of(queue.queue), noted))

    @function(context="thread", sleeps=True)
    def _read(self, queue: Keep[Ptr[NoticeQueue]], vector: Keep[Ptr[IoVector]]) -> OrErrno[I64]:
        """Read what is there. Returns -EAGAIN for nothing."""
        total = keep(U64)
        xor(u32(total), u32(total))
        with loop():
            failed, taken = self.notices.take(queue, vector.left)
            notice = keep(taken)
            with if_((notice == 0) & (total == 0)):
                ret(failed)
            ignore(failed, "there is a notice, or enough of them")
            break_if(notice == 0)
            length = keep(U64)
            mov(u32(length), notice.length)
            add(length, RECORD)
            copied = self.vectors.copy_to(vector, address_of(notice.watch), length)
            sub(length, copied)
            add(total, copied)
            self.notices.give_back(queue, notice)
            fail_if(length != 0, Errno.EFAULT)
            release(length, notice)
        ret(i64(total))

    @function(context="thread", sleeps=True)
    def poll(self, file: Ptr[File], watcher: OrNull[Ptr[Watcher]]) -> U32:
        """Return what is possible, as `PollFile` says."""
        queue = keep(cast(file.private, Ptr[NoticeQueue]))
        with if_(watcher != 0):
            self.queues.watch(address_of(queue.queue), watcher)
        with if_(queue.count != 0):
            ret(READABLE)
        ret(0)

    @function(context="thread", sleeps=True)
    def control(self, file: Ptr[File], request: U32, argument: U64) -> OrErrno[I64]:
        """Tell how many bytes can be read, as `ControlFile` says."""
        fail_if(request != FIONREAD, Errno.ENOTTY)
        queue = scratch(cast(file.private, Ptr[NoticeQueue]))
        tail(self.copy.copy_out_word, cast(argument, User[U8]), queue.bytes)
