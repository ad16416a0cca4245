"""The parts of `kernel/interrupts`, in the order of reading."""

from kernel.interrupts.dispatcher import Dispatcher
from kernel.interrupts.localapic import LocalApic
from kernel.interrupts.pic import Pic
from pykasm import *

CONTENTS: Contents = (
    LocalApic,  # each processor's own interrupt controller
    Dispatcher,  # who is called on which vector
    Pic,  # the old interrupt controllers, which are silenced
)
