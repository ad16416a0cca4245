"""The parts of `kernel/terminal`, in the order of reading."""

from kernel.terminal.backlog import Backlog
from kernel.terminal.input import Input
from kernel.terminal.keyboard import Keyboard
from kernel.terminal.keymap import Keymap
from kernel.terminal.ps2 import Ps2Controller
from kernel.terminal.scancodes import ScanCodes
from kernel.terminal.serial import SerialInput
from pykasm import *

CONTENTS: Contents = (
    Input,  # what people type
    Backlog,  # threads that wait until output is sent
    SerialInput,  # what comes by the serial line
    ScanCodes,  # keys of what keyboards send
    Keymap,  # the keyboard's state, and what is typed on it
    Ps2Controller,  # what the keyboard is plugged into
    Keyboard,  # the keyboard
)
