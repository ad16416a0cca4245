"""The parts of `kernel/entry`, in the order of reading."""

from kernel.entry.exceptions import Exceptions
from kernel.entry.interrupts import Interrupts
from pykasm import *

CONTENTS: Contents = (
    Exceptions,  # who handles which vector
    Interrupts,  # a gate for each of 256 vectors
)
