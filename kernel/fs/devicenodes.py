"""Names of devices."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.characterdevices import CharacterDevice, CharacterDevices
from kernel.fs.creation import Creation
from kernel.fs.credentialstore import CredentialStore
from kernel.fs.devtmpfs import Devtmpfs
from kernel.fs.fscontext import FsContext
from kernel.fs.fscontexts import FsContexts
from kernel.fs.mode import FileType
from kernel.fs.mounting import Mounting
from kernel.fs.mountnamespaces import MountNamespaces
from kernel.fs.mounts import Mounts
from kernel.fs.rootfilesystem import RootFileSystem
from kernel.fs.subject import Subject
from kernel.log.level import LogLevel
from kernel.log.log import Log
from pykasm import *

PLACE = "/dev"

DIRECTORY_MODE = 0o755

DIRECTORIES = {"/pts": DIRECTORY_MODE, "/shm": 0o1777}
"""Where devpts is mounted, and where files are that programs share as memory (shm_overview(7))."""

LINKS = {
    "/fd": "/proc/self/fd",
    "/stdin": "/proc/self/fd/0",
    "/stdout": "/proc/self/fd/1",
    "/stderr": "/proc/self/fd/2",
}
"""What programs expect beside devices (Filesystem Hierarchy Standard 3.0, 6.1.3)."""


class DeviceNodes(Subsystem):
    """Makes a special file in devtmpfs for each device that there is, and has it seen at `/dev`.
    Context: thread."""

    subject = bss(Subject)
    """At the root of devtmpfs, whatever becomes of `/dev`; without a umask."""

    def __init__(
        self,
        devices: CharacterDevices,
        devtmpfs: Devtmpfs,
        mounts: Mounts,
        namespaces: MountNamespaces,
        contexts: FsContexts,
        credentials: CredentialStore,
        creation: Creation,
        mounting: Mounting,
        root: RootFileSystem,
        log: Log,
    ) -> None:
        self.devices = devices
        self.devtmpfs = devtmpfs
        self.mounts = mounts
        self.namespaces = namespaces
        self.contexts = contexts
        self.credentials = credentials
        self.creation = creation
        self.mounting = mounting
        self.root = root
        self.log = log

    @function(context="thread", sleeps=True)
    def start(self) -> None:
        """Make them, and mount devtmpfs. Context: the thread that starts the kernel."""
        self.devtmpfs.start()
        context = self._create_context()
        asserts(context != 0)  # the kernel does not start with so little memory
        disown(context, "it is there for good")
        mov(self.subject.context, context)
        lea(rax, self.credentials.root)
        mov(self.subject.credentials, rax)
        subject = address_of(self.subject)
        for name, mode in DIRECTORIES.items():
            self._note(self.creation.mkdir(subject, 0, text(name), mode))
        for name, target in LINKS.items():
            self._note(self.creation.symlink(subject, 0, text(name), text(target)))
        row, left = keep(Ptr[CharacterDevice]), keep(U32)
        lea(row, self.devices.devices)
        with for_(left, 0, self.devices.count):
            self._add(row)
            add(row, sizeof(CharacterDevice))
        tail(self._mount)

    @function(context="thread", sleeps=True)
    def _create_context(self) -> Owned[OrNull[Ptr[FsContext]]]:
        """Return a context at the root of devtmpfs, or null without memory."""
        result, superblock = self.devtmpfs.create(text(PLACE), text(""))
        ignore(result, "null says as much")
        with if_(superblock == 0):
            ret(0)
        mount = try_(self.mounts.create(superblock, 0))
        namespace = try_(self.namespaces.create(mount))
        tail(self.contexts.create, namespace, 0)

    @function(context="thread", sleeps=True)
    def _add(self, row: Keep[Ptr[CharacterDevice]]) -> None:
        """Make the special file of a device."""
        mode = scratch(row.mode)
        or_(mode, FileType.CHARACTER)
        subject = address_of(self.subject)
        self._note(self.creation.mknod(subject, 0, row.name, mode, row.first))

    @function(context="thread", sleeps=True)
    def _mount(self) -> None:
        """Have devtmpfs seen in the root file system."""
        subject = address_of(self.root.subject)
        self._note(self.creation.mkdir(subject, 0, text(PLACE), DIRECTORY_MODE))
        kind = text(self.devtmpfs.name)
        self._note(self.mounting.mount_kind(subject, text(PLACE), kind, 0, text("")))

    @function
    def _note(self, result: OrErrno[I32]) -> None:
        """Say so if a name could not be made, or mounted."""
        with if_((result != 0) & (result != -Errno.EEXIST)):
            neg(result)
            self.log.write(LogLevel.WARNING, "devices: a name in /dev: error %u", u32(result))
