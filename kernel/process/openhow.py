"""How files are opened, as `openat2` has it."""

from __future__ import annotations

from enum import IntFlag

from kernel.errno import Errno
from kernel.fs.mode import ALL_ACCESS, ModeBit
from kernel.fs.openflag import ACCESS_MODE, OpenFlag
from pykasm import *


class Resolve(IntFlag):
    """How names may be gone along (include/uapi/linux/openat2.h)."""

    NO_CROSSING = 1 << 0
    NO_MAGIC = 1 << 1
    NO_SYMLINKS = 1 << 2
    BENEATH = 1 << 3
    IN_ROOT = 1 << 4
    CACHED = 1 << 5


class OpenHow(Struct):
    """Linux's `struct open_how`."""

    flags: Untrusted[U64]
    mode: Untrusted[U64]
    resolve: Untrusted[U64]


ALL_RESOLVE = (1 << 6) - 1

KNOWN = (
    ACCESS_MODE
    | OpenFlag.CREATE
    | OpenFlag.EXCLUSIVE
    | OpenFlag.NO_TERMINAL
    | OpenFlag.TRUNCATE
    | OpenFlag.APPEND
    | OpenFlag.NONBLOCK
    | OpenFlag.ASYNC
    | OpenFlag.DIRECT
    | OpenFlag.LARGE_FILE
    | OpenFlag.DIRECTORY
    | OpenFlag.NO_FOLLOW
    | OpenFlag.NO_ACCESS_TIME
    | OpenFlag.CLOSE_ON_EXEC
    | OpenFlag.SYNC
    | OpenFlag.DATA_SYNC
    | OpenFlag.PATH
    | OpenFlag.TEMPORARY
)
"""The flags that there are: unlike `open`, `openat2` takes no others."""

FOR_PLACES = OpenFlag.DIRECTORY | OpenFlag.NO_FOLLOW | OpenFlag.PATH | OpenFlag.CLOSE_ON_EXEC

MODE = int(ALL_ACCESS | ModeBit.STICKY | ModeBit.SET_USER | ModeBit.SET_GROUP)
"""What may be asked for of a new file."""

CREATING = OpenFlag.CREATE | OpenFlag.TEMPORARY


class OpenHows(Subsystem):
    """Looks whether what programs ask for goes together. Context: any."""

    @function
    def check(self, how: Ptr[OpenHow]) -> OrErrno[I64]:
        """Return 0; -EINVAL; or -EAGAIN for what can't be done by what is known alone."""
        flags, resolve, bad = scratch(how.flags), scratch(how.resolve), scratch(U64)
        mov(bad, ~int(KNOWN) & (1 << 64) - 1)
        fail_if(flags & bad, Errno.EINVAL)
        mov(bad, ~ALL_RESOLVE & (1 << 64) - 1)
        fail_if(resolve & bad, Errno.EINVAL)
        with if_(resolve & Resolve.BENEATH):
            fail_if(resolve & Resolve.IN_ROOT, Errno.EINVAL)
        xor(eax, eax)
        with if_(flags & int(CREATING)):
            mov(eax, MODE)
            with if_(flags & OpenFlag.CREATE):
                fail_if(flags & OpenFlag.DIRECTORY, Errno.EINVAL)
        not_(rax)
        fail_if(how.mode & rax, Errno.EINVAL)
        with if_(flags & OpenFlag.PATH):
            fail_if(flags & (int(KNOWN) & ~int(FOR_PLACES)), Errno.EINVAL)
        with if_(resolve & Resolve.CACHED):
            fail_if(flags & int(CREATING | OpenFlag.TRUNCATE), Errno.EAGAIN)
        ret(0)
