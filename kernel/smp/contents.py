"""The parts of `kernel/smp`, in the order of reading."""

from kernel.smp.calls import Calls
from kernel.smp.memorybarriers import MemoryBarriers
from kernel.smp.tlb import Tlb
from pykasm import *

CONTENTS: Contents = (
    Calls,  # what processors have each other do
    MemoryBarriers,  # ordering what they read and write
    Tlb,  # making them forget page-table entries that have changed
)
