"""The parts of `kernel/sync`, in the order of reading."""

from kernel.sync.biasedlock import BiasedLocks
from kernel.sync.condition import ConditionVariables
from kernel.sync.mutex import Mutexes
from kernel.sync.once import Onces
from kernel.sync.pollqueues import PollQueues
from kernel.sync.rwlock import ReadWriteLocks
from kernel.sync.semaphore import Semaphores
from pykasm import *

CONTENTS: Contents = (
    Mutexes,  # one thread at a time
    Semaphores,  # so many at a time
    ConditionVariables,  # until something is so
    ReadWriteLocks,  # many readers, or one writer
    BiasedLocks,  # many readers who write to nothing in common, or one writer
    PollQueues,  # until anything changes
    Onces,  # by the thread that comes first
)
