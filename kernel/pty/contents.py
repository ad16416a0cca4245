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
    PtyDriver,  # keeps what the slave writes until the master reads it
    PseudoTerminals,  # making pseudo-terminals, and freeing them
    PtyNames,  # names of slaves
    PtyMounts,  # which mounted devpts a `ptmx` belongs to
    PtyReading,  # reading as a master
    PtyWriting,  # writing as a master
    PtyControl,  # requests to a master
    PtyMasters,  # opening `ptmx`, which makes a pseudo-terminal
    DevptsOptionTexts,  # options for mounting devpts
    Devpts,  # the file system of slaves
    PtyDirectory,  # mounts it at `/dev/pts` at the start
)
