"""The file system that everything begins with."""

from __future__ import annotations

from kernel.fs.credentialstore import CredentialStore
from kernel.fs.fscontext import FsContext
from kernel.fs.fscontexts import FIRST_UMASK, FsContexts
from kernel.fs.mountnamespaces import MountNamespaces
from kernel.fs.mounts import Mounts
from kernel.fs.subject import Subject
from kernel.fs.tmpfs import Tmpfs
from pykasm import *

ROOT_OPTIONS = "mode=755"
"""Nobody but root makes files in it, whatever an archive says of it."""


class RootFileSystem(Subsystem):
    """An empty tmpfs, the first mount namespace whose root it is, and what the kernel itself is as
    a subject: root, at the root. The first process begins with copies of that."""

    subject = bss(Subject)

    def __init__(
        self,
        tmpfs: Tmpfs,
        mounts: Mounts,
        namespaces: MountNamespaces,
        contexts: FsContexts,
        credentials: CredentialStore,
    ) -> None:
        self.tmpfs = tmpfs
        self.mounts = mounts
        self.namespaces = namespaces
        self.contexts = contexts
        self.credentials = credentials

    @function(context="thread", sleeps=True)
    def start(self) -> None:
        """Mount the root. Context: the thread that starts the kernel."""
        context = self._create_context()
        asserts(context != 0)  # the kernel does not start with so little memory
        disown(context, "it is there for good")
        mov(self.subject.context, context)
        lea(rax, self.credentials.root)
        mov(self.subject.credentials, rax)

    @function(context="thread", sleeps=True)
    def _create_context(self) -> Owned[OrNull[Ptr[FsContext]]]:
        """Return a context in a namespace with an empty root, or null without memory."""
        result, superblock = self.tmpfs.create(text("rootfs"), text(ROOT_OPTIONS))
        ignore(result, "null says as much")
        with if_(superblock == 0):
            ret(0)
        mov(superblock.kind, text("rootfs"))
        mount = try_(self.mounts.create(superblock, 0))
        namespace = try_(self.namespaces.create(mount))
        tail(self.contexts.create, namespace, FIRST_UMASK)
