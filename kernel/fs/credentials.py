"""Who acts: Linux's `struct cred`."""

from __future__ import annotations

from enum import IntEnum

from kernel.structures.refcount import ReferenceCount
from pykasm import *


class CapabilityBit(IntEnum):
    """Rights that root has and that can be given singly: bit numbers in sets
    (include/uapi/linux/capability.h)."""

    CHOWN = 0
    DAC_OVERRIDE = 1
    DAC_READ_SEARCH = 2
    FOWNER = 3
    FSETID = 4
    KILL = 5
    SYS_CHROOT = 18
    SYS_ADMIN = 21
    SYS_RESOURCE = 24
    MKNOD = 27


ALL_CAPABILITIES = (1 << 41) - 1
"""Up to CAP_CHECKPOINT_RESTORE, the last one that Linux 6.1 knows."""


class GroupList(Struct):
    """The supplementary groups of a process, in ascending order; shared, and never changed."""

    references: ReferenceCount = field(freed_by="CredentialStore._free_groups")
    count: U32
    groups: Array[U32]


class Credentials(Struct):
    """The rights of threads and of open files. Shared, and so never changed: who is to have others
    gets a copy."""

    references: ReferenceCount = field(freed_by="CredentialStore.free")
    user: U32
    group: U32
    saved_user: U32
    saved_group: U32
    effective_user: U32
    effective_group: U32
    fs_user: U32
    """For access to files; as the effective one, but where `setfsuid` has set it."""
    fs_group: U32
    inheritable: U64
    permitted: U64
    effective: U64
    """The capabilities that count."""
    bounding: U64
    ambient: U64
    groups: OrNull[Owned[Ptr[GroupList]]]
