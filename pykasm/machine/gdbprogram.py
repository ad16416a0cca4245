"""gdb's command `start-program`: this file is run by gdb's own Python as well."""

NAME = "start-program"

try:
    import gdb  # type: ignore[import-untyped] # it is a part of gdb
except ImportError:  # pykasm itself, which only passes this file on
    pass
else:

    class StartProgram(gdb.Command):  # type: ignore[misc] # gdb has no types
        """start-program ADDRESS: run up to the instruction at ADDRESS of a program.

        A kernel that loads programs page by page does so when the first instruction is tried: the
        stop before that would make a step lead into the kernel.
        """

        def __init__(self) -> None:
            super().__init__(NAME, gdb.COMMAND_RUNNING)

        def invoke(self, argument: str, from_tty: bool) -> None:
            """Obey the command."""
            address = int(argument, 0)
            while True:
                gdb.execute(f"tbreak *{argument}")
                gdb.execute("continue")
                try:
                    gdb.selected_inferior().read_memory(address, 1)
                except gdb.MemoryError:
                    continue  # it is about to be loaded
                return

    StartProgram()
