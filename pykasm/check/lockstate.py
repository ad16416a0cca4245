"""What holds before an instruction: which locks are held, and whether interrupts are on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from iced_x86 import Mnemonic

from pykasm.lang.locking import NO_LOCKS as NO_CONTRACT
from pykasm.lang.locking import LockAction, LockEvent
from pykasm.lang.routine import Routine

SAME, OFF, ON = 1, 2, 4
"""Interrupts as a set of what paths may leave: as they were at entry, off, on."""

Locks: TypeAlias = frozenset[str]
"""Locks by their names."""

NO_LOCKS: Locks = frozenset()

_WORDS = {Mnemonic.CLI, Mnemonic.STI, Mnemonic.PUSHFQ, Mnemonic.POPFQ}
"""The instructions that change whether interrupts are on, or save it."""


class LockState(NamedTuple):
    """What holds before an instruction.

    `may` and `must` are the locks that the routine itself holds on some path and on all, with those
    that it says it is entered with. `interrupts`
    is a set of `SAME`, `OFF` and `ON`, and `saved` what pushes of the flags saved of it.
    """

    may: Locks = NO_LOCKS
    must: Locks = NO_LOCKS
    interrupts: int = SAME
    saved: tuple[int, ...] = ()

    def joined(self, other: LockState) -> LockState:
        """What holds where two paths meet."""
        return LockState(
            self.may | other.may,
            self.must & other.must,
            self.interrupts | other.interrupts,
            self.saved if self.saved == other.saved else (),
        )

    def after(self, mnemonic: int, events: Sequence[LockEvent]) -> LockState:
        """What holds after an instruction, at which `events` happen."""
        changed = self.after_events(events)
        return changed._after_word(mnemonic) if mnemonic in _WORDS else changed

    def after_events(self, events: Sequence[LockEvent]) -> LockState:
        """What holds when `events` have happened."""
        if not events:
            return self
        may, must = self.may, self.must
        for event in events:
            if event.action is LockAction.TAKE:
                may, must = may | {event.lock}, must | {event.lock}
            else:
                may, must = may - {event.lock}, must - {event.lock}
        return self._replace(may=may, must=must)

    def _after_word(self, mnemonic: int) -> LockState:
        interrupts, saved = self.interrupts, self.saved
        match mnemonic:
            case Mnemonic.CLI:
                interrupts = OFF
            case Mnemonic.STI:
                interrupts = ON
            case Mnemonic.PUSHFQ:
                saved = (*saved, interrupts)
            case Mnemonic.POPFQ:
                interrupts, saved = (saved[-1], saved[:-1]) if saved else (SAME, ())
        return self._replace(interrupts=interrupts, saved=saved)

    def returned(self, callees: Sequence[CallEffect]) -> LockState:
        """What holds when one of `callees` came back."""
        if not callees:
            return self
        first, *others = (self._returned(one) for one in callees)
        for other in others:
            first = first.joined(other)
        return first

    def _returned(self, callee: CallEffect) -> LockState:
        may = self.may - callee.releases | callee.acquires
        must = self.must - callee.releases | callee.acquires
        interrupts = self.interrupts
        if callee.interrupts not in (0, SAME):
            kept = interrupts if callee.interrupts & SAME else 0
            interrupts = callee.interrupts & (OFF | ON) | kept
        return self._replace(may=may, must=must, interrupts=interrupts)


class CallEffect(NamedTuple):
    """What a routine changes when it comes back: how it leaves interrupts, and which locks it has
    taken and released for its caller."""

    interrupts: int = SAME
    acquires: Locks = NO_LOCKS
    releases: Locks = NO_LOCKS


UNCHANGED = CallEffect()
ENTRY = LockState()


def entry_of(routine: Routine) -> LockState:
    """What holds where a routine is entered, as it says."""
    locks = routine.locks.at_entry if routine.locks is not NO_CONTRACT else NO_LOCKS
    is_off = routine.context == "interrupts off"
    return LockState(locks, locks, OFF if is_off else SAME) if locks or is_off else ENTRY
