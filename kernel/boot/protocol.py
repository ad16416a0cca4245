"""The ways in which a boot loader can start the kernel."""

from enum import IntEnum


class Protocol(IntEnum):
    """Who started the kernel, and so what kind of information it left."""

    MULTIBOOT2 = 0
    PVH = 1
