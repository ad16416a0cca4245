"""Masters of pseudo-terminals as open files."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.characterdevices import CharacterDriver, device
from kernel.fs.file import File, FileKindFlag, FileOperations
from kernel.fs.filedefaults import FileDefaults
from kernel.fs.inode import Inode, SuperBlock
from kernel.pty.pseudoterminal import PseudoTerminal
from kernel.pty.pseudoterminals import PseudoTerminals
from kernel.pty.ptycontrol import PtyControl
from kernel.pty.ptymounts import PtyMounts
from kernel.pty.ptynames import PtyNames
from kernel.pty.ptyreading import PtyReading
from kernel.pty.ptywriting import PtyWriting
from kernel.tty.terminal import Terminal
from kernel.tty.terminals import Terminals
from pykasm import *

MAJOR, MINOR = 5, 2
"""The number of `/dev/ptmx`."""


class PtyMasters(CharacterDriver):
    """Each time that `/dev/ptmx` is opened makes a pseudo-terminal (ptmx(4)), which is hung up when
    that file is closed. `File.private` is the terminal. Context: thread."""

    def __init__(
        self,
        terminals: PseudoTerminals,
        names: PtyNames,
        mounts: PtyMounts,
        reading: PtyReading,
        writing: PtyWriting,
        control: PtyControl,
        hangups: Terminals,
        defaults: FileDefaults,
    ) -> None:
        self.terminals = terminals
        self.names = names
        self.mounts = mounts
        self.hangups = hangups
        self.operations = rodata(
            FileOperations,
            defaults.table(
                flags=FileKindFlag.STREAM,
                open=self.open,
                release=self.release,
                read=reading.read,
                write=writing.write,
                poll=reading.poll,
                control=control.control,
            ),
        )
        self.devices = [device(MAJOR, MINOR, address_of(self.operations), "ptmx")]

    @function(context="thread", sleeps=True)
    def open(self, inode: Ptr[Inode], file: Keep[Ptr[File]]) -> OrErrno[I32]:
        """Make a pseudo-terminal, as `OpenFile` says, whose slave has its name in the file system
        that the file is in, or that is mounted on `pts` beside it. Returns 0; -ENODEV if there is
        none, -ENOSPC or -ENOMEM."""
        mount = keep(try_(self.mounts.find(file), Errno.ENODEV))
        result = keep(self._open(file, mount.superblock))
        self.mounts.drop(mount)
        ret(result)

    @function(context="thread", sleeps=True)
    def _open(self, file: Keep[Ptr[File]], superblock: Keep[Ptr[SuperBlock]]) -> OrErrno[I32]:
        """Do what `open` does in a file system of such names."""
        failed, made = self.terminals.create(superblock, self.mounts.instance_of(superblock))
        pty = keep(made)
        with if_(pty == 0):
            ret(failed)
        ignore(failed, "there is one")
        with errdefer(self.terminals.free, pty):
            try_(self.names.make(pty, file.credentials))
        mov(file.private, u64(pty))
        disown(pty, "its references keep it")
        ret(0)

    @function(context="thread")
    def release(self, file: Ptr[File]) -> None:
        """Hang up, for good; who has the slave open keeps what is left of it."""
        pty = keep(cast(file.private, Ptr[PseudoTerminal]))
        self.names.remove(pty)
        self.hangups.hang_up(cast(pty, Ptr[Terminal]), 1)
        job = scratch(address_of(pty.job))
        take_over(job, "the file had it")
        tail(self.hangups.drop, job)
