"""A signal that is about to be handled."""

from __future__ import annotations

from kernel.signals.signalactions import SignalAction
from kernel.signals.signalinfo import SignalInfo
from pykasm import *


class FoundSignal(Struct):
    """What came, and what the program wants done."""

    info: SignalInfo
    action: SignalAction
