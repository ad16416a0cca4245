"""System calls about the name of the machine, and of what runs on it."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit
from kernel.process.personalitycalls import LINUX_32
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.sync.mutex import Mutex, Mutexes
from kernel.vm.usercopy import UserCopy
from pykasm import *

FIELD_SIZE = 65
"""Bytes of each text, with its end (include/uapi/linux/utsname.h: __NEW_UTS_LEN and one more)."""


class SystemNames(Struct):
    """Linux's `struct new_utsname`."""

    system: Array[U8] = field(count=FIELD_SIZE)
    node: Array[U8] = field(count=FIELD_SIZE)
    release: Array[U8] = field(count=FIELD_SIZE)
    version: Array[U8] = field(count=FIELD_SIZE)
    machine: Array[U8] = field(count=FIELD_SIZE)
    domain: Array[U8] = field(count=FIELD_SIZE)


NAMES = ("Linux", "(none)", "6.1.0-pykasm", "#1 SMP", "x86_64", "(none)")
"""What they are at first: programs take this kernel for a Linux of this release."""

MACHINE_32 = b"i686\0"
"""The machine that programs of the personality LINUX_32 see."""


class SystemNameCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(self, processes: Processes, mutexes: Mutexes, copy: UserCopy) -> None:
        self.processes = processes
        self.mutexes = mutexes
        self.copy = copy
        self.lock = bss(Mutex)
        texts = b"".join(name.encode().ljust(FIELD_SIZE, b"\0") for name in NAMES)
        self.names = data(U8 * len(texts), texts)
        self.machine_32 = data(U8 * len(MACHINE_32), MACHINE_32)

    @function(context="thread", sleeps=True)
    def uname(self, target: Keep[User[U8]]) -> OrErrno[I64]:
        """Store all names at `target`, for the personality LINUX_32 with another machine."""
        result = keep(I64)
        with self.mutexes.held(self.lock):
            failed, left = self.copy.copy_out(target, address_of(self.names), sizeof(SystemNames))
            ignore(left)
            movsxd(result, failed)
        task = self.processes.current()
        with if_((u8(task.personality) == LINUX_32) & (result == 0)):
            add(target, offsetof(SystemNames, "machine"))
            failed, left = self.copy.copy_out(target, address_of(self.machine_32), len(MACHINE_32))
            ignore(left)
            movsxd(result, failed)
        ret(result)

    @function(context="thread", sleeps=True)
    def sethostname(self, source: User[U8], length: I64) -> OrErrno[I64]:
        """Set the name of the machine to the `length` bytes at `source`."""
        tail(self._set, offsetof(SystemNames, "node"), source, length)

    @function(context="thread", sleeps=True)
    def setdomainname(self, source: User[U8], length: I64) -> OrErrno[I64]:
        """Set the name of the domain to the `length` bytes at `source`."""
        tail(self._set, offsetof(SystemNames, "domain"), source, length)

    @function(context="thread", sleeps=True)
    def _set(
        self, place: Keep[U64], source: Fetched[User[U8]], length: Keep[Untrusted[I64]]
    ) -> OrErrno[I64]:
        """Set the name at `place` in the names."""
        name = local(U8 * FIELD_SIZE)
        credentials = scratch(self.processes.current().credentials)
        fail_if((credentials.effective & (1 << CapabilityBit.SYS_ADMIN)) == 0, Errno.EPERM)
        fail_if(u32(length) >= FIELD_SIZE, Errno.EINVAL)
        mov(u32(length), u32(length))
        result, left = self.copy.copy_in(address_of(name), source, u64(length))
        ignore(left)
        with if_(result != 0):
            movsxd(rax, result)
            ret(rax)
        self.set_name(place, address_of(name), u64(length))
        ret(0)

    @function(context="thread", sleeps=True)
    def set_name(self, place: Keep[U64], name: Keep[Ptr[U8]], length: Keep[U64]) -> None:
        """Set the name at `place` in the names to the `length` bytes at `name`, at most
        FIELD_SIZE - 1."""
        with self.mutexes.held(self.lock):
            lea(rdi, self.names)
            add(rdi, place)
            mov(rsi, name)
            mov(rcx, length)
            rep.movsb()
            xor(eax, eax)
            mov(ecx, FIELD_SIZE)
            sub(rcx, length)
            rep.stosb()
