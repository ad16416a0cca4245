"""The actions for signals that there are."""

from __future__ import annotations

from typing import Any

from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.mm.slabs import SlabCache, Slabs
from kernel.signals.signalactions import Disposition, SignalAction, SignalActions
from kernel.signals.signalnumber import SIGNALS
from pykasm import *

COPIED = offsetof(SignalActions, "actions")
"""Where in `SignalActions` that begins which copies have in common."""


class SignalActionStore(LeakChecks):
    """Makes, copies, changes and frees actions. Context: any."""

    count = bss(U64)

    def __init__(self, slabs: Slabs) -> None:
        self.records = SlabCache(slabs, "signal actions", SignalActions)
        self.leak_checks = [leak_check("signal actions", self.used_count)]

    @function
    def used_count(self) -> U64:
        """Return how many there are."""
        ret(self.count)

    @function
    def create(self) -> Owned[OrNull[Ptr[SignalActions]]]:
        """Return the default for each signal; null without memory."""
        created = scratch(try_(self.records.allocate_zeroed()))
        created.references.start()
        lock.inc(self.count)
        ret(created)

    @function
    def copy(self, actions: Keep[Ptr[SignalActions]]) -> Owned[OrNull[Ptr[SignalActions]]]:
        """Return a copy that nobody shares; null without memory."""
        copy = keep(try_(self.create()))
        with actions.lock.held():
            lea(rsi, bare[u64(actions) + COPIED])
            lea(rdi, bare[u64(copy) + COPIED])
            mov(ecx, (sizeof(SignalActions) - COPIED) // sizeof(U64))
            rep.movsq()
        ret(copy)

    @function
    def drop(self, actions: Owned[Ptr[SignalActions]]) -> None:
        """Drop a reference to `actions`."""
        with if_(actions.references.drop()):
            tail(self.free, actions)

    @function
    def free(self, actions: Owned[Ptr[SignalActions]]) -> None:
        """Free `actions`, which nobody has any more."""
        lock.dec(self.count)
        self.records.free(actions)

    # One signal

    @inline(changes=("action", rax))
    def _point_at(
        self, action: Ptr[SignalAction], actions: Ptr[SignalActions], number: Any
    ) -> None:
        """Point `action`, a register, at what is done for the signal `number`."""
        mov(eax, number)
        dec(eax)
        asserts(eax < SIGNALS)
        point_at(action, actions.actions, rax)

    @function
    def handler_of(self, actions: Ptr[SignalActions], number: U32) -> U64:
        """Return the handler of the signal `number`, or a `Disposition`."""
        action = scratch(Ptr[SignalAction])
        self._point_at(action, actions, number)
        ret(action.handler)

    @function
    def get(self, actions: Ptr[SignalActions], number: U32, target: Ptr[SignalAction]) -> None:
        """Copy what is done for the signal `number` to `target`."""
        action, actions = scratch(Ptr[SignalAction]), scratch(actions)
        self._point_at(action, actions, number)
        with actions.lock.held():
            target.copy_from(action)

    @function
    def set(self, actions: Ptr[SignalActions], number: U32, source: Ptr[SignalAction]) -> None:
        """Make what is at `source` the action for the signal `number`."""
        action, actions = scratch(Ptr[SignalAction]), scratch(actions)
        self._point_at(action, actions, number)
        with actions.lock.held():
            action.copy_from(source)

    @function
    def set_handler(self, actions: Ptr[SignalActions], number: U32, handler: U64) -> None:
        """Change the handler of the signal `number` alone."""
        action = scratch(Ptr[SignalAction])
        self._point_at(action, actions, number)
        with actions.lock.held():
            mov(action.handler, handler)

    @function
    def reset(self, actions: Ptr[SignalActions]) -> None:
        """Make all that is not ignored the default, as a new program finds it (execve(2))."""
        action = scratch(Ptr[SignalAction])
        lea(action, actions.actions)
        with actions.lock.held():
            mov(ecx, SIGNALS)
            with do_while(lambda: ~ZF):
                xor(eax, eax)
                with if_(action.handler == Disposition.IGNORE):
                    mov(eax, Disposition.IGNORE)
                mov(action.handler, rax)
                mov(action.flags, 0)
                mov(action.restorer, 0)
                mov(action.mask, 0)
                add(action, sizeof(SignalAction))
                dec(ecx)
