"""What becomes of capabilities when the user changes."""

from __future__ import annotations

from kernel.fs.credentials import CapabilityBit, Credentials, SecureBit
from pykasm import *

OF_FILES = sum(
    1 << bit
    for bit in (
        CapabilityBit.CHOWN,
        CapabilityBit.DAC_OVERRIDE,
        CapabilityBit.DAC_READ_SEARCH,
        CapabilityBit.FOWNER,
        CapabilityBit.FSETID,
        CapabilityBit.LINUX_IMMUTABLE,
        CapabilityBit.MKNOD,
        CapabilityBit.MAC_OVERRIDE,
    )
)
"""The capabilities that follow the user for access to files (capabilities(7))."""


class CapabilityRules(Subsystem):
    """Changes the capabilities of new credentials, which nobody else has yet, by how these differ
    from the ones before (capabilities(7), "Effect of user ID changes on capabilities"). Context:
    any."""

    @function
    def follow_users(self, new: Ptr[Credentials], old: Ptr[Credentials]) -> None:
        """Adapt `new` after a change of its real, effective and saved user."""
        with if_(old.secure_bits & SecureBit.NO_SETUID_FIXUP):
            ret()
        with if_(
            ((old.user == 0) | (old.effective_user == 0) | (old.saved_user == 0))
            & (new.user != 0)
            & (new.effective_user != 0)
            & (new.saved_user != 0)
        ):
            with if_((old.secure_bits & SecureBit.KEEP_CAPS) == 0):
                mov(new.permitted, 0)
                mov(new.effective, 0)
            mov(new.ambient, 0)
        with if_((old.effective_user == 0) & (new.effective_user != 0)):
            mov(new.effective, 0)
        with if_((old.effective_user != 0) & (new.effective_user == 0)):
            mov(rax, new.permitted)
            mov(new.effective, rax)

    @function
    def follow_fs_user(self, new: Ptr[Credentials], old: Ptr[Credentials]) -> None:
        """Adapt `new` after a change of its user for access to files alone."""
        with if_(old.secure_bits & SecureBit.NO_SETUID_FIXUP):
            ret()
        mov(rax, OF_FILES)
        with if_((old.fs_user == 0) & (new.fs_user != 0)):
            not_(rax)
            and_(new.effective, rax)
        with elif_((old.fs_user != 0) & (new.fs_user == 0)):
            and_(rax, new.permitted)
            or_(new.effective, rax)
