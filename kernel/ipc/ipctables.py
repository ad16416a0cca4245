"""Finding objects by ids and keys, and who may use them."""

from __future__ import annotations

from typing import Any

from kernel.clock.units import NSEC_PER_SEC
from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit, Credentials
from kernel.fs.permissions import Permissions
from kernel.ipc.ipcobject import PERMISSIONS, PRIVATE_KEY, IpcAccess, IpcFlag, IpcObject
from kernel.ipc.ipcpermission import IpcPermission
from kernel.ipc.ipctable import IpcTable
from kernel.structures.tree import Trees
from kernel.time.wallclock import WallClock
from pykasm import *

INDEX_BITS = 15
"""Bits of an id that are the index (ipc/util.h, IPCMNI_SHIFT); the rest is the sequence number, so
that who has an old id does not find a new object."""

INDEX_MASK = (1 << INDEX_BITS) - 1

MOST_SEQUENCE = (1 << 31 - INDEX_BITS) - 1
"""The largest sequence number: ids have no sign."""

NO_USER = (1 << 32) - 1
"""No number of a user or a group."""

CLASS_SHIFT = 3
"""Bits of a mode from the rights of others to those of the group, and from these to the owner's."""

OTHERS = 0o7
"""The rights of others in a mode."""


class IpcTables(Subsystem):
    """Operations on `IpcTable`, the same for all kinds. Context: thread, with the table's lock."""

    def __init__(self, trees: Trees, permissions: Permissions, wall: WallClock) -> None:
        self.trees = trees
        self.permissions = permissions
        self.wall = wall

    @function
    def seconds(self) -> U64:
        """Return the seconds since 1970."""
        mov(rax, self.wall.now())
        xor(edx, edx)
        mov(ecx, NSEC_PER_SEC)
        div(rcx)
        ret(rax)

    # Entering

    @function(holds="table.lock")
    def enter(
        self, table: Keep[Ptr[IpcTable]], object: Keep[Ptr[IpcObject]], key: Keep[U32]
    ) -> OrErrno[I64]:
        """Enter `object`, whose mode is set, as that of `key`. Returns its id; -ENOSPC if there are
        as many as there may be."""
        mov(eax, table.count)
        fail_if(eax >= table.most, Errno.ENOSPC)
        mov(object.key, key)
        self._give_id(table, object)
        self.trees.insert(address_of(table.objects), address_of(object.node))
        # Those without a key are found by their ids alone
        with if_(key != PRIVATE_KEY):
            mov(eax, key)
            mov(object.by_key.key, rax)
            self.trees.insert(address_of(table.keys), address_of(object.by_key))
        inc(table.count)
        mov(object.changed, self.seconds())
        mov(eax, object.id)
        ret(rax)

    @function(holds="table.lock")
    def _give_id(self, table: Keep[Ptr[IpcTable]], object: Keep[Ptr[IpcObject]]) -> None:
        """Give `object` the lowest free index, and a sequence number that it did not have with the
        object before."""
        index = scratch(self._free_index(table))
        # An index that was given before: who still has the old id must not find the new object
        with if_(index < table.next):
            inc(table.sequence)
            with if_(table.sequence > MOST_SEQUENCE):
                mov(table.sequence, 0)
        lea(eax, bare[u64(index) + 1])
        mov(table.next, eax)
        mov(table.lowest_free, eax)
        mov(eax, index)
        mov(object.node.key, rax)
        mov(ecx, table.sequence)
        mov(object.sequence, ecx)
        # An old id has another sequence number, and leads to nothing
        shl(ecx, INDEX_BITS)
        or_(eax, ecx)
        mov(object.id, eax)

    @function(holds="table.lock")
    def _free_index(self, table: Ptr[IpcTable]) -> U32:
        """Return the lowest index that no object has."""
        index = keep(U64)
        mov(u32(index), table.lowest_free)
        node = scratch(self.trees.at_least(address_of(table.objects), index))
        with while_((node != 0) & (node.key == index)):
            inc(index)
            mov(node, self.trees.next(node))
        ret(u32(index))

    @function
    def set_owner(self, object: Ptr[IpcObject], flags: U32, credentials: Ptr[Credentials]) -> None:
        """Make who has `credentials` the owner and creator of `object`, with the permissions in
        `flags`."""
        and_(flags, PERMISSIONS)
        mov(object.mode, flags)
        mov(eax, credentials.effective_user)
        mov(object.user, eax)
        mov(object.creator_user, eax)
        mov(eax, credentials.effective_group)
        mov(object.group, eax)
        mov(object.creator_group, eax)

    # Finding

    @function(holds="table.lock")
    def find(self, table: Ptr[IpcTable], id: Keep[U32]) -> OrNull[Ptr[IpcObject]]:
        """Return the object with this id, or null."""
        index = scratch(id)
        and_(index, INDEX_MASK)
        object = scratch(try_(self.find_index(table, index)))
        # The index has another object by now
        fail_if(object.id != id)
        ret(object)

    @function(holds="table.lock")
    def find_index(self, table: Ptr[IpcTable], index: Keep[U32]) -> OrNull[Ptr[IpcObject]]:
        """Return the object with this index, or null."""
        mov(eax, index)
        node = scratch(self.trees.at_least(address_of(table.objects), rax))
        # The call has changed the register
        mov(eax, index)
        fail_if((node == 0) | (node.key != rax))
        ret(container_of(node, IpcObject, "node"))

    @function(holds="table.lock")
    def find_key(self, table: Ptr[IpcTable], key: Keep[U32]) -> OrNull[Ptr[IpcObject]]:
        """Return the object that `key` leads to, or null."""
        # Each call with it makes an object of its own
        fail_if(key == PRIVATE_KEY)
        mov(eax, key)
        node = scratch(self.trees.at_least(address_of(table.keys), rax))
        mov(eax, key)
        fail_if((node == 0) | (node.key != rax))
        ret(container_of(node, IpcObject, "by_key"))

    @function(holds="table.lock")
    def next(self, table: Ptr[IpcTable], index: U64) -> OrNull[Ptr[IpcObject]]:
        """Return the first object from `index` on, or null."""
        node = scratch(try_(self.trees.at_least(address_of(table.objects), index)))
        ret(container_of(node, IpcObject, "node"))

    @function(holds="table.lock")
    def last_index(self, table: Ptr[IpcTable]) -> I64:
        """Return the highest index of an object; 0 if there is none, as Linux does."""
        node = scratch(self.trees.at_most(address_of(table.objects), INDEX_MASK))
        with if_(node == 0):
            ret(0)
        ret(i64(node.key))

    @function
    def check_found(
        self, object: Ptr[IpcObject], flags: U32, credentials: Ptr[Credentials]
    ) -> OrErrno[I64]:
        """Decide whether who asks for a key with `flags` gets `object`, which there is already.
        Returns its id, -EEXIST or -EACCES."""
        object, new = keep(object), scratch(flags)
        and_(new, IpcFlag.CREATE | IpcFlag.EXCLUSIVE)
        fail_if(new == int(IpcFlag.CREATE | IpcFlag.EXCLUSIVE), Errno.EEXIST)
        try_(self.check(object, flags, credentials))
        mov(eax, object.id)
        ret(rax)

    @inline(changes=("found", *CALLER_SAVED))
    def find_for_status(
        self,
        found: OrNull[Ptr[IpcObject]],
        table: IpcTable,
        command: U32,
        statuses: Any,
        number: U32,
        credentials: Ptr[Credentials],
    ) -> None:
        """Set `found` to the object whose status `command` asks for, one of the enumeration
        `statuses`: by an index STATUS_BY_INDEX and STATUS_OF_ANY, of which the latter asks for no
        right; else by an id. Leave with -EINVAL or -EACCES."""
        with if_((command == statuses.STATUS_BY_INDEX) | (command == statuses.STATUS_OF_ANY)):
            mov(found, self.find_index(address_of(table), number))
        with else_():
            mov(found, self.find(address_of(table), number))
        fail_if(found == 0, Errno.EINVAL)
        # As what /proc/sysvipc shows anyone
        with if_(command != statuses.STATUS_OF_ANY):
            try_(self.check(found, IpcAccess.READ, credentials))

    # Leaving

    @function(holds="table.lock")
    def remove(self, table: Keep[Ptr[IpcTable]], object: Keep[Ptr[IpcObject]]) -> None:
        """Take `object` out of the table. Its index may be given to another one."""
        self.hide(table, object)
        self.trees.remove(address_of(table.objects), address_of(object.node))
        dec(table.count)
        mov(eax, u32(object.node.key))
        with if_(eax < table.lowest_free):
            mov(table.lowest_free, eax)

    @function(holds="table.lock")
    def hide(self, table: Ptr[IpcTable], object: Keep[Ptr[IpcObject]]) -> None:
        """Have no key lead to `object` any more."""
        with if_(object.key != PRIVATE_KEY):
            # Marked, as a segment is hidden first, and removed when nobody has it attached
            mov(object.key, PRIVATE_KEY)
            self.trees.remove(address_of(table.keys), address_of(object.by_key))

    # Permissions

    @function
    def check(
        self, object: Keep[Ptr[IpcObject]], wanted: Keep[U32], credentials: Keep[Ptr[Credentials]]
    ) -> OrErrno[I64]:
        """Decide whether who has `credentials` may do what is `wanted`, in any place of a mode.
        Returns 0 or -EACCES."""
        granted = keep(object.mode)
        with if_(self._is_owner(object, credentials)):
            # One class alone counts: an owner without a right does not get it as one of the group
            shr(granted, 2 * CLASS_SHIFT)
        with elif_(lambda: self._is_in_group(object, credentials)):
            shr(granted, CLASS_SHIFT)
        mov(eax, wanted)
        for _ in range(2):
            shr(wanted, CLASS_SHIFT)
            # What is wanted may stand in any class's place, as in the flags of `msgget`
            or_(eax, wanted)
        not_(granted)
        and_(eax, granted)
        with if_((eax & OTHERS) == 0):
            ret(0)
        with if_(credentials.effective & (1 << CapabilityBit.IPC_OWNER)):
            ret(0)
        ret(-Errno.EACCES)

    @inline(changes=rax)
    def _is_owner(self, object: Ptr[IpcObject], credentials: Ptr[Credentials]) -> Condition:
        """Return whether the user of `credentials` owns `object`, or has made it."""
        mov(eax, credentials.effective_user)
        return (eax == object.creator_user) | (eax == object.user)

    @function
    def _is_in_group(
        self, object: Keep[Ptr[IpcObject]], credentials: Keep[Ptr[Credentials]]
    ) -> Bool:
        """Return whether `credentials` have the group of `object`, or that of who has made it."""
        # Both groups, as `_is_owner` takes both users
        with if_(self.permissions.is_member(credentials, object.creator_group)):
            ret(True)
        ret(self.permissions.is_member(credentials, object.group))

    @function
    def check_owner(self, object: Ptr[IpcObject], credentials: Ptr[Credentials]) -> OrErrno[I64]:
        """Return 0 if who has `credentials` may change or remove `object`, else -EPERM."""
        with if_(self._is_owner(object, credentials)):
            ret(0)
        with if_(credentials.effective & (1 << CapabilityBit.SYS_ADMIN)):
            ret(0)
        ret(-Errno.EPERM)

    @function
    def change(self, object: Keep[Ptr[IpcObject]], wanted: Ptr[IpcPermission]) -> OrErrno[I64]:
        """Give `object` another owner and other permissions. Returns 0 or -EINVAL."""
        fail_if((wanted.user == NO_USER) | (wanted.group == NO_USER), Errno.EINVAL)
        copy_fields(object, wanted, "user", "group")
        mov(eax, wanted.mode)
        and_(eax, PERMISSIONS)
        and_(object.mode, ~PERMISSIONS & 0xFFFF_FFFF)
        or_(object.mode, eax)
        mov(object.changed, self.seconds())
        ret(0)

    @function
    def describe(self, object: Ptr[IpcObject], target: Ptr[IpcPermission]) -> None:
        """Fill in what programs are told of `object` at `target`, which is full of zeros."""
        copy_fields(target, object, "key", "user", "group", "creator_user", "creator_group", "mode")
        mov(eax, object.sequence)
        mov(target.sequence, ax)
