"""The parts of `kernel/sched`, in the order of reading."""

from kernel.sched.loadaverages import LoadAverages
from kernel.sched.preemption import Preemption
from kernel.sched.realtimelimit import RealTimeLimit
from kernel.sched.scheduler import Scheduler
from kernel.sched.segmentbases import SegmentBases
from kernel.sched.sleep import Sleep
from kernel.sched.switch import Switch
from kernel.sched.threadtimes import ThreadTimes
from kernel.sched.ticks import SchedulerTicks
from kernel.sched.waiting import Waiting
from kernel.sched.xstate import ExtendedState
from pykasm import *

CONTENTS: Contents = (
    Preemption,  # whether this processor may turn to another thread, and should
    Switch,  # how it leaves one thread for another
    ThreadTimes,  # for how long threads run
    RealTimeLimit,  # how much of a processor urgent threads may have
    SchedulerTicks,  # when a thread's turn is over
    ExtendedState,  # x87, SSE and AVX registers, which few threads use
    SegmentBases,  # where FS and GS of programs begin
    Scheduler,  # which thread runs on which processor
    Waiting,  # how threads wait, and are woken
    Sleep,  # waiting for a time
    LoadAverages,  # how many threads want to run
)
