"""The parts of `kernel/irq`, in the order of reading."""

from kernel.irq.deferred import Deferred
from kernel.irq.ioapic import IoApics
from kernel.irq.lines import Lines
from pykasm import *

CONTENTS: Contents = (
    IoApics,  # interrupt controllers of the devices
    Lines,  # how devices interrupt
    Deferred,  # work that handlers leave for later
)
