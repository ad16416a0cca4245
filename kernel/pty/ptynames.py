"""Names of slaves."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.characterdevices import MINOR_BITS
from kernel.fs.credentials import Credentials
from kernel.fs.dentries import Dentries
from kernel.fs.file import File, FileOperations
from kernel.fs.inode import Dentry, Inode
from kernel.fs.inodes import Inodes
from kernel.fs.mode import FileType
from kernel.fs.namekey import NameKey
from kernel.pty.pseudoterminal import PseudoTerminal
from kernel.pty.pseudoterminals import MAJOR, PseudoTerminals
from kernel.text.numbers import DECIMAL, NUMBER_SIZE, Numbers
from kernel.tty.terminalfiles import TerminalFiles
from pykasm import *

FIRST_NUMBER = 3
"""That of the inode of slave 0: the root has 1, `ptmx` 2 (fs/devpts/inode.c)."""


class PtyNames(Subsystem):
    """Makes the name of a slave as its master is opened, and removes it as that is closed. Names
    differ as numbers do, and nobody else makes any, so no inode's lock is needed. Context:
    thread."""

    def __init__(
        self,
        terminals: PseudoTerminals,
        files: TerminalFiles,
        inodes: Inodes,
        dentries: Dentries,
        numbers: Numbers,
    ) -> None:
        self.terminals = terminals
        self.files = files
        self.inodes = inodes
        self.dentries = dentries
        self.numbers = numbers
        self.operations = rodata(FileOperations, files.table(self.open))

    @function(context="thread")
    def open(self, inode: Ptr[Inode], file: Keep[Ptr[File]]) -> OrErrno[I32]:
        """Make `file` one of the slave that `inode` is, as `OpenFile` says."""
        job = try_(self.terminals.gain(inode), Errno.EIO)
        tail(self.files.open_first, file, job)

    @function(context="thread", sleeps=True)
    def make(
        self, pty: Keep[Ptr[PseudoTerminal]], credentials: Keep[Ptr[Credentials]]
    ) -> OrErrno[I32]:
        """Make the name of the slave of `pty`, which belongs to who has `credentials`. Returns 0 or
        -ENOMEM."""
        key, digits = local(NameKey), local(U8 * (NUMBER_SIZE + 1))
        inode = keep(try_(self._make_inode(pty, credentials), Errno.ENOMEM))
        errdefer(self.inodes.drop, inode)
        mov(digits[NUMBER_SIZE], 0)
        mov(eax, pty.number)
        start = self.numbers.format_unsigned(rax, DECIMAL, address_of(digits[NUMBER_SIZE]))
        mov(key.text, start)
        key.measure()
        superblock = scratch(pty.superblock)
        root = scratch(superblock.root)
        asserts(root != 0)
        mov(key.parent, root)
        dentry = keep(try_(self.dentries.create(superblock, address_of(key)), Errno.ENOMEM))
        self.dentries.set_inode(dentry, inode)
        self.dentries.add(dentry)
        mov(pty.name, dentry)
        ret(0)

    @function
    def _make_inode(
        self, pty: Keep[Ptr[PseudoTerminal]], credentials: Keep[Ptr[Credentials]]
    ) -> Owned[OrNull[Ptr[Inode]]]:
        """Return the inode of the slave, or null without memory."""
        options = scratch(pty.instance)
        mode = scratch(options.options.mode)
        or_(mode, FileType.CHARACTER)
        inode = scratch(try_(self.inodes.create(pty.superblock, mode)))
        mov(eax, pty.number)
        lea(rcx, bare[rax + FIRST_NUMBER])
        mov(inode.number, rcx)
        mov(ecx, MAJOR)
        shl(rcx, MINOR_BITS)
        or_(rax, rcx)
        mov(inode.device, rax)
        mov(inode.links, 1)
        mov(inode.private, u64(pty))
        lea(rax, self.operations)
        mov(inode.file_operations, rax)
        superblock = scratch(pty.superblock)
        self._set_like_root(inode, superblock.root)
        instance = scratch(pty.instance)
        for name in ("user", "group"):
            mov(eax, getattr(credentials, f"fs_{name}"))
            with if_(getattr(instance.options, f"has_{name}") != 0):
                mov(eax, getattr(instance.options, name))
            mov(getattr(inode, name), eax)
        ret(inode)

    @inline(changes=rax)
    def _set_like_root(self, inode: Ptr[Inode], root: OrNull[Ptr[Dentry]]) -> None:
        """Give `inode` the operations of the root's."""
        root = scratch(root)
        asserts(root != 0)
        directory = scratch(root.inode)
        asserts(directory != 0)
        mov(rax, directory.operations)
        mov(inode.operations, rax)
        release(root, directory)

    @function(context="thread")
    def remove(self, pty: Keep[Ptr[PseudoTerminal]]) -> None:
        """Remove the name of the slave of `pty`, whose master is closed."""
        name = keep(pty.name)
        asserts(name != 0)  # as long as the master is open
        inode = scratch(name.inode)
        asserts(inode != 0)
        mov(inode.links, 0)
        self.terminals.end(pty, inode)
        self.dentries.remove(name)
        mov(pty.name, 0)
        self.dentries.drop(name)
