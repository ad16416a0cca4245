"""The files that processes run."""

from __future__ import annotations

from kernel.fs.file import File
from kernel.fs.files import Files
from kernel.process.process import Process
from pykasm import *


class ProcessPrograms(Subsystem):
    """Keeps the file of each process's program open as long as it runs. Context: thread."""

    def __init__(self, files: Files) -> None:
        self.files = files

    @function(context="thread", sleeps=True)
    def set(self, process: Ptr[Process], file: Ptr[File]) -> None:
        """Note that `process` runs what is in `file`."""
        process, file = scratch(process), scratch(file)
        file.references.gain()
        disown(file, "the process has it")
        with process.lock.held():
            xchg(process.program, file)
        with if_(file != 0):
            tail(self.files.drop, file)

    @function(context="thread", sleeps=True)
    def inherit(self, process: Keep[Ptr[Process]], maker: Keep[Ptr[Process]]) -> None:
        """Note that `process`, a new one, runs what its `maker` does."""
        file = keep(self.get(maker))
        with if_(file != 0):
            self.set(process, file)
            self.files.drop(file)

    @function
    def get(self, process: Ptr[Process]) -> Owned[OrNull[Ptr[File]]]:
        """Return a reference to the file that `process` runs; null once it has ended."""
        process, file = scratch(process), scratch(Ptr[File])
        with process.lock.held():
            mov(file, process.program)
            with if_(file != 0):
                file.references.gain()
        ret(file)

    @function(context="thread", sleeps=True)
    def end(self, process: Ptr[Process]) -> None:
        """Note that `process` runs nothing any more."""
        process, file = scratch(process), scratch(OrNull[Ptr[File]])
        xor(u32(file), u32(file))
        with process.lock.held():
            xchg(process.program, file)
        with if_(file != 0):
            tail(self.files.drop, file)
