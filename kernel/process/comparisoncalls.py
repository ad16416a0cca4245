"""System calls that compare what processes have."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.chacha import KEY_WORDS
from kernel.fs.files import Files
from kernel.fs.randomness import Randomness
from kernel.process.inspection import Comparison, Inspection
from kernel.process.systemcallgroup import SystemCallGroup
from pykasm import *


class ComparisonCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(self, inspection: Inspection, files: Files, randomness: Randomness) -> None:
        self.inspection = inspection
        self.files = files
        self.randomness = randomness
        self.factor = bss(U64)
        """What addresses are multiplied by, so that their order tells nothing of them: odd, so that
        those that differ still do; 0 before it is needed."""

    @function(context="thread", sleeps=True)
    def kcmp(
        self,
        first: Keep[U32],
        second: Keep[U32],
        what: Keep[U32],
        first_number: U64,
        second_number: Keep[U64],
    ) -> OrErrno[I64]:
        """Compare what the threads `first` and `second` have, of files that with a number each.
        Returns 0 for the same, else 1 or 2 for an order of all."""
        fail_if(what > Comparison.SEMAPHORES, Errno.EINVAL)
        place = local(U64)
        try_(self._find(first, what, u32(first_number), address_of(place)))
        mov(rax, place)
        xchg(second_number, rax)
        try_(self._find(second, what, eax, address_of(place)))
        mov(rcx, self._factor())
        mov(rax, place)
        imul(rax, rcx)
        imul(second_number, rcx)
        with if_(second_number < rax):
            ret(1)
        with if_(second_number > rax):
            ret(2)
        ret(0)

    @function(context="thread", sleeps=True)
    def _find(self, number: U32, what: U32, file: U32, place: Keep[Ptr[U64]]) -> OrErrno[I64]:
        """Store at `place` the address of `what` the thread `number` has. Returns 0, -ESRCH, -EPERM
        or -EBADF."""
        with if_(what == Comparison.FILE):
            failed, found = self.inspection.file_of(number, file)
            with if_(found == 0):
                ret(failed)
            ignore(failed, "there is a file")
            mov(at(place), u64(found))
            self.files.drop(found)  # it stays where it is as long as the thread has it
            ret(0)
        failed, address = self.inspection.address_of_part(number, what)
        mov(at(place), address)
        ret(failed)

    @function(context="thread")
    def _factor(self) -> U64:
        """Return the factor, which is chosen now if it was not yet."""
        words = local(U8 * (KEY_WORDS * sizeof(U32)))
        with if_(self.factor == 0):
            self.randomness.next_block(address_of(words))
            mov(rcx, u64(words))
            or_(rcx, 1)
            xor(eax, eax)
            lock.cmpxchg(self.factor, rcx)  # another one may have been faster
        ret(self.factor)
