"""A program that is to be loaded."""

from __future__ import annotations

from kernel.exec.argumentlist import ArgumentList
from kernel.fs.file import File
from kernel.fs.subject import Subject
from kernel.vm.addressspace import AddressSpace
from pykasm import *


class LoadRequest(Struct):
    """What is to be loaded, and where it starts then (Linux: `linux_binprm`)."""

    file: Owned[Ptr[File]]
    list: Owned[Ptr[ArgumentList]]
    name: Ptr[U8]
    """That of `file`, as it was given."""
    first_name: Ptr[U8]
    """That of the script, if `file` is the program which it names, else the same."""
    subject: Ptr[Subject]
    """Who opens what else there is to open."""
    space: Ptr[AddressSpace]
    """Where it is loaded; the thread is in it."""
    rip: U64
    rsp: U64
    """With what it starts."""
