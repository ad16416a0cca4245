"""The parts of `kernel/cpu`, in the order of reading."""

from kernel.cpu.descriptors import Descriptors
from kernel.cpu.features import Features
from kernel.cpu.percpu import PerCpu
from kernel.cpu.protection import Protection
from kernel.cpu.stacks import Stacks
from pykasm import *

CONTENTS: Contents = (
    Features,  # what CPUID shows
    PerCpu,  # variables of which each processor has its own
    Stacks,  # the first processor's stacks
    Descriptors,  # segments and interrupt stacks
    Protection,  # W^X, NX, SMEP, SMAP: the processor's own defences
)
