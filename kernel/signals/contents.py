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
    SignalQueues,  # what is pending for processes and threads
    SignalArrivals,  # files and threads that wait for signals to come
    Signals,  # sending signals to processes and threads
    SignalNames,  # names of signals
    OwnSignals,  # sending signals to the thread that runs
    ForcedSignals,  # signals that a thread causes itself, by exceptions
    SignalTimers,  # signals that timers send
    SignalMasks,  # which signals threads block
    SignalStates,  # what processes and threads have of signals
    SignalWaits,  # waiting for signals that are blocked
    AlternateStacks,  # stacks of their own for handlers
    FrameAccess,  # code that touches frames on the stacks of programs
    ExtendedFrames,  # x87, SSE and AVX registers in these frames
    SignalFrames,  # frames that handlers return to programs by
    RestartableSequences,  # sections of programs that begin again (rseq(2))
    Restarts,  # what becomes of system calls that a signal ends
    SignalDelivery,  # what a thread does with signals before its program goes on
)
