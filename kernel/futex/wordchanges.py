"""Changing a word, and waking by what it was."""

from __future__ import annotations

from enum import IntEnum

from kernel.errno import Errno
from kernel.futex.futexes import ALL_BITS, Futexes
from kernel.futex.futexkeys import FutexKeys
from kernel.futex.futexwake import FutexWake
from kernel.paging.addresses import UserAddress
from kernel.vm.rights import Rights
from kernel.vm.userwords import UserWords
from pykasm import *


class WordOperation(IntEnum):
    """What is done to the word (include/uapi/linux/futex.h: FUTEX_OP_SET and so on)."""

    SET = 0
    ADD = 1
    OR = 2
    ANDN = 3
    XOR = 4


class WordTest(IntEnum):
    """What its old value is asked (FUTEX_OP_CMP_EQ and so on)."""

    EQ = 0
    NE = 1
    LT = 2
    LE = 3
    GT = 4
    GE = 5


SHIFTED = 8
"""The bit of the operation that says that its argument is the number of a bit."""

ARGUMENT_BITS = 12
"""Bits of each of the two arguments, which have a sign (futex(2), FUTEX_WAKE_OP)."""


class WordChange(Struct):
    """What FUTEX_WAKE_OP does to the second word."""

    operation: U32 = field(WordOperation)
    argument: I32
    test: U32 = field(WordTest)
    compared: I32
    """What its old value is compared with."""


class WordChanges(Subsystem):
    """Operations on `WordChange`. Context: thread."""

    def __init__(self, futexes: Futexes, keys: FutexKeys, words: UserWords) -> None:
        self.futexes = futexes
        self.keys = keys
        self.words = words

    @function(context="thread", sleeps=True)
    def apply(
        self, change: Keep[Ptr[WordChange]], address: Keep[UserAddress]
    ) -> tuple[OrErrno[I32], U32]:
        """Change the word at `address`, which is aligned and a program's. Returns 0 and what it
        was; or -EFAULT."""
        old, result, seen = keep(U32), keep(I32), keep(U32)
        with loop():
            failed, value = self.words.load(address)
            mov(result, failed)
            mov(old, value)
            with if_(result == 0):
                fresh = self._changed(change, old)
                failed, found = self.words.compare_and_exchange(address, old, u32(fresh))
                mov(result, failed)
                mov(seen, found)
            with if_(result == 0):
                break_if(seen == old)
            with else_():
                mov(result, self.words.touch(address, Rights.WRITE))
                with if_(result != 0):
                    ret(result, 0)
        ret(0, old)

    @function
    def _changed(self, change: Ptr[WordChange], old: U32) -> I32:
        """Return what `old` becomes."""
        argument = scratch(change.argument)
        with switch(scratch(change.operation)):
            with case(WordOperation.SET):
                ret(argument)
            with case(WordOperation.ADD):
                add(u32(argument), old)
                ret(argument)
            with case(WordOperation.OR):
                or_(u32(argument), old)
                ret(argument)
            with case(WordOperation.ANDN):
                not_(u32(argument))
                and_(u32(argument), old)
                ret(argument)
        xor(u32(argument), old)
        ret(argument)

    @function
    def holds(self, change: Ptr[WordChange], old: U32) -> Bool:
        """Return whether the test holds of `old`."""
        value, compared = i32(old), scratch(change.compared)
        with switch(scratch(change.test)):
            with case(WordTest.EQ):
                ret(value == compared)
            with case(WordTest.NE):
                ret(value != compared)
            with case(WordTest.LT):
                ret(value < compared)
            with case(WordTest.LE):
                ret(value <= compared)
            with case(WordTest.GT):
                ret(value > compared)
        ret(value >= compared)

    @function
    def decode(self, change: Ptr[WordChange], code: U32) -> OrErrno[I32]:
        """Fill `change` in with what `code`, the last argument of the call, says: 4 bits for each
        of operation and test, then the arguments. Returns 0; -ENOSYS for what there is not."""
        code = scratch(code)
        mov(eax, code)
        shl(eax, 32 - ARGUMENT_BITS)
        sar(eax, 32 - ARGUMENT_BITS)
        mov(change.compared, eax)
        mov(eax, code)
        shl(eax, 32 - 2 * ARGUMENT_BITS)
        sar(eax, 32 - ARGUMENT_BITS)
        with if_(i32(code) < 0):  # SHIFTED is the uppermost bit
            mov(ecx, eax)
            mov(eax, 1)
            and_(ecx, 8 * sizeof(U32) - 1)  # as Linux does
            shl(eax, cl)
        mov(change.argument, eax)
        mov(eax, code)
        shr(eax, 2 * ARGUMENT_BITS)
        mov(ecx, eax)
        and_(ecx, (1 << 4) - 1)
        mov(change.test, ecx)
        fail_if(ecx > WordTest.GE, Errno.ENOSYS)
        shr(eax, 4)
        and_(eax, SHIFTED - 1)
        mov(change.operation, eax)
        fail_if(eax > WordOperation.XOR, Errno.ENOSYS)
        ret(0)

    @function(context="thread", sleeps=True)
    def wake_by(
        self,
        address: Keep[Untrusted[UserAddress]],
        second: Keep[Untrusted[UserAddress]],
        private: Keep[U32],
        counts: U64,
        code: Keep[U32],
    ) -> OrErrno[I32]:
        """Change the word at `second` as `code` says; wake those who wait for the one at `address`,
        up to the lower half of `counts`, and where the test holds, up to the upper half of those
        who wait for the one at `second`. Returns how many, -EFAULT, -EINVAL or -ENOSYS."""
        change, wake, second_wake = local(WordChange), local(FutexWake), local(FutexWake)
        mov(rcx, counts)
        self._prepare(wake, ecx)
        shr(rcx, 32)
        self._prepare(second_wake, ecx)
        try_(self.decode(address_of(change), code))
        # Before anything is changed
        try_(self.keys.find(address_of(wake.key), address, private))
        try_(self.keys.find(address_of(second_wake.key), second, private))
        failed, old = self.apply(address_of(change), second)
        try_(failed)
        mov(code, old)
        self.futexes.wake_all(address_of(wake))
        with if_(self.holds(address_of(change), code)):
            self.futexes.wake_all(address_of(second_wake))
        mov(eax, wake.done)
        add(eax, second_wake.done)
        ret(eax)

    @inline
    def _prepare(self, wake: FutexWake, most: U32) -> None:
        """Have `wake` mean up to `most` of those who wait for its word."""
        mov(wake.bits, ALL_BITS)
        mov(wake.most, most)
        mov(wake.done, 0)
