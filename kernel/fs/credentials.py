"""Who acts: Linux's `struct cred`."""

from __future__ import annotations

from enum import IntEnum, IntFlag

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
    SETGID = 6
    SETUID = 7
    SETPCAP = 8
    LINUX_IMMUTABLE = 9
    IPC_LOCK = 14
    IPC_OWNER = 15
    SYS_RAWIO = 17
    SYS_CHROOT = 18
    SYS_PTRACE = 19
    SYS_ADMIN = 21
    SYS_BOOT = 22
    SYS_NICE = 23
    SYS_RESOURCE = 24
    SYS_TIME = 25
    SYS_TTY_CONFIG = 26
    MKNOD = 27
    MAC_OVERRIDE = 32
    SYSLOG = 34
    WAKE_ALARM = 35


ALL_CAPABILITIES = (1 << 41) - 1
"""Up to CAP_CHECKPOINT_RESTORE, the last one that Linux 6.1 knows."""


class SecureBit(IntFlag):
    """What is not special about user 0 (capabilities(7); include/uapi/linux/securebits.h). Each is
    followed by a bit that locks it."""

    NOROOT = 1 << 0
    """Programs that it runs get no capabilities for that."""
    NOROOT_LOCKED = 1 << 1
    NO_SETUID_FIXUP = 1 << 2
    """Capabilities don't follow changes of the user."""
    NO_SETUID_FIXUP_LOCKED = 1 << 3
    KEEP_CAPS = 1 << 4
    """Permitted capabilities stay when all users become others than 0; until `execve`."""
    KEEP_CAPS_LOCKED = 1 << 5
    NO_CAP_AMBIENT_RAISE = 1 << 6
    """Capabilities don't become ambient."""
    NO_CAP_AMBIENT_RAISE_LOCKED = 1 << 7


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
    """What programs keep that are run without a change of the user."""
    secure_bits: U32 = field(SecureBit)
    groups: OrNull[Owned[Ptr[GroupList]]]
