"""gdb's command `serial`: this file is run by gdb's own Python as well (gdb manual, "Python API").

There the variable of the environment names the open descriptor of the machine's serial line.
"""

import os

VARIABLE = "PYKASM_SERIAL"

try:
    import gdb  # type: ignore[import-untyped] # it is a part of gdb
except ImportError:  # pykasm itself, which only passes this file and the variable on
    pass
else:

    class Serial(gdb.Command):  # type: ignore[misc] # gdb has no types
        """serial TEXT: type TEXT and Return on the kernel's serial line."""

        def __init__(self) -> None:
            super().__init__("serial", gdb.COMMAND_USER)

        def invoke(self, argument: str, from_tty: bool) -> None:
            """Obey the command."""
            os.write(int(os.environ[VARIABLE]), argument.encode() + b"\r")

    Serial()
