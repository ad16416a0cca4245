"""The system call for what else a process may say of itself: prctl(2)."""

from __future__ import annotations

from enum import IntEnum

from kernel.errno import Errno
from kernel.fs.credentials import ALL_CAPABILITIES, CapabilityBit, Credentials, SecureBit
from kernel.process.credentialchanges import CredentialChanges
from kernel.process.dumpsettings import Dumpable
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.sched.userstate import NAME_SIZE
from kernel.signals.signalnumber import SIGNALS
from kernel.vm.addressspaces import AddressSpaces
from kernel.vm.usercopy import UserCopy
from pykasm import *

CAPABILITIES = ALL_CAPABILITIES.bit_length()

SECURE_BITS = sum(SecureBit)

SECURE_LOCKS = sum(bit for bit in SecureBit if bit.name and bit.name.endswith("_LOCKED"))
"""Those that lock the ones before them."""


USUAL_TIMER_SLACK = 50_000
"""In nanoseconds (prctl(2), PR_SET_TIMERSLACK)."""


class ProcessControl(IntEnum):
    """What `prctl` does (include/uapi/linux/prctl.h: PR_SET_PDEATHSIG and so on)."""

    SET_PDEATHSIG = 1
    GET_PDEATHSIG = 2
    GET_DUMPABLE = 3
    SET_DUMPABLE = 4
    GET_KEEPCAPS = 7
    SET_KEEPCAPS = 8
    GET_TIMING = 13
    SET_NAME = 15
    GET_NAME = 16
    CAPBSET_READ = 23
    CAPBSET_DROP = 24
    GET_SECUREBITS = 27
    SET_SECUREBITS = 28
    SET_TIMERSLACK = 29
    GET_TIMERSLACK = 30
    SET_CHILD_SUBREAPER = 36
    GET_CHILD_SUBREAPER = 37
    SET_NO_NEW_PRIVS = 38
    GET_NO_NEW_PRIVS = 39
    GET_TID_ADDRESS = 40
    SET_THP_DISABLE = 41
    GET_THP_DISABLE = 42
    CAP_AMBIENT = 47


class AmbientControl(IntEnum):
    """What CAP_AMBIENT does (PR_CAP_AMBIENT_IS_SET and so on)."""

    IS_SET = 1
    RAISE = 2
    LOWER = 3
    CLEAR_ALL = 4


class ControlCalls(SystemCallGroup):
    """Does what prctl(2) says, section by section."""

    def __init__(
        self,
        processes: Processes,
        changes: CredentialChanges,
        spaces: AddressSpaces,
        copy: UserCopy,
    ) -> None:
        self.processes = processes
        self.changes = changes
        self.spaces = spaces
        self.copy = copy

    @function(context="thread", sleeps=True)
    def prctl(self, what: U32, second: U64, third: U64, fourth: U64, fifth: U64) -> OrErrno[I64]:
        """Do what a `ProcessControl` says; -EINVAL for others."""
        with switch(what):
            with case(ProcessControl.SET_PDEATHSIG):
                tail(self._set_death_signal, second)
            with case(ProcessControl.GET_PDEATHSIG):
                tail(self._get_death_signal, cast(second, User[U8]))
            with case(ProcessControl.GET_DUMPABLE):
                tail(self._get_dumpable)
            with case(ProcessControl.SET_DUMPABLE):
                tail(self._set_dumpable, second)
            with case(ProcessControl.GET_KEEPCAPS):
                tail(self._get_keep)
            with case(ProcessControl.SET_KEEPCAPS):
                tail(self._set_keep, second)
            with case(ProcessControl.GET_TIMING):
                ret(0)  # PR_TIMING_STATISTICAL, as Linux always says
            with case(ProcessControl.SET_NAME):
                tail(self._set_name, cast(second, User[U8]))
            with case(ProcessControl.GET_NAME):
                tail(self._get_name, cast(second, User[U8]))
            with case(ProcessControl.CAPBSET_READ):
                tail(self._read_bounding, second)
            with case(ProcessControl.CAPBSET_DROP):
                tail(self._drop_bounding, second)
            with case(ProcessControl.GET_SECUREBITS):
                tail(self._get_secure_bits)
            with case(ProcessControl.SET_SECUREBITS):
                tail(self._set_secure_bits, u32(second))
            with case(ProcessControl.SET_TIMERSLACK):
                tail(self._set_timer_slack, second)
            with case(ProcessControl.GET_TIMERSLACK):
                tail(self._get_timer_slack)
            with case(ProcessControl.SET_CHILD_SUBREAPER):
                tail(self._set_adopts, second)
            with case(ProcessControl.GET_CHILD_SUBREAPER):
                tail(self._get_adopts, cast(second, User[U8]))
            with case(ProcessControl.SET_NO_NEW_PRIVS):
                fail_if((second != 1) | (third != 0) | (fourth != 0) | (fifth != 0), Errno.EINVAL)
                task = self.processes.current()
                mov(task.no_new_privileges, 1)
                ret(0)
            with case(ProcessControl.GET_NO_NEW_PRIVS):
                fail_if((second != 0) | (third != 0) | (fourth != 0) | (fifth != 0), Errno.EINVAL)
                task = self.processes.current()
                mov(eax, task.no_new_privileges)
                ret(rax)
            with case(ProcessControl.GET_TID_ADDRESS):
                task = self.processes.current()
                tail(self._store_long, cast(second, User[U8]), u64(task.clear_child_tid))
            with case(ProcessControl.SET_THP_DISABLE):
                fail_if((third != 0) | (fourth != 0) | (fifth != 0), Errno.EINVAL)
                tail(self._set_small_pages, second)
            with case(ProcessControl.GET_THP_DISABLE):
                fail_if((second != 0) | (third != 0) | (fourth != 0) | (fifth != 0), Errno.EINVAL)
                tail(self._get_small_pages)
            with case(ProcessControl.CAP_AMBIENT):
                fail_if((fourth != 0) | (fifth != 0), Errno.EINVAL)
                tail(self._control_ambient, second, third)
        ret(-Errno.EINVAL)

    # Memory

    @function(context="thread")
    def _set_small_pages(self, value: U64) -> OrErrno[I64]:
        """Note whether the process gets small pages only, as those that it makes do."""
        space = scratch(self.spaces.current())
        asserts(space != 0)  # a task has one
        xor(eax, eax)
        with if_(value != 0):
            inc(eax)
        mov(space.small_pages, eax)
        ret(0)

    @function(context="thread")
    def _get_small_pages(self) -> OrErrno[I64]:
        """Return 1 if the process gets small pages only, else 0."""
        space = scratch(self.spaces.current())
        asserts(space != 0)  # a task has one
        mov(eax, space.small_pages)
        ret(rax)

    # Timers

    @function(context="thread")
    def _set_timer_slack(self, value: U64) -> OrErrno[I64]:
        """Set by how many nanoseconds the thread may be woken late, which it never is by intent, to
        `value`; for 0 to what it began with."""
        task = self.processes.current()
        with if_(value == 0):
            mov(value, task.default_timer_slack)
        mov(task.timer_slack, value)
        ret(0)

    @function(context="thread")
    def _get_timer_slack(self) -> OrErrno[I64]:
        """Return by how many nanoseconds it may be."""
        task = self.processes.current()
        mov(rax, task.timer_slack)
        with if_(rax == 0):
            mov(eax, USUAL_TIMER_SLACK)
        ret(rax)

    # Storing

    @function(context="thread", sleeps=True)
    def _store_long(self, target: User[U8], value: U64) -> OrErrno[I64]:
        """Store `value` at `target`. Returns 0 or an error."""
        stored = local(U64)
        mov(stored, value)
        result, left = self.copy.copy_out(target, address_of(stored), sizeof(U64))
        ignore(left)
        movsxd(rax, result)
        ret(rax)

    # What is sent when the parent ends

    @function(context="thread")
    def _set_death_signal(self, number: U64) -> OrErrno[I64]:
        """Have the signal `number` sent to this process when its parent ends; 0 for none."""
        fail_if(number > SIGNALS, Errno.EINVAL)
        task = self.processes.current()
        mov(task.parent_death_signal, u32(number))
        ret(0)

    @function(context="thread", sleeps=True)
    def _get_death_signal(self, target: User[U8]) -> OrErrno[I64]:
        """Store that signal."""
        task = self.processes.current()
        tail(self.copy.copy_out_word, target, task.parent_death_signal)

    # Who may look into it

    @function(context="thread")
    def _get_dumpable(self) -> OrErrno[I64]:
        """Return whether others may look into the process."""
        process = self.processes.current_process()
        mov(eax, process.dumpable)
        ret(rax)

    @function(context="thread")
    def _set_dumpable(self, value: U64) -> OrErrno[I64]:
        """Set whether they may."""
        fail_if(value > Dumpable.USUAL, Errno.EINVAL)  # only the kernel makes it FOR_ROOT
        process = self.processes.current_process()
        mov(process.dumpable, u32(value))
        ret(0)

    # Its name

    @function(context="thread", sleeps=True)
    def _set_name(self, source: Fetched[User[U8]]) -> OrErrno[I64]:
        """Give the thread, and the process if it is its first, a name of at most 15 bytes."""
        name, task = local(U8 * NAME_SIZE), keep(self.processes.current())
        length = self.copy.copy_in_string(address_of(name), source, NAME_SIZE - 1)
        with if_((length < 0) & (length != -Errno.ENAMETOOLONG)):
            ret(length)
        # It is cut off, not refused (prctl(2), PR_SET_NAME)
        with if_(length == -Errno.ENAMETOOLONG):
            mov(eax, NAME_SIZE - 1)
        mov(name[rax], 0)
        self.processes.name_task(task, address_of(name))
        ret(0)

    @function(context="thread", sleeps=True)
    def _get_name(self, target: User[U8]) -> OrErrno[I64]:
        """Store the thread's name."""
        task = self.processes.current()
        result, left = self.copy.copy_out(target, address_of(task.name), NAME_SIZE)
        ignore(left)
        movsxd(rax, result)
        ret(rax)

    # Orphans

    @function(context="thread")
    def _set_adopts(self, value: U64) -> OrErrno[I64]:
        """Set whether orphans among its descendants become its children."""
        process = self.processes.current_process()
        xor(ecx, ecx)
        with if_(value != 0):
            inc(ecx)
        mov(process.adopts, ecx)
        ret(0)

    @function(context="thread", sleeps=True)
    def _get_adopts(self, target: User[U8]) -> OrErrno[I64]:
        """Store whether they do."""
        process = self.processes.current_process()
        tail(self.copy.copy_out_word, target, process.adopts)

    # Capabilities

    @function(context="thread")
    def _get_keep(self) -> OrErrno[I64]:
        """Return whether capabilities stay permitted without a user 0."""
        credentials = scratch(self.processes.current().credentials)
        xor(eax, eax)
        with if_(credentials.secure_bits & SecureBit.KEEP_CAPS):
            inc(eax)
        ret(rax)

    @function(context="thread")
    def _set_keep(self, value: Keep[U64]) -> OrErrno[I64]:
        """Set whether they do."""
        fail_if(value > 1, Errno.EINVAL)
        new = keep(try_(self.changes.copy(), Errno.ENOMEM))
        errdefer(self.changes.abandon, new)
        # This call is one more way to the same bit, so its lock holds here too
        fail_if(new.secure_bits & SecureBit.KEEP_CAPS_LOCKED, Errno.EPERM)
        and_(new.secure_bits, ~int(SecureBit.KEEP_CAPS))
        with if_(value != 0):
            or_(new.secure_bits, SecureBit.KEEP_CAPS)
        self.changes.commit(new)
        ret(0)

    @function(context="thread")
    def _get_secure_bits(self) -> OrErrno[I64]:
        """Return the `SecureBit`s, and those that lock them."""
        credentials = scratch(self.processes.current().credentials)
        mov(eax, credentials.secure_bits)
        ret(rax)

    @function(context="thread")
    def _set_secure_bits(self, bits: Keep[U32]) -> OrErrno[I64]:
        """Set them, as far as none is locked."""
        new = keep(try_(self.changes.copy(), Errno.ENOMEM))
        errdefer(self.changes.abandon, new)
        fail_if((new.effective & (1 << CapabilityBit.SETPCAP)) == 0, Errno.EPERM)
        fail_if(bits > SECURE_BITS, Errno.EPERM)
        changed, locked = scratch(new.secure_bits), scratch(new.secure_bits)
        xor(changed, bits)
        and_(locked, SECURE_LOCKS)
        mov(eax, locked)
        # Each lock stands one bit above the bit that it locks
        shr(eax, 1)
        fail_if(eax & changed, Errno.EPERM)
        mov(eax, bits)
        # A lock that is set can't be taken away
        not_(eax)
        fail_if(eax & locked, Errno.EPERM)
        mov(new.secure_bits, bits)
        self.changes.commit(new)
        ret(0)

    @function(context="thread")
    def _read_bounding(self, number: U64) -> OrErrno[I64]:
        """Return whether programs can still gain the capability `number`."""
        fail_if(number >= CAPABILITIES, Errno.EINVAL)
        credentials = scratch(self.processes.current().credentials)
        mov(rcx, credentials.bounding)
        xor(eax, eax)
        bt(rcx, number)
        with if_(CF):
            inc(eax)
        ret(rax)

    @function(context="thread")
    def _drop_bounding(self, number: Keep[U64]) -> OrErrno[I64]:
        """Forbid programs to gain the capability `number` from now on."""
        new = keep(try_(self.changes.copy(), Errno.ENOMEM))
        errdefer(self.changes.abandon, new)
        fail_if((new.effective & (1 << CapabilityBit.SETPCAP)) == 0, Errno.EPERM)
        fail_if(number >= CAPABILITIES, Errno.EINVAL)
        mov(rax, new.bounding)
        btr(rax, number)
        mov(new.bounding, rax)
        self.changes.commit(new)
        ret(0)

    @function(context="thread")
    def _control_ambient(self, what: Keep[U64], number: Keep[U64]) -> OrErrno[I64]:
        """Do what an `AmbientControl` says with the capability `number`."""
        new = keep(try_(self.changes.copy(), Errno.ENOMEM))
        errdefer(self.changes.abandon, new)
        with if_(what == AmbientControl.CLEAR_ALL):
            fail_if(number != 0, Errno.EINVAL)
            mov(new.ambient, 0)
            self.changes.commit(new)
            ret(0)
        fail_if(number >= CAPABILITIES, Errno.EINVAL)
        with if_(what == AmbientControl.IS_SET):
            result = keep(U64)
            xor(u32(result), u32(result))
            mov(rax, new.ambient)
            bt(rax, number)
            with if_(CF):
                inc(result)
            self.changes.abandon(new)
            ret(result)
        mov(rax, new.ambient)
        with if_(what == AmbientControl.RAISE):
            fail_if(~self._may_raise(new, number), Errno.EPERM)
            mov(rax, new.ambient)
            bts(rax, number)
        with else_():
            fail_if(what != AmbientControl.LOWER, Errno.EINVAL)
            btr(rax, number)
        mov(new.ambient, rax)
        self.changes.commit(new)
        ret(0)

    @function
    def _may_raise(self, credentials: Ptr[Credentials], number: U64) -> Bool:
        """Return whether the capability `number` may be ambient: it is permitted and inheritable,
        and nothing forbids it."""
        with if_(credentials.secure_bits & SecureBit.NO_CAP_AMBIENT_RAISE):
            ret(False)
        mov(rax, credentials.permitted)
        # An ambient one is inherited by programs without any, so both sets have to allow it
        and_(rax, credentials.inheritable)
        bt(rax, number)
        with if_(CF):
            ret(True)
        ret(False)
