"""How files are opened."""

from __future__ import annotations

from enum import IntFlag


class OpenFlag(IntFlag):
    """Flags of `open`, by the numbers of Linux (include/uapi/asm-generic/fcntl.h). Without the
    first two a file is open for reading."""

    WRITE_ONLY = 0o1
    READ_WRITE = 0o2
    EXECUTE = 0o40
    """To be run as a program: for the kernel's own use (Linux: __FMODE_EXEC)."""
    UNNAMED = 0o20
    """An empty name is where the walk starts (AT_EMPTY_PATH): for the kernel's own use, too."""
    CREATE = 0o100
    EXCLUSIVE = 0o200
    NO_TERMINAL = 0o400
    TRUNCATE = 0o1000
    APPEND = 0o2000
    NONBLOCK = 0o4000
    DATA_SYNC = 0o1_0000
    ASYNC = 0o2_0000
    DIRECT = 0o4_0000
    LARGE_FILE = 0o10_0000
    DIRECTORY = 0o20_0000
    NO_FOLLOW = 0o40_0000
    NO_ACCESS_TIME = 0o100_0000
    CLOSE_ON_EXEC = 0o200_0000
    SYNC = 0o401_0000
    PATH = 0o1000_0000
    TEMPORARY = 0o2000_0000
    """Make a file without a name in a directory (O_TMPFILE, but for O_DIRECTORY in it)."""


ACCESS_MODE = 0o3
SETTABLE = (
    OpenFlag.APPEND | OpenFlag.NONBLOCK | OpenFlag.ASYNC | OpenFlag.DIRECT | OpenFlag.NO_ACCESS_TIME
)
"""What `fcntl` can change."""

OF_OPENING = (OpenFlag.CREATE | OpenFlag.EXCLUSIVE | OpenFlag.NO_TERMINAL | OpenFlag.TRUNCATE) | (
    OpenFlag.CLOSE_ON_EXEC | OpenFlag.UNNAMED
)
"""What matters while a file is opened, and is forgotten then."""

OF_PLACES = OpenFlag.PATH | OpenFlag.DIRECTORY | OpenFlag.NO_FOLLOW | OpenFlag.CLOSE_ON_EXEC
"""What means something with PATH; `open` takes no notice of others then."""

OF_KERNEL = OpenFlag.EXECUTE | OpenFlag.UNNAMED
"""What programs can't ask for: these bits of theirs mean nothing."""
