"""System calls about the supplementary groups of a process."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit, GroupList
from kernel.fs.credentialstore import CredentialStore
from kernel.process.credentialchanges import CredentialChanges
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.vm.usercopy import UserCopy
from pykasm import *

MOST_GROUPS = 65536
"""How many a process may have (include/uapi/linux/limits.h: NGROUPS_MAX)."""


class GroupListCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        changes: CredentialChanges,
        store: CredentialStore,
        copy: UserCopy,
    ) -> None:
        self.processes = processes
        self.changes = changes
        self.store = store
        self.copy = copy

    @function(context="thread", sleeps=True)
    def getgroups(self, room: I32, target: User[U8]) -> OrErrno[I64]:
        """Store the groups at `target`, which has room for so many; 0 to store none. Return how
        many there are."""
        count = keep(U64)
        credentials = scratch(self.processes.current().credentials)
        list = scratch(credentials.groups)
        xor(u32(count), u32(count))
        with if_(list != 0):
            mov(u32(count), list.count)
        with if_((room == 0) | (count == 0)):
            fail_if(room < 0, Errno.EINVAL)
            ret(count)
        fail_if(i32(count) > room, Errno.EINVAL)
        mov(rax, count)
        shl(rax, 2)
        result, left = self.copy.copy_out(target, address_of(list.groups[0]), rax)
        ignore(left)
        with if_(result != 0):
            movsxd(rax, result)
            ret(rax)
        ret(count)

    @function(context="thread", sleeps=True)
    def setgroups(self, count: Keep[Untrusted[U32]], source: Keep[User[U8]]) -> OrErrno[I64]:
        """Set the groups to the `count` ones at `source`."""
        credentials = scratch(self.processes.current().credentials)
        fail_if((credentials.effective & (1 << CapabilityBit.SETGID)) == 0, Errno.EPERM)
        release(credentials)
        fail_if(count > MOST_GROUPS, Errno.EINVAL)
        list = keep(try_(self.store.make_groups(count), Errno.ENOMEM))
        errdefer(self.store.drop_groups, list)
        try_(self._fetch(list, source))
        self.store.sort_groups(list)
        new = keep(try_(self.changes.copy(), Errno.ENOMEM))
        xchg(new.groups, list)
        with if_(list != 0):
            self.store.drop_groups(list)
        self.changes.commit(new)
        ret(0)

    @function(context="thread", sleeps=True)
    def _fetch(self, list: Ptr[GroupList], source: Fetched[User[U8]]) -> OrErrno[I64]:
        """Fill `list` in with what is at `source`. Returns 0 or an error."""
        mov(eax, list.count)
        shl(rax, 2)
        result, left = self.copy.copy_in(address_of(list.groups[0]), source, rax)
        ignore(left)
        movsxd(rax, result)
        ret(rax)
