"""What programs are told of an object, and say of it."""

from __future__ import annotations

from pykasm import *


class IpcPermission(Struct):
    """`struct ipc64_perm` (include/uapi/asm-generic/ipcbuf.h)."""

    key: U32
    user: U32
    group: U32
    creator_user: U32
    creator_group: U32
    mode: U32
    sequence: U16
    _unused: Array[U8] = field(count=22)
