"""Files that stand for mount namespaces."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.dentries import Dentries
from kernel.fs.file import File, FileOperations
from kernel.fs.filedefaults import FileDefaults
from kernel.fs.inode import Dentry, Inode, InodeOperations, SuperBlockFlag, SuperBlockOperations
from kernel.fs.inodes import Inodes
from kernel.fs.mode import FileType
from kernel.fs.mount import Mount, MountNamespace
from kernel.fs.mountnamespaces import MountNamespaces
from kernel.fs.mounts import Mounts
from kernel.fs.namekey import NameKey
from kernel.fs.path import Path
from kernel.fs.superblocks import SuperBlocks
from pykasm import *

ALL_MAY_READ = 0o444

MAGIC = 0x6E73_6673
"""What `statfs` tells of the file system (include/uapi/linux/magic.h: NSFS_MAGIC)."""


class NamespaceFiles(Subsystem):
    """A file system of which nothing is seen anywhere, with a file for each use of a namespace:
    what has it open keeps the namespace (namespaces(7)). Context: thread."""

    mount = bss(OrNull[Owned[Ptr[Mount]]])

    def __init__(
        self,
        inodes: Inodes,
        dentries: Dentries,
        superblocks: SuperBlocks,
        mounts: Mounts,
        namespaces: MountNamespaces,
        defaults: FileDefaults,
    ) -> None:
        self.inodes = inodes
        self.dentries = dentries
        self.superblocks = superblocks
        self.mounts = mounts
        self.namespaces = namespaces
        self.file_operations = rodata(FileOperations, defaults.table())
        self.inode_operations = rodata(InodeOperations, InodeOperations())
        self.operations = rodata(
            SuperBlockOperations,
            SuperBlockOperations(
                evict=self._evict, kind="nsfs", magic=MAGIC, flags=SuperBlockFlag.UNCACHED
            ),
        )

    @function(context="thread", sleeps=True)
    def start(self) -> None:
        """Make the file system. Context: the thread that starts the kernel."""
        mov(
            self.mount, self.mounts.create_internal(address_of(self.operations), FileType.DIRECTORY)
        )

    @function(context="thread")
    def _evict(self, inode: Ptr[Inode]) -> None:
        """Drop the namespace for which `inode` stands, if it does for one."""
        namespace = scratch(cast(inode.private, Ptr[MountNamespace]))
        with if_(namespace != 0):
            take_over(namespace, "the inode had it")
            tail(self.namespaces.leave, namespace)

    @function(context="thread")
    def lead_to(
        self, path: Keep[Ptr[Path]], namespace: Keep[Owned[Ptr[MountNamespace]]]
    ) -> OrErrno[I32]:
        """Make `path`, which is nowhere, a reference to a file that stands for `namespace`. Returns
        0 or -ENOMEM."""
        errdefer(self.namespaces.drop, namespace)
        mount = keep(self.mount)
        asserts(mount != 0)
        mode = FileType.REGULAR | ALL_MAY_READ
        inode = keep(try_(self.inodes.create(mount.superblock, mode), Errno.ENOMEM))
        dentry = keep(self._entry_of(mount))
        with if_(dentry == 0):
            self.inodes.drop(inode)
            fail(Errno.ENOMEM)
        self._fill_in(inode, namespace)
        self.dentries.set_inode(dentry, inode)
        mov(path.dentry, dentry)
        mount.references.gain()
        mov(path.mount, mount)
        ret(0)

    @inline(changes=rax)
    def _fill_in(self, inode: Ptr[Inode], namespace: Ptr[MountNamespace]) -> None:
        """Have `inode` stand for `namespace`, by whose number it is known."""
        mov(inode.links, 1)
        lea(rax, self.file_operations)
        mov(u64(inode.file_operations), rax)
        lea(rax, self.inode_operations)
        mov(inode.operations, rax)
        mov(eax, namespace.number)
        mov(inode.number, rax)
        mov(inode.private, u64(namespace))
        disown(namespace, "the inode has it")

    @function
    def _entry_of(self, mount: Ptr[Mount]) -> Owned[OrNull[Ptr[Dentry]]]:
        """Return an entry without a name, or null without memory."""
        key = local(NameKey)
        mov(key.parent, 0)
        mov(key.text, text(""))
        mov(key.length, 0)
        mov(key.hash, 0)
        made = self.dentries.create(mount.superblock, address_of(key))
        ret(made)

    @function
    def namespace_of(self, file: Ptr[File]) -> Owned[OrNull[Ptr[MountNamespace]]]:
        """Return a reference to the namespace for which `file` stands; null if it stands for
        none."""
        inode = scratch(file.inode)
        lea(rax, self.file_operations)
        fail_if(u64(inode.file_operations) != rax)
        namespace = scratch(cast(inode.private, Ptr[MountNamespace]))
        namespace.references.gain()
        ret(namespace)
