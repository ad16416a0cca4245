"""What holds before an instruction: which locks are held, and whether interrupts are on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from iced_x86 import Mnemonic

from pykasm.check.graph import Node
from pykasm.check.locktrial import Trial
from pykasm.lang.locking import NO_LOCKS as NO_CONTRACT
from pykasm.lang.locking import LockAction, LockEvent
from pykasm.lang.routine import Routine

SAME, OFF, ON = 1, 2, 4
"""The interrupt flag as a set of what paths may leave: as it was at entry, clear, set."""

Locks: TypeAlias = frozenset[str]
"""Locks by their names."""

NO_LOCKS: Locks = frozenset()

_INTERRUPT_INSTRUCTIONS = {Mnemonic.CLI, Mnemonic.STI, Mnemonic.PUSHFQ, Mnemonic.POPFQ}
"""The instructions that change the interrupt flag, or save it."""


class LockState(NamedTuple):
    """What holds before an instruction: a may-set and a must-set of locks, and the interrupt flag.

    `may` and `must` are the locks that the function holds on some path and on every path, counting
    those that it states to be entered with, and the paired states that it has begun. `interrupts`
    is a set of `SAME`, `OFF` and `ON`; `saved` has the sets that `pushfq` saved on the stack, the
    last at the end. `unsure` are locks that a call may have taken, the last of them as `trial`
    says.
    """

    may: Locks = NO_LOCKS
    must: Locks = NO_LOCKS
    interrupts: int = SAME
    saved: tuple[int, ...] = ()
    unsure: Locks = NO_LOCKS
    trial: Trial | None = None

    def join(self, other: LockState) -> LockState:
        """Return what holds where two paths meet."""
        return LockState(
            self.may | other.may,
            self.must & other.must,
            self.interrupts | other.interrupts,
            # paths that saved different things: a later `popfq` gives back nobody knows what
            self.saved if self.saved == other.saved else (),
            self.unsure | other.unsure,
            self.trial if self.trial == other.trial else None,
        )

    def after(self, mnemonic: int, events: Sequence[LockEvent]) -> LockState:
        """Return what holds after an instruction, at which `events` happen."""
        changed = self.after_events(events)
        if mnemonic not in _INTERRUPT_INSTRUCTIONS:
            return changed
        return changed._after_interrupt_instruction(mnemonic)

    def after_events(self, events: Sequence[LockEvent]) -> LockState:
        """Return what holds when `events` have happened."""
        if not events:
            return self
        may, must, unsure, trial = self.may, self.must, self.unsure, self.trial
        for event in events:
            if event.action in (LockAction.TAKE, LockAction.BEGIN):
                may, must = may | {event.lock}, must | {event.lock}
            elif event.action is LockAction.TRY:
                unsure, trial = unsure | {event.lock}, Trial(event.lock, event.on_zero)
            else:  # broken open, it is not held either
                may, must, unsure = (held - {event.lock} for held in (may, must, unsure))
        return self._replace(may=may, must=must, unsure=unsure, trial=trial)

    def along(self, node: Node, is_next: bool) -> LockState:
        """Return what holds where an instruction goes on, at the next one if `is_next`: a branch
        may tell whether a lock was taken."""
        if self.trial is None or (is_taken := self.trial.is_taken(node, is_next)) is None:
            return self
        lock = {self.trial.lock}
        known = self._replace(unsure=self.unsure - lock, trial=None)
        return known._replace(may=self.may | lock, must=self.must | lock) if is_taken else known

    def _after_interrupt_instruction(self, mnemonic: int) -> LockState:
        interrupts, saved = self.interrupts, self.saved
        match mnemonic:
            case Mnemonic.CLI:
                interrupts = OFF
            case Mnemonic.STI:
                interrupts = ON
            case Mnemonic.PUSHFQ:
                saved = (*saved, interrupts)
            case Mnemonic.POPFQ:
                # flags that somebody else pushed are taken for those of the entry
                interrupts, saved = (saved[-1], saved[:-1]) if saved else (SAME, ())
        return self._replace(interrupts=interrupts, saved=saved)

    def after_call(self, callees: Sequence[CallEffect]) -> LockState:
        """Return what holds when one of `callees` has returned."""
        if not callees:
            return self
        first, *others = (self._after_callee(one) for one in callees)
        for other in others:
            first = first.join(other)
        return first

    def _after_callee(self, callee: CallEffect) -> LockState:
        may = self.may - callee.releases | callee.acquires
        must = self.must - callee.releases | callee.acquires
        interrupts = self.interrupts
        if callee.interrupts not in (0, SAME):
            # on paths on which it changes nothing, they are as the caller had them
            kept = interrupts if callee.interrupts & SAME else 0
            interrupts = callee.interrupts & (OFF | ON) | kept
        return self._replace(may=may, must=must, interrupts=interrupts)


class CallEffect(NamedTuple):
    """What a function has changed for its caller when it returns: the interrupt flag, and the locks
    that it states to acquire and release."""

    interrupts: int = SAME
    acquires: Locks = NO_LOCKS
    releases: Locks = NO_LOCKS


NO_EFFECT = CallEffect()
ENTRY = LockState()


def entry_state(routine: Routine) -> LockState:
    """Return what holds where a function is entered, as it states."""
    locks = routine.locks.at_entry if routine.locks is not NO_CONTRACT else NO_LOCKS
    is_off = routine.context == "interrupts off" or routine.is_of_program
    return LockState(locks, locks, OFF if is_off else SAME) if locks or is_off else ENTRY
