"""The parts of `kernel/tty`, in the order of reading."""

from kernel.tty.charactertables import CharacterTables
from kernel.tty.consoleterminal import ConsoleTerminal
from kernel.tty.terminalcontrol import TerminalControl
from kernel.tty.terminalfiles import TerminalFiles
from kernel.tty.terminaloutput import TerminalOutput
from kernel.tty.terminalwriting import TerminalWriting
from pykasm import *

CONTENTS: Contents = (
    CharacterTables,  # letters
    TerminalOutput,  # characters on their way out
    TerminalWriting,  # what programs write
    TerminalControl,  # what they ask
    TerminalFiles,  # what they do with an open terminal
    ConsoleTerminal,  # the one that they begin at
)
