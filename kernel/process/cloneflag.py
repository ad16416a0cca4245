"""What a new thread or process shares with the one that makes it."""

from __future__ import annotations

from enum import IntFlag

from pykasm import *


class CloneFlag(IntFlag):
    """Flags of `clone` and `clone3` (include/uapi/linux/sched.h)."""

    VM = 1 << 8
    """The memory."""
    FS = 1 << 9
    """Root, current directory and umask."""
    FILES = 1 << 10
    """The table of open files."""
    SIGHAND = 1 << 11
    """What signals do."""
    PIDFD = 1 << 12
    PTRACE = 1 << 13
    VFORK = 1 << 14
    """The maker waits until the child has left its memory."""
    PARENT = 1 << 15
    """The child's parent is that of its maker."""
    THREAD = 1 << 16
    """It is a thread of the same process."""
    NEWNS = 1 << 17
    SYSVSEM = 1 << 18
    SETTLS = 1 << 19
    PARENT_SETTID = 1 << 20
    CHILD_CLEARTID = 1 << 21
    DETACHED = 1 << 22
    UNTRACED = 1 << 23
    CHILD_SETTID = 1 << 24
    NEWCGROUP = 1 << 25
    NEWUTS = 1 << 26
    NEWIPC = 1 << 27
    NEWUSER = 1 << 28
    NEWPID = 1 << 29
    NEWNET = 1 << 30
    IO = 1 << 31
    CLEAR_SIGHAND = 1 << 32
    """All signals that have handlers do what they did at first."""
    INTO_CGROUP = 1 << 33


EXIT_SIGNAL_MASK = 0xFF
"""The bits of the flags of `clone` that are a signal's number (CSIGNAL)."""

OTHER_NAMESPACES = (
    CloneFlag.NEWCGROUP
    | CloneFlag.NEWUTS
    | CloneFlag.NEWIPC
    | CloneFlag.NEWUSER
    | CloneFlag.NEWPID
    | CloneFlag.NEWNET
)
"""Those that ask for namespaces of its own of which there is one for all."""


class CloneArguments(Struct):
    """What `clone3` takes: `struct clone_args`."""

    flags: Untrusted[U64]
    pidfd: User[U32]
    child_tid: User[U32]
    parent_tid: User[U32]
    exit_signal: Untrusted[U64]
    stack: Untrusted[U64]
    stack_size: Untrusted[U64]
    tls: Untrusted[U64]
    set_tid: User[U32]
    set_tid_size: Untrusted[U64]
    cgroup: U64


FIRST_SIZE = 64
"""Bytes of its first version (CLONE_ARGS_SIZE_VER0)."""
