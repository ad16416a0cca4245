"""A program that is to be loaded."""

from __future__ import annotations

from enum import IntFlag

from kernel.exec.argumentlist import ArgumentList
from kernel.fs.credentials import Credentials
from kernel.fs.file import File
from kernel.fs.subject import Subject
from kernel.process.session import ControllingTerminal
from kernel.vm.addressspace import AddressSpace
from pykasm import *


class ExecutionRisk(IntFlag):
    """Why a program may gain no rights by being run."""

    NO_NEW_PRIVILEGES = 1 << 0
    """Who runs it has asked for that."""
    SHARED_DIRECTORIES = 1 << 1
    """Another process could change its root and current directory (clone(2), CLONE_FS)."""


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
    risks: U32 = field(ExecutionRisk)
    credentials: OrNull[Owned[Ptr[Credentials]]]
    """Those that the program runs with, as soon as they are known."""
    is_secure: U32
    """1 if it can do more by these than who runs it."""
    terminal: OrNull[Ptr[ControllingTerminal]]
    """That of the session which the process of a program begins that the kernel starts."""
    space: Ptr[AddressSpace]
    """Where it is loaded; the thread is in it."""
    vdso: U64
    """Where it finds `Vdso`."""
    rip: U64
    rsp: U64
    """With what it starts."""
