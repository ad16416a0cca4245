"""Who may change what is mounted, and where."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit
from kernel.fs.path import Path
from kernel.fs.subject import Subject
from pykasm import *


class MountRights(Subsystem):
    """Looks whether what is mounted may be changed. Context: thread."""

    @function
    def check(self, subject: Ptr[Subject]) -> OrErrno[I32]:
        """Return 0 if `subject` may change what is mounted, or -EPERM."""
        credentials = scratch(subject.credentials)
        fail_if((credentials.effective & (1 << CapabilityBit.SYS_ADMIN)) == 0, Errno.EPERM)
        ret(0)

    @function
    def check_place(self, place: Ptr[Path], subject: Ptr[Subject]) -> OrErrno[I32]:
        """Return 0 if `place` is in the namespace of `subject`, or -EINVAL."""
        context, mount = scratch(subject.context), scratch(place.mount)
        asserts(mount != 0)
        mov(rax, context.namespace)
        fail_if(rax != mount.namespace, Errno.EINVAL)
        ret(0)

    @function
    def check_root(self, place: Ptr[Path], subject: Ptr[Subject]) -> OrErrno[I32]:
        """Return 0 if `place` is the root of a mount there, or -EINVAL."""
        mount = scratch(place.mount)
        asserts(mount != 0)
        mov(rax, place.dentry)
        fail_if(rax != mount.root, Errno.EINVAL)
        tail(self.check_place, place, subject)
