"""What debug builds note of spin locks."""

from __future__ import annotations

from kernel.console.console import Console
from kernel.debug.lockwatch import LockWatch
from kernel.locks.heldlocks import HeldLocks
from kernel.locks.spinlock import SpinLock
from kernel.selftest.case import BenchmarkSuite, Outcome, TestSuite, check, measure
from pykasm import *


class LockTests(TestSuite, BenchmarkSuite):
    """Only debug builds watch locks."""

    def __init__(self, console: Console, watch: LockWatch) -> None:
        self.console = console
        self.watch = watch
        self.order = watch.order
        self.first = bss(SpinLock)
        self.second = bss(SpinLock)
        self.tests = [
            check("locks.held", self.try_held),
            check("locks.order_clean", self.try_order),
        ]
        self.benchmarks = [measure("locks.take_release", self.take_and_release)]

    @inline(changes=CALLER_SAVED)
    def _skip(self) -> None:
        """Leave the test."""
        self.console.print("only debug builds watch locks: ")
        ret(Outcome.SKIPPED)

    @function
    def try_held(self) -> U32:
        """What is held is noted, in whatever order it is given back."""
        if debugging():
            self._try_held()
        else:
            self._skip()

    @inline
    def _try_held(self) -> None:
        failed = keep(U32)
        xor(failed, failed)
        cli()
        self.first.acquire()
        self.second.acquire()
        self._expect(failed, self.first, self.second)
        self.first.release()
        self._expect(failed, self.second)
        self.second.release()
        self._expect(failed)
        sti()
        with if_(failed == 0):
            ret(Outcome.PASSED)
        self.console.print("%u times other locks are noted: ", failed)
        ret(Outcome.FAILED)

    @inline(changes=("failed", rax))
    def _expect(self, failed: U32, *locks: SpinLock) -> None:
        """Count it in `failed` unless this processor is noted to hold `locks`."""
        held = scratch(Ptr[HeldLocks])
        self.watch.per_cpu.point_at(u64(held), self.watch.held)
        with if_(held.count != len(locks)):
            inc(failed)
        for index, lock in enumerate(locks):
            lea(rax, lock)
            with if_(held.locks[index].lock != rax):
                inc(failed)
        release(held)

    @function
    def try_order(self) -> U32:
        """Locks were taken under others, and none of them ever comes before itself."""
        if debugging():
            self._try_order()
        else:
            self._skip()

    @inline
    def _try_order(self) -> None:
        circles, learnt = keep(U64), keep(U64)
        xor(circles, circles)
        with for_(keep(U64), 0, self.order.count[0]) as number:
            cli()  # as the order of locks wants it
            add(circles, u64(self.order.is_before_itself(number)))
            sti()
        xor(learnt, learnt)
        mov(rcx, self.order.count[0])
        imul(rcx, rcx)
        with while_(rcx != 0):
            dec(rcx)
            mov(eax, self.order.places[rcx])
            or_(learnt, rax)
        with if_((circles == 0) & (learnt != 0) & (self.watch.off == 0)):
            ret(Outcome.PASSED)
        self.console.print("nothing was watched, or %u classes are in circles: ", circles)
        ret(Outcome.FAILED)

    @function
    def take_and_release(self, count: U32) -> None:
        """Take a free lock, and release it."""
        left = scratch(count)
        with while_(left != 0):
            dec(left)
            with self.first.held():
                pass
