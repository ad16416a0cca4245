"""The file systems that `init` mounts."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.programs.initcalls import InitCalls
from kernel.programs.initmessages import InitMessages
from pykasm import *

MODE = 0o755
"""Permissions of the directories that file systems are mounted at."""

ABSENT = (Errno.ENOSYS, Errno.ENODEV, Errno.EBUSY)
"""What is no failure: the kernel mounts nothing, has no such file system, or has mounted it."""


class MountPoint(Struct):
    """A file system, and where it is to be seen."""

    type: Ptr[U8]
    target: Ptr[U8]


MOUNTS = (
    ("proc", "/proc"),
    ("sysfs", "/sys"),
    ("devtmpfs", "/dev"),
    ("devpts", "/dev/pts"),
    ("tmpfs", "/run"),
    ("tmpfs", "/tmp"),
)
"""Types with their usual places (Filesystem Hierarchy Standard 3.0, chapters 3 and 6)."""


class InitMounts(Subsystem):
    """Mounts what there is."""

    def __init__(self, calls: InitCalls, messages: InitMessages) -> None:
        self.calls = calls
        self.messages = messages
        self.points = rodata(
            MountPoint * len(MOUNTS), [MountPoint(type=kind, target=at) for kind, at in MOUNTS]
        )

    @function
    def mount_all(self) -> None:
        """Mount all file systems that the kernel has, and tell of those that it can't mount."""
        point, left = keep(Ptr[MountPoint]), keep(U32)
        mov(point, address_of(self.points))
        with for_(left, 0, len(MOUNTS)):
            result = self._mount(point)
            with if_(result < 0):
                self.messages.tell(point.target, result)
            add(point, sizeof(MountPoint))

    @function
    def _mount(self, point: Keep[Ptr[MountPoint]]) -> OrErrno[I64]:
        """Mount one. Returns 0, too, where the kernel has no such file system, or why it failed."""
        made = self.calls.mkdir(point.target, MODE)
        with if_((made < 0) & (made != -Errno.EEXIST)):
            ret(made)
        result = self.calls.mount(point.type, point.target, point.type, 0, 0)
        for error in ABSENT:
            with if_(result == -error):
                ret(0)
        ret(result)
