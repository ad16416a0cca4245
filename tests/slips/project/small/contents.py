"""What the program consists of, in the order of reading."""

from functools import partial

from pykasm import *
from small.blocks import Blocks
from small.boot import Boot
from small.devices import DATA_PORT, Beeper, Serial, Vectors
from small.main import Main, Starting

CONTENTS: Contents = (
    Boot,  # from the boot loader
    Main,  # the program itself
    Starting,  # what it starts
    Blocks,  # memory
    partial(Serial, port=DATA_PORT),  # the serial line
    Beeper,  # noise
    Vectors,  # interrupts
)
