"""Who may do what with a file."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit, Credentials
from kernel.fs.inode import Inode
from kernel.fs.mode import GROUP_EXECUTE, TYPE_MASK, Access, FileType, ModeBit
from pykasm import *

CLASS_SHIFT = 3
"""Bits of a mode from the rights of others to those of the group, and from these to the owner's."""

ANY_EXECUTE = 0o111


class Permissions(Subsystem):
    """The one place where access to files is decided. Context: any."""

    @function
    def check(
        self, inode: Keep[Ptr[Inode]], wanted: Keep[U32], credentials: Keep[Ptr[Credentials]]
    ) -> OrErrno[I32]:
        """Decide whether who has `credentials` may do what is `wanted`, an `Access`, with `inode`.
        Returns 0 or -EACCES."""
        rights = self._rights(inode, credentials)
        not_(rights)
        with if_((rights & wanted) == 0):
            ret(0)
        tail(self._check_capable, inode, wanted, credentials)

    @function
    def _rights(self, inode: Keep[Ptr[Inode]], credentials: Keep[Ptr[Credentials]]) -> U32:
        """Return what the mode of `inode` allows, an `Access` in the low bits."""
        rights = keep(inode.mode)
        mov(eax, credentials.fs_user)
        with if_(eax == inode.user):
            shr(rights, 2 * CLASS_SHIFT)
        with elif_(lambda: self.is_member(credentials, inode.group)):
            shr(rights, CLASS_SHIFT)
        ret(rights)

    @function
    def is_member(self, credentials: Ptr[Credentials], group: U32) -> Bool:
        """Return whether `group` is the one of `credentials`, or among the further ones."""
        with if_(group == credentials.fs_group):
            ret(True)
        list = scratch(credentials.groups)
        with if_(list == 0):
            ret(False)
        mov(ecx, list.count)
        with while_(ecx != 0):
            dec(ecx)
            with if_(list.groups[rcx] == group):
                ret(True)
        ret(False)

    @function
    def _check_capable(
        self, inode: Ptr[Inode], wanted: U32, credentials: Ptr[Credentials]
    ) -> OrErrno[I32]:
        """Decide what the mode forbids by capabilities. Who may override all may not execute what
        nobody may (capabilities(7))."""
        mov(eax, inode.mode)
        mov(ecx, eax)
        and_(ecx, TYPE_MASK)
        capabilities = scratch(credentials.effective)
        with (
            if_(capabilities & (1 << CapabilityBit.DAC_OVERRIDE)),
            if_(
                ((wanted & Access.EXECUTE) == 0) | (ecx == FileType.DIRECTORY) | (eax & ANY_EXECUTE)
            ),
        ):
            ret(0)
        with if_(
            (capabilities & (1 << CapabilityBit.DAC_READ_SEARCH))
            & ((wanted & Access.WRITE) == 0)
            & ((wanted == Access.READ) | (ecx == FileType.DIRECTORY))
        ):
            ret(0)
        ret(-Errno.EACCES)

    @inline
    def is_owner(self, inode: Ptr[Inode], credentials: Ptr[Credentials]) -> Condition:
        """Return whether who has `credentials` may do what the owner of `inode` may."""
        user = scratch(credentials.fs_user)
        release(user)
        return (user == inode.user) | (credentials.effective & (1 << CapabilityBit.FOWNER))

    @function(holds="inode.lock")
    def drop_set_ids(self, inode: Ptr[Inode], credentials: Ptr[Credentials]) -> None:
        """Take the bits from a regular `inode` by which programs run as other users: who has
        `credentials` changes what it contains, and may not decide for these. The bit of a group
        that can't execute it means something else, and stays with its members."""
        mov(eax, inode.mode)
        and_(eax, TYPE_MASK)
        with if_((eax != FileType.REGULAR) | (credentials.effective & (1 << CapabilityBit.FSETID))):
            ret()
        and_(inode.mode, ~int(ModeBit.SET_USER))
        with if_(inode.mode & ModeBit.SET_GROUP):
            tail(self.drop_set_group, inode, credentials)

    @function
    def drop_set_group(self, inode: Keep[Ptr[Inode]], credentials: Ptr[Credentials]) -> None:
        """Take the bit of the group from `inode`, unless that can't execute it, and who has
        `credentials` is a member or may keep such bits."""
        with if_((inode.mode & GROUP_EXECUTE) == 0):
            with if_(credentials.effective & (1 << CapabilityBit.FSETID)):
                ret()
            with if_(self.is_member(credentials, inode.group)):
                ret()
        and_(inode.mode, ~int(ModeBit.SET_GROUP))
