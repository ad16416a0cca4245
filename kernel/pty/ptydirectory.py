"""Where programs expect names of pseudo-terminals."""

from __future__ import annotations

from kernel.fs.creation import Creation
from kernel.fs.mount import MountFlag
from kernel.fs.mounting import Mounting
from kernel.fs.rootfilesystem import RootFileSystem
from kernel.log.level import LogLevel
from kernel.log.log import Log
from kernel.pty.devpts import Devpts
from pykasm import *

DIRECTORY = "/dev/pts"
DIRECTORY_MODE = 0o755

OPTIONS = "gid=5,mode=620,ptmxmode=666"
"""As distributions mount it: the group 5 is that of terminals, to which others may write."""


class PtyDirectory(Subsystem):
    """Mounts the file system there. Context: the thread that starts the kernel."""

    def __init__(
        self, devpts: Devpts, creation: Creation, mounting: Mounting, root: RootFileSystem, log: Log
    ) -> None:
        self.kind = devpts.name
        self.creation = creation
        self.mounting = mounting
        self.root = root
        self.log = log

    @function(context="thread", sleeps=True)
    def start(self) -> None:
        """Mount it; without memory, or a directory, say that it is not there."""
        subject = address_of(self.root.subject)
        made = self.creation.mkdir(subject, 0, text(DIRECTORY), DIRECTORY_MODE)
        ignore(made, "it may be there; else mounting tells")
        flags = MountFlag.NO_SET_USER | MountFlag.NO_EXECUTE
        subject = address_of(self.root.subject)
        failed = self.mounting.mount_kind(
            subject, text(DIRECTORY), text(self.kind), flags, text(OPTIONS)
        )
        with if_(failed != 0):
            neg(failed)
            self.log.write(LogLevel.WARNING, "devices: no pseudo-terminals: error %u", u32(failed))
