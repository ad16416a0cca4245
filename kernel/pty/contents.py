"""The parts of `kernel/pty`, in the order of reading."""

from kernel.pty.devpts import Devpts
from kernel.pty.devptsoptions import DevptsOptionTexts
from kernel.pty.pseudoterminals import PseudoTerminals
from kernel.pty.ptycontrol import PtyControl
from kernel.pty.ptydirectory import PtyDirectory
from kernel.pty.ptydriver import PtyDriver
from kernel.pty.ptymasters import PtyMasters
from kernel.pty.ptymounts import PtyMounts
from kernel.pty.ptynames import PtyNames
from kernel.pty.ptyreading import PtyReading
from kernel.pty.ptywriting import PtyWriting
from pykasm import *

CONTENTS: Contents = (
    PtyDriver,  # what was written
    PseudoTerminals,  # those that there are
    PtyNames,  # how programs find them
    PtyMounts,  # and where
    PtyReading,  # what their masters read
    PtyWriting,  # and write
    PtyControl,  # and ask
    PtyMasters,  # and are made by
    DevptsOptionTexts,  # what is asked for
    Devpts,  # when their names are mounted
    PtyDirectory,  # as at the start
)
