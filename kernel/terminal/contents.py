"""The parts of `kernel/terminal`, in the order of reading."""

from kernel.terminal.backlog import Backlog
from kernel.terminal.consoleinput import ConsoleInput
from kernel.terminal.input import Input
from kernel.terminal.keyboard import Keyboard
from kernel.terminal.keymap import Keymap
from kernel.terminal.ps2 import Ps2Controller
from kernel.terminal.scancodes import ScanCodes
from kernel.terminal.serial import SerialInput
from pykasm import *

CONTENTS: Contents = (
    Input,  # bytes typed on all devices, for one reader
    Backlog,  # threads that wait for space in serial output
    SerialInput,  # the serial line's interrupts and received bytes
    ScanCodes,  # scan codes to keys
    ConsoleInput,  # or for several, each with a screen of its own
    Keymap,  # keys to characters
    Ps2Controller,  # the controller (8042)
    Keyboard,  # the keyboard's driver
)
