"""Names of devices in the root file system."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.characterdevices import CharacterDevice, CharacterDevices
from kernel.fs.creation import Creation
from kernel.fs.mode import FileType
from kernel.fs.rootfilesystem import RootFileSystem
from kernel.log.level import LogLevel
from kernel.log.log import Log
from pykasm import *

DIRECTORY_MODE = 0o755


class DeviceNodes(Subsystem):
    """Makes `/dev`, with a special file for each device that there is. What the initramfs has there
    stays. Context: the thread that starts the kernel."""

    def __init__(
        self, devices: CharacterDevices, creation: Creation, root: RootFileSystem, log: Log
    ) -> None:
        self.devices = devices
        self.creation = creation
        self.root = root
        self.log = log

    @function(context="thread", sleeps=True)
    def start(self) -> None:
        """Make them, with just their permissions, whatever the umask is."""
        row, left, context = keep(Ptr[CharacterDevice]), keep(U32), keep(self.root.subject.context)
        umask = keep(U32)
        xor(umask, umask)
        xchg(context.umask, umask)
        subject = address_of(self.root.subject)
        self._note(self.creation.mkdir(subject, 0, text("/dev"), DIRECTORY_MODE))
        lea(row, self.devices.devices)
        with for_(left, 0, self.devices.count):
            self._make(row)
            add(row, sizeof(CharacterDevice))
        mov(context.umask, umask)

    @function(context="thread", sleeps=True)
    def _make(self, row: Keep[Ptr[CharacterDevice]]) -> None:
        """Make the special file of a device."""
        mode = scratch(row.mode)
        or_(mode, FileType.CHARACTER)
        subject = address_of(self.root.subject)
        self._note(self.creation.mknod(subject, 0, row.name, mode, row.first))

    @function
    def _note(self, result: OrErrno[I32]) -> None:
        """Say so if a name could not be made."""
        with if_((result != 0) & (result != -Errno.EEXIST)):
            neg(result)
            self.log.write(LogLevel.WARNING, "devices: a name in /dev: error %u", u32(result))
