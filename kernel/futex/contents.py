"""The parts of `kernel/futex`, in the order of reading."""

from kernel.futex.futexbuckets import FutexBuckets
from kernel.futex.futexes import Futexes
from kernel.futex.futexkeys import FutexKeys
from kernel.futex.futexvectors import FutexVectors
from kernel.futex.requeues import Requeues
from kernel.futex.robustlists import RobustLists
from kernel.futex.wordchanges import WordChanges
from pykasm import *

CONTENTS: Contents = (
    FutexKeys,  # which word a program means
    FutexBuckets,  # where waits are found
    Futexes,  # waiting and waking
    FutexVectors,  # waiting for one of several words
    Requeues,  # waiting for another word
    WordChanges,  # changing a word, and waking by what it was
    RobustLists,  # locks that end with their owners
)
