"""Signals that were sent and are not delivered yet."""

from __future__ import annotations

from kernel.signals.signalinfo import SignalInfo
from kernel.structures.list import ListHead
from pykasm import *


class QueuedSignal(Struct):
    """What came with a signal."""

    link: ListHead
    info: SignalInfo
    of_timer: U32
    """1 if it is the part `signal` of a `SignalTimer`."""


class PendingSignals(Struct):
    """Signals for a thread, or for any thread of a process."""

    set: U64 = field(guarded_by="SignalGroup.lock", unlocked_reads=True)
    queue: ListHead = field(guarded_by="SignalGroup.lock", elements="QueuedSignal.link")
    """What came with them, in the order of sending. A signal that could get no record is in the
    set alone."""
