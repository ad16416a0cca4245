"""The parts of `kernel/log`, in the order of reading."""

from kernel.log.log import Log
from pykasm import *

CONTENTS: Contents = (
    Log,  # the latest messages, in a ring
)
