"""Commands that show files."""

from __future__ import annotations

from kernel.console.console import Console
from kernel.fs.directorylister import DirectoryLister, ListedName, TakeName
from kernel.fs.file import File
from kernel.fs.fileio import FileIo
from kernel.fs.files import Files
from kernel.fs.iovector import IoVector
from kernel.fs.openflag import OpenFlag
from kernel.fs.opening import Opening
from kernel.fs.rootfilesystem import RootFileSystem
from kernel.monitor.command import Commands, command
from kernel.text.strings import Words
from pykasm import *

PIECE = 256
"""Bytes that `cat` reads at a time."""


class FileCommands(Commands):
    """`ls` and `cat`."""

    def __init__(
        self,
        console: Console,
        root: RootFileSystem,
        opening: Opening,
        files: Files,
        io: FileIo,
    ) -> None:
        self.console = console
        self.root = root
        self.opening = opening
        self.files = files
        self.io = io
        self.commands = [
            command("ls", "PATH", "the names in a directory", self.ls),
            command("cat", "PATH", "the contents of a file", self.cat),
        ]

    @function(context="thread", sleeps=True)
    def ls(self, words: Keep[Ptr[Words]]) -> Bool:
        """Print the names in a directory, one a line."""
        lister = local(DirectoryLister)
        file = keep(self._open(words.word[1], OpenFlag.DIRECTORY))
        with if_(file != 0):
            mov(rax, address_of(self._print_name))
            mov(lister.take, cast(rax, TakeName))
            result = self.io.list(file, address_of(lister))
            self._complain(words.word[1], result)
            self.files.drop(file)
        ret(True)

    @function(context="thread", sleeps=True)
    def _open(self, name: Keep[Ptr[U8]], flags: U32) -> Owned[OrNull[Ptr[File]]]:
        """Open `name` for reading, or say why not and return null."""
        result, opened = self.opening.open(address_of(self.root.subject), 0, name, flags, 0)
        file = keep(opened)
        self._complain(name, result)
        ret(file)

    @function
    def _complain(self, name: Ptr[U8], result: OrErrno[I32]) -> None:
        """Say which error `result` is, if it is one."""
        with if_(result < 0):
            neg(result)
            self.console.print("%s: error %u\n", name, u32(result))

    @function
    def _print_name(self, lister: Ptr[DirectoryLister], name: Keep[Ptr[ListedName]]) -> Bool:
        """Print a name, as `TakeName` says."""
        mov(rax, name.length)
        lea(rcx, name.text)
        mov(u8[rcx + rax], 0)
        self.console.print("%s\n", rcx)
        ret(True)

    @function(context="thread", sleeps=True)
    def cat(self, words: Keep[Ptr[Words]]) -> Bool:
        """Print the contents of a file."""
        file = keep(self._open(words.word[1], 0))
        with if_(file != 0):
            with loop():
                read = self._print_piece(file)
                with if_(read <= 0):
                    self._complain(words.word[1], i32(read))
                    break_()
            self.files.drop(file)
        ret(True)

    @function(context="thread", sleeps=True)
    def _print_piece(self, file: Keep[Ptr[File]]) -> OrErrno[I64]:
        """Print the next bytes of `file`. Returns how many these are, or an error."""
        vector, bytes, read, index = local(IoVector), local(U8 * PIECE), keep(I64), keep(I64)
        place, length = scratch(address_of(bytes)), scratch(U64)
        mov(length, PIECE)
        vector.start(u64(place), length, is_user=False)
        mov(read, self.io.read(file, address_of(vector)))
        xor(u32(index), u32(index))
        with while_(index < read):
            lea(rax, bytes)
            self.console.write_byte(u8[rax + index])
            inc(index)
        ret(read)
