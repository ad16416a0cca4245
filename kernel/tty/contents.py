"""The parts of `kernel/tty`, in the order of reading."""

from kernel.tty.charactertables import CharacterTables
from kernel.tty.consoleterminal import ConsoleTerminal
from kernel.tty.echo import Echo
from kernel.tty.lineediting import LineEditing
from kernel.tty.lineinput import LineInput
from kernel.tty.terminalcalls import TerminalCalls
from kernel.tty.terminalcontrol import TerminalControl
from kernel.tty.terminalfiles import TerminalFiles
from kernel.tty.terminalmodes import TerminalModes
from kernel.tty.terminaloutput import TerminalOutput
from kernel.tty.terminalreading import TerminalReading
from kernel.tty.terminals import Terminals
from kernel.tty.terminaltyping import TerminalTyping
from kernel.tty.terminalwriting import TerminalWriting
from pykasm import *

CONTENTS: Contents = (
    CharacterTables,  # which characters are letters, and their other case
    TerminalOutput,  # what becomes of characters on their way out
    Echo,  # what is shown of what is typed
    LineEditing,  # erasing in the line that is typed
    LineInput,  # what each typed character does
    TerminalTyping,  # handing typed bytes to a terminal
    TerminalReading,  # reading from a terminal
    TerminalWriting,  # writing to a terminal
    TerminalModes,  # modes of a terminal (termios(3))
    Terminals,  # letting go of terminals, and hanging them up
    TerminalControl,  # other requests to a terminal (ioctl_tty(2))
    TerminalFiles,  # what is done with an open terminal
    TerminalCalls,  # vhangup(2)
    ConsoleTerminal,  # the console as a terminal
)
