"""Queues of signals."""

from __future__ import annotations

from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.mm.slabs import SlabCache, Slabs
from kernel.signals.pendingsignals import PendingSignals, QueuedSignal
from kernel.signals.signalgroup import SignalGroup
from kernel.signals.signalinfo import SignalInfo
from kernel.signals.signalnumber import SignalCode
from kernel.signals.signalset import SYNCHRONOUS, bit_of
from kernel.signals.signaltarget import SignalTarget
from kernel.signals.timerdeadlines import TimerDeadlines
from kernel.users.useraccounts import UserAccounts
from pykasm import *


class SignalQueues(LeakChecks):
    """Adds signals to what is pending for a group or for one of its members, and takes them from
    there. Context: any, with the group's lock."""

    count = bss(U64)

    def __init__(self, deadlines: TimerDeadlines, accounts: UserAccounts, slabs: Slabs) -> None:
        self.deadlines = deadlines
        self.accounts = accounts
        self.records = SlabCache(slabs, "signal", QueuedSignal)
        self.leak_checks = [leak_check("queued signals", self.used_count)]

    @function
    def used_count(self) -> U64:
        """Return how many signals are queued."""
        ret(self.count)

    @inline(changes=rax)
    def prepare(self, pending: PendingSignals) -> None:
        """Make `pending` empty, which nobody else knows yet."""
        mov(pending.set, 0)
        pending.queue.reset()

    @function(holds="group.lock")
    def add(
        self,
        group: Keep[Ptr[SignalGroup]],
        pending: Keep[Ptr[PendingSignals]],
        info: Keep[Ptr[SignalInfo]],
    ) -> Bool:
        """Queue what `info` tells of a signal. Returns whether that worked: memory or the user's
        limit may be out."""
        fail_if(~self.count_one(group))
        signal = keep(self.records.allocate())
        with if_(signal == 0):
            self.give_back(group)
            ret(False)
        signal.info.copy_from(info)
        mov(signal.of_timer, 0)
        link = scratch(address_of(signal.link))
        pending.queue.append(link)
        disown(signal, "the queue has it")
        lock.inc(self.count)
        ret(True)

    @function(holds="group.lock")
    def count_one(self, group: Ptr[SignalGroup]) -> Bool:
        """Count one more record for `group` and its user. Returns whether there may be one."""
        group, limit = scratch(group), scratch(U64)
        account = scratch(group.account)
        asserts(account != 0)  # it has begun
        mov(u32(limit), group.queue_limit)
        fail_if(~self.accounts.take(address_of(account.signals), 1, limit))
        inc(group.queued)
        ret(True)

    @function(holds="group.lock")
    def give_back(self, group: Ptr[SignalGroup]) -> None:
        """Count one less."""
        account = scratch(group.account)
        asserts(account != 0)
        dec(group.queued)
        lock.dec(account.signals)

    @function(holds="group.lock")
    def _take(
        self,
        group: Keep[Ptr[SignalGroup]],
        pending: Keep[Ptr[PendingSignals]],
        info: Keep[Ptr[SignalInfo]],
    ) -> None:
        """Take the signal that was sent first of those that are pending with the number in `info`,
        and fill in the rest of that."""
        signal = keep(self._find(pending, info.number))
        with if_(signal != 0):
            with if_(signal.of_timer != 0):
                self.deadlines.settle(signal)
            info.copy_from(scratch(address_of(signal.info)))
            self._free(group, signal)
        with else_():
            number = scratch(info.number)
            info.clear()
            mov(info.number, number)
            mov(info.code, SignalCode.SI_USER)
            release(number)
        self._forget(pending, info.number)

    @function(holds="SignalGroup.lock")
    def _forget(self, pending: Keep[Ptr[PendingSignals]], number: Keep[U32]) -> None:
        """Have the signal `number` not pending any more, unless it is queued."""
        with if_(self._find(pending, number) == 0):
            bit = bit_of(number)
            not_(bit)
            and_(pending.set, bit)

    @function(holds="SignalGroup.lock")
    def recall(self, pending: Ptr[PendingSignals], signal: Ptr[QueuedSignal]) -> None:
        """Take `signal`, a part of a timer, out of `pending`, where it is queued."""
        signal.link.unlink()
        tail(self._forget, pending, signal.info.number)

    @function(holds="group.lock")
    def take_next(
        self,
        group: Keep[Ptr[SignalGroup]],
        target: Keep[Ptr[SignalTarget]],
        wanted: Keep[U64],
        info: Keep[Ptr[SignalInfo]],
    ) -> U32:
        """Take the next signal of the set `wanted` that is pending for `target`, a member of the
        group, or for the whole group. Returns its number, which is in `info` with the rest; 0 if
        there is none."""
        pending = keep(address_of(target.pending))
        mov(rax, pending.set)
        with if_((rax & wanted) == 0):
            lea(pending, group.pending)
            mov(rax, pending.set)
        and_(rax, wanted)
        with if_(rax == 0):
            ret(0)
        mov(rcx, rax)
        and_(rcx, SYNCHRONOUS)
        with if_(rcx != 0):
            mov(rax, rcx)
        bsf(rax, rax)
        inc(eax)
        mov(info.number, eax)
        self._take(group, pending, info)
        ret(info.number)

    @function(holds="SignalGroup.lock")
    def _find(self, pending: Ptr[PendingSignals], number: U32) -> OrNull[Ptr[QueuedSignal]]:
        """Return what was queued first with the signal `number`, or null."""
        with (
            pending.queue.each(QueuedSignal, "link", place=scratch) as signal,
            if_(signal.info.number == number),
        ):
            ret(signal)
        ret(0)

    @function(holds="group.lock")
    def remove(
        self, group: Keep[Ptr[SignalGroup]], pending: Keep[Ptr[PendingSignals]], unwanted: Keep[U64]
    ) -> None:
        """Take away the signals in the set `unwanted`."""
        mov(rax, unwanted)
        not_(rax)
        and_(pending.set, rax)
        with (
            pending.queue.each_removable(QueuedSignal, "link") as signal,
            if_(unwanted & bit_of(signal.info.number)),
        ):
            with if_(signal.of_timer != 0):
                self.deadlines.settle(signal)
            self._free(group, signal)

    @function(holds="group.lock")
    def _free(self, group: Ptr[SignalGroup], signal: Ptr[QueuedSignal]) -> None:
        """Take `signal` out of its queue, and free it unless it is a part of a timer."""
        signal = keep(signal)
        with if_(signal.of_timer != 0):
            signal.link.unlink()
            ret()
        self.give_back(group)
        lock.dec(self.count)
        signal.link.unlink()
        take_over(signal, "the queue had it")
        self.records.free(signal)
