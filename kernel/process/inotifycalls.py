"""System calls that watch files."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.file import File
from kernel.fs.files import Files
from kernel.fs.mode import Access
from kernel.fs.notice import FileEvent, NoticeQueue
from kernel.fs.noticefiles import NoticeFiles
from kernel.fs.notices import Notices
from kernel.fs.openflag import OpenFlag
from kernel.fs.permissions import Permissions
from kernel.process.filecalls import FileCalls
from kernel.process.namestarts import AT_FDCWD
from kernel.process.pathcalls import PathCalls
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from pykasm import *

OF_QUEUES = OpenFlag.CLOSE_ON_EXEC | OpenFlag.NONBLOCK

KNOWN = sum(FileEvent)


class InotifyCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        numbers: FileCalls,
        paths: PathCalls,
        files: Files,
        permissions: Permissions,
        notices: Notices,
        queues: NoticeFiles,
    ) -> None:
        self.processes = processes
        self.numbers = numbers
        self.paths = paths
        self.files = files
        self.permissions = permissions
        self.notices = notices
        self.queues = queues

    @function(context="thread", sleeps=True)
    def inotify_init(self) -> OrErrno[I64]:
        """Make a file from which it is read what happens to others, and return its number."""
        tail(self.inotify_init1, 0)

    @function(context="thread", sleeps=True)
    def inotify_init1(self, flags: Keep[U32]) -> OrErrno[I64]:
        """Do what `inotify_init` does by flags."""
        fail_if(flags & ~int(OF_QUEUES), Errno.EINVAL)
        task = self.processes.current()
        failed, file = self.queues.create(flags, task.credentials)
        with if_(file == 0):
            movsxd(rax, failed)
            ret(rax)
        ignore(failed, "there is a file")
        tail(self.numbers.add, file, 0, flags)

    @function(context="thread", sleeps=True)
    def _get(self, number: U32) -> tuple[OrErrno[I64], Owned[OrNull[Ptr[File]]]]:
        """Return 0 and the file `number`, which is one of these; or an error and null."""
        file = keep(self.numbers.get(number))
        with if_(file == 0):
            ret(-Errno.EBADF, 0)
        with if_(self.queues.is_one(file)):
            ret(0, file)
        self.files.drop(file)
        ret(-Errno.EINVAL, 0)

    @function(context="thread", sleeps=True)
    def inotify_add_watch(
        self, number: U32, name: Keep[Fetched[User[U8]]], mask: Keep[U32]
    ) -> OrErrno[I64]:
        """Have the file `number` tell what happens to the file `name`, of what is in `mask`. Return
        the number of the watch."""
        result = keep(I64)
        fail_if((mask & KNOWN) == 0, Errno.EINVAL)
        fail_if((mask & FileEvent.MASK_ADD) & (mask & FileEvent.MASK_CREATE), Errno.EINVAL)
        failed, opened = self._get(number)
        queue = keep(opened)
        with if_(queue == 0):
            ret(failed)
        ignore(failed, "there is one")
        mov(result, self._add_watch(cast(queue.private, Ptr[NoticeQueue]), name, mask))
        self.files.drop(queue)
        ret(result)

    @function(context="thread", sleeps=True)
    def _add_watch(
        self, queue: Keep[Ptr[NoticeQueue]], name: Fetched[User[U8]], mask: Keep[U32]
    ) -> OrErrno[I64]:
        """Watch the file `name`, which has to be readable."""
        result = keep(I64)
        mov(eax, OpenFlag.PATH)
        with if_(mask & FileEvent.NO_FOLLOW):
            or_(eax, OpenFlag.NO_FOLLOW)
        with if_(mask & FileEvent.ONLY_DIRECTORY):
            or_(eax, OpenFlag.DIRECTORY)
        failed, opened = self.paths.find(AT_FDCWD, name, eax, 0)
        file = keep(opened)
        with if_(file == 0):
            ret(failed)
        ignore(failed, "it is there")
        task = self.processes.current()
        allowed = self.permissions.check(file.inode, Access.READ, task.credentials)
        movsxd(result, allowed)
        with if_(result == 0):
            mov(result, self.notices.watch(queue, file.inode, mask))
        self.files.drop(file)
        ret(result)

    @function(context="thread", sleeps=True)
    def inotify_rm_watch(self, number: U32, watch: Keep[I32]) -> OrErrno[I64]:
        """Remove the watch of this number from the file `number`."""
        result = keep(I64)
        failed, opened = self._get(number)
        file = keep(opened)
        with if_(file == 0):
            ret(failed)
        ignore(failed, "there is one")
        mov(result, self.notices.unwatch(cast(file.private, Ptr[NoticeQueue]), watch))
        self.files.drop(file)
        ret(result)
