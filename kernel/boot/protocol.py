"""Boot protocols."""

from enum import IntEnum


class Protocol(IntEnum):
    """The protocol by which the kernel was started, and so the form of the boot information."""

    MULTIBOOT2 = 0
    PVH = 1
