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
    CharacterTables,  # letters
    TerminalOutput,  # characters on their way out
    Echo,  # what is shown of those on their way in
    LineEditing,  # the line that is typed
    LineInput,  # and what each character does to it
    TerminalTyping,  # the way to that
    TerminalReading,  # what programs read
    TerminalWriting,  # what programs write
    TerminalModes,  # how they want that to be
    Terminals,  # how it ends
    TerminalControl,  # what else they ask
    TerminalFiles,  # what they do with an open terminal
    TerminalCalls,  # what they may do without one
    ConsoleTerminal,  # the one that they begin at
)
