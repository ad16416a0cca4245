"""Files that stand for processes while these are being made."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.file import File
from kernel.fs.files import Files
from kernel.fs.openflag import OpenFlag
from kernel.process.cloneflag import CloneArguments, CloneFlag
from kernel.process.filecalls import FileCalls
from kernel.process.process import Process
from kernel.process.processfiles import ProcessFiles
from kernel.vm.usercopy import UserCopy
from pykasm import *


class OpenedProcess(Struct):
    """A file that stands for a process that is being made."""

    file: OrNull[Owned[Ptr[File]]]
    """Null if nobody wants one."""
    number: I64
    """Reserved for it."""


class OpenedProcesses(Subsystem):
    """Prepares such files, and gives them to the task that has asked for them, or takes them back.
    Context: thread."""

    def __init__(
        self, files: ProcessFiles, numbers: FileCalls, open_files: Files, copy: UserCopy
    ) -> None:
        self.files = files
        self.numbers = numbers
        self.open_files = open_files
        self.copy = copy

    @function(context="thread", sleeps=True)
    def open(
        self,
        process: Keep[Ptr[Process]],
        arguments: Keep[Ptr[CloneArguments]],
        opened: Keep[Ptr[OpenedProcess]],
    ) -> OrErrno[I64]:
        """Prepare in `opened` a file that stands for `process`, and store its number, if that is
        wanted. Returns 0 or an error."""
        mov(opened.file, 0)
        with if_((arguments.flags & CloneFlag.PIDFD) == 0):
            ret(0)
        number = keep(self.numbers.reserve(OpenFlag.CLOSE_ON_EXEC))
        with if_(number < 0):
            ret(number)
        mov(opened.number, number)
        failed = self.copy.copy_out_word(
            cast(scratch(arguments.pidfd), User[U8]), u32(opened.number)
        )
        with if_(failed != 0):
            tail(self.numbers.release, number, failed)
        file = self.files.create(process, 0)
        with if_(file == 0):
            tail(self.numbers.release, number, -Errno.ENOMEM)
        mov(opened.file, file)
        ret(0)

    @function(context="thread", sleeps=True)
    def close(self, opened: Keep[Ptr[OpenedProcess]]) -> None:
        """Undo `open`."""
        file = keep(opened.file)
        with if_(file != 0):
            ignore(self.numbers.release(opened.number, 0), "it is the second argument")
            self.open_files.drop(file)

    @function(context="thread", sleeps=True)
    def enter(self, opened: Ptr[OpenedProcess]) -> None:
        """Have the number that was reserved be that of the file, if one is wanted."""
        opened = scratch(opened)
        file = scratch(opened.file)
        with if_(file != 0):
            ignore(self.numbers.enter(opened.number, file), "it is stored already")
