"""The parts of `kernel/monitor`, in the order of reading."""

from kernel.monitor.addresses import Addresses
from kernel.monitor.history import History
from kernel.monitor.keys import Keys
from kernel.monitor.line import LineEditor
from kernel.monitor.monitor import Monitor
from pykasm import *

CONTENTS: Contents = (
    Keys,  # keys of what terminals send
    History,  # lines typed before
    LineEditor,  # a line at a time
    Addresses,  # addresses as people type them
    Monitor,  # the prompt
)
