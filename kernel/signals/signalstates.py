"""What processes and threads have of signals, from their beginning to their end."""

from __future__ import annotations

from kernel.sched.thread import Interruption
from kernel.sched.waiting import Waiting
from kernel.signals.restarts import Restarts
from kernel.signals.signalactions import SignalActions
from kernel.signals.signalactionstore import SignalActionStore
from kernel.signals.signalgroup import QUEUE_LIMIT, SignalGroup
from kernel.signals.signalmasks import SignalMasks
from kernel.signals.signalqueues import SignalQueues
from kernel.signals.signaltarget import SignalTarget, StackFlag
from kernel.signals.signaltimers import SignalTimers
from kernel.users.useraccount import UserAccount
from kernel.users.useraccounts import UserAccounts
from pykasm import *

EVERYTHING = (1 << 64) - 1
"""The set of all signals."""


class SignalStates(Subsystem):
    """Makes, copies and ends them. Records of processes and threads are zero when they come here.
    Context: thread."""

    def __init__(
        self,
        waiting: Waiting,
        queues: SignalQueues,
        actions: SignalActionStore,
        masks: SignalMasks,
        restarts: Restarts,
        timers: SignalTimers,
        accounts: UserAccounts,
    ) -> None:
        self.waiting = waiting
        self.queues = queues
        self.actions = actions
        self.masks = masks
        self.restarts = restarts
        self.timers = timers
        self.accounts = accounts

    # Processes

    @function
    def begin(self, group: Keep[Ptr[SignalGroup]], account: Owned[Ptr[UserAccount]]) -> Bool:
        """Begin a process of the user of `account`, that has the default for each signal. Returns
        whether there was memory; it has the account even if not."""
        with unshared(group):
            mov(group.account, account)
        actions = try_(self.actions.create())
        tail(self._begin, group, actions)

    @function
    def fork(self, group: Keep[Ptr[SignalGroup]], parent: Ptr[SignalGroup]) -> Bool:
        """Begin a process with a copy of the actions of the `parent` that runs. Nothing is pending
        for it. Returns whether there was memory."""
        parent = keep(parent)
        with parent.lock.held():  # it may become another user's
            account = scratch(parent.account)
            asserts(account != 0)  # it runs
            with unshared(group):
                mov(group.account, self.accounts.gain(account))
        copy = try_(self.actions.copy(parent.actions))
        tail(self._begin, group, copy)

    @function
    def become(self, group: Keep[Ptr[SignalGroup]], account: Ptr[UserAccount]) -> None:
        """Have `group` be counted in `account`, with all that is queued for it."""
        new = keep(self.accounts.gain(account))
        with group.lock.held():
            mov(eax, group.queued)
            former = scratch(group.account)
            asserts(former != 0)  # it runs
            lock.sub(former.signals, rax)
            lock.add(new.signals, rax)
            mov(group.account, new)
            take_over(former, "the group had it")
            mov(new, former)
        self.accounts.drop(new)

    @function
    def _begin(self, group: Ptr[SignalGroup], actions: Owned[Ptr[SignalActions]]) -> Bool:
        """Begin a process with these actions."""
        mov(group.actions, actions)
        mov(group.queue_limit, QUEUE_LIMIT)
        with unshared(group):
            self.queues.prepare(group.pending)
            group.members.reset()
            group.running_timers.reset()
        ret(True)

    @function
    def share(self, group: Ptr[SignalGroup], parent: Ptr[SignalGroup]) -> None:
        """Have a process, which has begun and not run yet, share the actions of its `parent`, which
        runs (clone(2), CLONE_SIGHAND)."""
        actions, group = scratch(parent.actions), scratch(group)
        actions.references.gain()
        xchg(group.actions, actions)
        tail(self.actions.drop, actions)

    @function
    def clear_handlers(self, group: Ptr[SignalGroup]) -> None:
        """Make all handlers of a process that does not run yet the default (clone(2),
        CLONE_CLEAR_SIGHAND)."""
        tail(self.actions.reset, group.actions)

    @function
    def discard(self, group: Ptr[SignalGroup]) -> None:
        """Take away what a process has that never had a thread, if it has begun."""
        actions, account = keep(Ptr[SignalActions]), scratch(group.account)
        xor(u32(actions), u32(actions))
        xchg(group.actions, actions)
        with unshared(group):
            mov(group.account, 0)
        with if_(account != 0):
            self.accounts.drop(account)
        with if_(actions != 0):
            self.actions.drop(actions)

    @function
    def execute(self, target: Keep[Ptr[SignalTarget]]) -> Bool:
        """Do what signals need before another program is loaded in the process of `target`, the
        only thread there: handlers become the default, no alternate stack is there any more. What
        is pending or blocked stays so (execve(2)). Returns whether there was memory for actions of
        its own; if not, nothing has changed."""
        group = keep(target.group)
        copy = keep(try_(self.actions.copy(group.actions)))
        self.actions.reset(copy)
        xchg(group.actions, copy)
        self.actions.drop(copy)
        xor(eax, eax)
        mov(target.stack.base, rax)
        mov(target.stack.size, rax)
        mov(target.stack.flags, StackFlag.DISABLE)
        ret(True)

    # Threads

    @function
    def join(self, target: Keep[Ptr[SignalTarget]], group: Keep[Ptr[SignalGroup]]) -> None:
        """Make `target`, which has not run yet and whose `thread` is known, one of the group. If
        that ends or stops, so will it."""
        mov(target.group, group)
        self.restarts.forget(target)
        with unshared(target):
            self.queues.prepare(target.pending)
        link = scratch(address_of(target.member))
        with group.lock.held():
            group.members.append(link)
            inc(group.count)
            with if_(group.stop_signal != 0):
                inc(group.moving)
            with if_(group.deadly != 0):
                self.waiting.interrupt(target.thread, Interruption.KILL)
            self.masks.look_again(group, target)

    @function
    def inherit(
        self, target: Ptr[SignalTarget], parent: Ptr[SignalTarget], keeps_stack: U32
    ) -> None:
        """Give `target`, a new thread, the mask of the thread `parent` that runs, and unless
        `keeps_stack` is 0, its alternate stack."""
        mov(rax, parent.mask)
        with unshared(target):
            mov(target.mask, rax)
        mov(target.stack.flags, StackFlag.DISABLE)
        with if_(keeps_stack != 0):
            target.stack.copy_from(scratch(address_of(parent.stack)))

    @function
    def leave(self, target: Keep[Ptr[SignalTarget]]) -> Bool:
        """Take `target`, the thread that runs, out of its process. What was pending for it is lost,
        what was for the process others take. Returns whether the process has stopped thereby."""
        group, left = keep(target.group), keep(Ptr[SignalActions])
        stopped = keep(U32)
        xor(u32(left), u32(left))
        xor(stopped, stopped)
        with group.lock.held():
            target.member.unlink()
            mov(target.has_left, 1)
            mov(rax, EVERYTHING)
            self.queues.remove(group, address_of(target.pending), rax)
            self.timers.leave(group, target)
            self.masks.pass_on(group, target, group.pending.set)
            dec(group.count)
            with if_(group.dumper != 0), group.dumped.lock.held_interrupts_off():
                self.waiting.wake_all(address_of(group.dumped))  # it waits for one less
            with if_(group.count == 0):
                self._end(group)
                xchg(group.actions, left)
            with elif_(group.stop_signal != 0):
                dec(group.moving)
                sete(u8(stopped))
        with if_(left != 0):
            self.actions.drop(left)
        ret(cast(stopped, Bool))

    @function(holds="group.lock")
    def _end(self, group: Ptr[SignalGroup]) -> None:
        """Drop what is pending for a group that has no members any more."""
        mov(rax, EVERYTHING)
        tail(self.queues.remove, group, address_of(group.pending), rax)
