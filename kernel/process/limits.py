"""Limits of what processes use (setrlimit(2))."""

from __future__ import annotations

from enum import IntEnum

from pykasm import *

INFINITY = (1 << 64) - 1
"""No limit (include/uapi/asm-generic/resource.h: RLIM_INFINITY)."""


class Resource(IntEnum):
    """What is limited (include/uapi/asm-generic/resource.h: RLIMIT_CPU and so on)."""

    CPU = 0
    FSIZE = 1
    DATA = 2
    STACK = 3
    CORE = 4
    RSS = 5
    NPROC = 6
    NOFILE = 7
    MEMLOCK = 8
    AS = 9
    LOCKS = 10
    SIGPENDING = 11
    MSGQUEUE = 12
    NICE = 13
    RTPRIO = 14
    RTTIME = 15


RESOURCES = len(Resource)


class ResourceLimit(Struct):
    """Linux's `struct rlimit64`."""

    soft: U64
    """What counts. The process may change it up to the hard one."""
    hard: U64
    """What it may only lower."""


FIRST_LIMITS = {
    Resource.STACK: (8 << 20, INFINITY),
    Resource.CORE: (0, INFINITY),
    Resource.NOFILE: (1024, 4096),
    Resource.MEMLOCK: (8 << 20, 8 << 20),
    Resource.SIGPENDING: (1024, 1024),
    Resource.MSGQUEUE: (819200, 819200),
    Resource.NICE: (0, 0),
    Resource.RTPRIO: (0, 0),
}
"""Those of the first process; others are infinite (Linux: INIT_RLIMITS)."""
