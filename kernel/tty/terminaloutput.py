"""What terminals do with characters on their way out."""

from __future__ import annotations

from kernel.tty.characters import is_continuation, is_control
from kernel.tty.charactertables import CharacterTables
from kernel.tty.terminal import OUTPUT_SIZE, Terminal
from kernel.tty.termios import XTABS, OutputMode
from pykasm import *

TAB = 8
"""Columns from one tab stop to the next."""


class TerminalOutput(Subsystem):
    """Output processing, as `OutputMode` says (termios(3)). Context: thread; the terminal's lock is
    held from `begin` to `finish`."""

    def __init__(self, tables: CharacterTables) -> None:
        self.tables = tables

    @function(context="thread", sleeps=True, holds="terminal.lock")
    def begin(self, terminal: Keep[Ptr[Terminal]]) -> None:
        """Ask the driver for room; there is none while output is stopped."""
        mov(terminal.room, 0)
        with if_(terminal.stopped != 0):
            ret()
        driver = scratch(terminal.driver)
        mov(terminal.room, driver.room(terminal))

    @function(context="thread", sleeps=True, holds="terminal.lock")
    def finish(self, terminal: Keep[Ptr[Terminal]]) -> None:
        """Hand what was put to the driver."""
        with if_(terminal.used != 0):
            driver = scratch(terminal.driver)
            driver.send(terminal, address_of(terminal.output), terminal.used)
            mov(terminal.used, 0)

    @function(holds="terminal.lock")
    def put_raw(self, terminal: Ptr[Terminal], byte: U8) -> Bool:
        """Put `byte` as it is. Returns whether there was room."""
        with if_(terminal.room == 0):
            ret(False)
        dec(terminal.room)
        mov(eax, terminal.used)
        asserts(eax < OUTPUT_SIZE)
        mov(terminal.output[rax], byte)
        inc(terminal.used)
        ret(True)

    @function(holds="terminal.lock")
    def put(self, terminal: Ptr[Terminal], byte: U8) -> Bool:
        """Put `byte` as the modes say. Returns whether there was room for all that it becomes."""
        with if_((terminal.modes.output & OutputMode.OPOST) == 0):
            tail(self.put_raw, terminal, byte)
        movzx(eax, byte)
        with switch(eax):
            with case(ord("\n")):
                tail(self._put_newline, terminal)
            with case(ord("\r")):
                tail(self._put_return, terminal)
            with case(ord("\t")):
                tail(self._put_tab, terminal)
            with case(ord("\b")):
                with if_((terminal.column != 0) & (terminal.room != 0)):
                    dec(terminal.column)
                tail(self.put_raw, terminal, byte)
            with default():
                tail(self._put_plain, terminal, byte)

    @function(holds="terminal.lock")
    def _put_newline(self, terminal: Keep[Ptr[Terminal]]) -> Bool:
        """Put the end of a line."""
        # All that it becomes, or nothing: who writes would not know what is left
        with if_(terminal.room < 2):
            fail_if((terminal.room == 0) | (terminal.modes.output & OutputMode.ONLCR))
        with if_(terminal.modes.output & (OutputMode.ONLRET | OutputMode.ONLCR)):
            mov(terminal.column, 0)
        with if_(terminal.modes.output & OutputMode.ONLCR):
            ignore(self.put_raw(terminal, ord("\r")))
        self._begin_line(terminal)
        tail(self.put_raw, terminal, ord("\n"))

    @inline(changes=rax)
    def _begin_line(self, terminal: Ptr[Terminal]) -> None:
        """Note that what is typed is echoed from the present column on."""
        mov(eax, terminal.column)
        mov(terminal.first_column, eax)

    @function(holds="terminal.lock")
    def _put_return(self, terminal: Ptr[Terminal]) -> Bool:
        """Put a carriage return."""
        output = scratch(terminal.modes.output)
        with if_((output & OutputMode.ONOCR) & (terminal.column == 0)):
            ret(True)
        fail_if(terminal.room == 0)
        with if_(((output & OutputMode.OCRNL) == 0) | (output & OutputMode.ONLRET)):
            mov(terminal.column, 0)
            mov(terminal.first_column, 0)
        with if_(output & OutputMode.OCRNL):
            tail(self.put_raw, terminal, ord("\n"))
        tail(self.put_raw, terminal, ord("\r"))

    @function(holds="terminal.lock")
    def _put_tab(self, terminal: Keep[Ptr[Terminal]]) -> Bool:
        """Put a tab, or the spaces that it stands for."""
        spaces = keep(terminal.column)
        not_(spaces)
        # TAB - column % TAB, for a power of 2
        and_(spaces, TAB - 1)
        inc(spaces)
        mov(eax, terminal.modes.output)
        and_(eax, XTABS)
        with if_(eax != XTABS):
            fail_if(terminal.room == 0)
            add(terminal.column, spaces)
            tail(self.put_raw, terminal, ord("\t"))
        fail_if(terminal.room < spaces)
        add(terminal.column, spaces)
        with while_(spaces != 0):
            ignore(self.put_raw(terminal, ord(" ")))
            dec(spaces)
        ret(True)

    @function(holds="terminal.lock")
    def _put_plain(self, terminal: Ptr[Terminal], byte: U8) -> Bool:
        """Put any other character."""
        fail_if(terminal.room == 0)
        with if_(~is_control(byte)):
            with if_(terminal.modes.output & OutputMode.OLCUC):
                movzx(eax, byte)
                mov(byte, self.tables.capitals[rax])
            # Bytes of one letter in UTF-8 take one column together
            with if_(~is_continuation(terminal, byte)):
                inc(terminal.column)
        tail(self.put_raw, terminal, byte)
