"""The parts of `kernel/exec`, in the order of reading."""

from kernel.exec.initialstack import InitialStack
from kernel.exec.loader import ElfLoader
from kernel.exec.programs import Programs
from pykasm import *

CONTENTS: Contents = (
    Programs,  # starting them
    ElfLoader,  # their segments, from files
    InitialStack,  # what they are told
)
