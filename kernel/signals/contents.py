"""The parts of `kernel/signals`, in the order of reading."""

from kernel.signals.alternatestacks import AlternateStacks
from kernel.signals.extendedframes import ExtendedFrames
from kernel.signals.forcedsignals import ForcedSignals
from kernel.signals.frameaccess import FrameAccess
from kernel.signals.ownsignals import OwnSignals
from kernel.signals.restartablesequences import RestartableSequences
from kernel.signals.restarts import Restarts
from kernel.signals.signalactionstore import SignalActionStore
from kernel.signals.signalarrivals import SignalArrivals
from kernel.signals.signaldelivery import SignalDelivery
from kernel.signals.signalframes import SignalFrames
from kernel.signals.signalmasks import SignalMasks
from kernel.signals.signalnames import SignalNames
from kernel.signals.signalqueues import SignalQueues
from kernel.signals.signals import Signals
from kernel.signals.signalstates import SignalStates
from kernel.signals.signaltimers import SignalTimers
from kernel.signals.signalwaits import SignalWaits
from kernel.signals.timerdeadlines import TimerDeadlines
from pykasm import *

CONTENTS: Contents = (
    SignalActionStore,  # what programs want done when signals come
    TimerDeadlines,  # when timers of programs expire
    SignalQueues,  # signals that wait for that
    SignalArrivals,  # who waits for them by files
    Signals,  # sending them
    SignalNames,  # what they are called
    OwnSignals,  # to the thread that runs
    ForcedSignals,  # those that a thread causes itself
    SignalTimers,  # those that timers send
    SignalMasks,  # what threads block
    SignalStates,  # what processes and threads have of signals
    SignalWaits,  # waiting for what is blocked
    AlternateStacks,  # where handlers run
    FrameAccess,  # code that touches their frames
    ExtendedFrames,  # what they find and leave in x87, SSE and AVX
    SignalFrames,  # how programs get to them, and back
    RestartableSequences,  # what programs do without an interruption, or again
    Restarts,  # what becomes of system calls meanwhile
    SignalDelivery,  # what threads do with signals on their way to their program
)
