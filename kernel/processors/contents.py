"""The parts of `kernel/processors`, in the order of reading."""

from kernel.processors.processors import Processors
from kernel.processors.stop import Stop
from pykasm import *

CONTENTS: Contents = (
    Processors,  # all processors that run the kernel
    Stop,  # stopping all the others
)
