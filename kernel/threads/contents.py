"""The parts of `kernel/threads`, in the order of reading."""

from kernel.threads.areas import SaveAreas
from kernel.threads.idle import Idle
from kernel.threads.stacks import ThreadStacks
from kernel.threads.threads import Threads
from pykasm import *

CONTENTS: Contents = (
    ThreadStacks,  # stacks with the records of threads
    SaveAreas,  # memory for extended registers
    Threads,  # the lives of threads, from creation to the end
    Idle,  # what a processor does when nothing else wants to run
)
