"""A line editor with history."""

from __future__ import annotations

from kernel.console.console import Console
from kernel.monitor.history import History
from kernel.monitor.keys import Key, Keys
from kernel.monitor.prompt import LINE_SIZE
from kernel.terminal.input import Input
from kernel.terminal.reader import Reader
from pykasm import *

MAX_LENGTH = LINE_SIZE - 1


class LineEditor(Subsystem):
    """Read a line, with the editing keys of GNU readline.

    What it shows is made of characters, `\\b` and the bell alone, so that it looks the same on
    any terminal and on the text screen. Context: the thread that reads.
    """

    text = bss(U8 * LINE_SIZE)
    length = bss(U32)
    cursor = bss(U32)
    """The index at which the next character is inserted."""
    age = bss(U64)
    """The age of the line of the history that is shown; 0: the new line is."""
    draft = bss(U8 * LINE_SIZE)
    """The new line while one of the history is shown."""

    def __init__(self, console: Console, input: Input, keys: Keys, history: History) -> None:
        self.console = console
        self.input = input
        self.keys = keys
        self.history = history

    @function
    def read(self) -> Ptr[U8]:
        """Wait for a line and return it, NUL-terminated. It stays until the next call."""
        mov(self.length, 0)
        mov(self.cursor, 0)
        mov(self.age, 0)
        with loop():
            byte = self.input.read(Reader.MONITOR)
            key = self.keys.decode(byte)
            break_if(key == Key.ENTER)
            self._press(key)
        self._terminate()
        self.console.write_byte(ord("\n"))
        self.history.add(address_of(self.text))
        ret(address_of(self.text))

    @function
    def _press(self, key: U8) -> None:
        """Do what `key`, a `Key` but ENTER, stands for; ring the bell if that is not possible."""
        with if_(key == Key.NONE):
            ret()
        cursor, beside = scratch(self.cursor), scratch(U32)
        movzx(eax, key)
        with switch(eax):
            with case(Key.LEFT):
                dec(cursor)
                tail(self._move_to, cursor)
            with case(Key.RIGHT):
                inc(cursor)
                tail(self._move_to, cursor)
            with case(Key.HOME):
                tail(self._move_to, 0)
            with case(Key.END):
                tail(self._move_to, self.length)
            with case(Key.BACKSPACE):
                lea(beside, bare[u64(cursor) - 1])
                tail(self.erase, beside, cursor)
            with case(Key.DELETE):
                lea(beside, bare[u64(cursor) + 1])
                tail(self.erase, cursor, beside)
            with case(Key.ERASE_BEFORE):
                tail(self.erase, 0, cursor)
            with case(Key.ERASE_AFTER):
                tail(self.erase, cursor, self.length)
            with case(Key.ERASE_WORD):
                start = self._word_start()
                tail(self.erase, start, self.cursor)
            with case(Key.ERASE_LINE):
                tail(self.erase, 0, self.length)
            with case(Key.OLDER):
                tail(self._older)
            with case(Key.NEWER):
                tail(self._newer)
            with default():
                tail(self.insert, key)

    @function
    def _move_to(self, column: Keep[U32]) -> None:
        """Move the cursor to `column`.

        If that is outside of the line, only ring the bell; -1 is, too, as an unsigned number.
        """
        with if_(column > self.length):
            tail(self._bell)
        with while_(column < self.cursor):
            self.console.write_byte(ord("\b"))
            dec(self.cursor)
        with while_(column > self.cursor):  # no byte moves it right but that of the character there
            mov(eax, self.cursor)
            self.console.write_byte(self.text[rax])
            inc(self.cursor)

    @function
    def insert(self, character: U8) -> None:
        """Insert `character` before the cursor; ring the bell if the line is full."""
        with if_(self.length == MAX_LENGTH):
            tail(self._bell)
        column = keep(self.cursor)
        moved, place = scratch(character), scratch(column)
        with while_(place <= self.length):
            xchg(moved, self.text[place])
            inc(place)
        inc(self.length)
        inc(column)
        self._move_to(self.length)  # shows all that has moved
        tail(self._move_to, column)

    @function
    def erase(self, start: Keep[U32], end: Keep[U32]) -> None:
        """Remove the characters from `start` up to `end`, and leave the cursor at `start`.

        If one of the two is outside of the line, only ring the bell.
        """
        with if_((start > self.length) | (end > self.length)):
            tail(self._bell)
        self._move_to(start)
        lea(rdi, self.text[start])
        lea(rsi, self.text[end])
        mov(ecx, self.length)
        sub(ecx, end)
        rep.movsb()
        removed = end
        sub(removed, start)
        sub(self.length, removed)
        self._move_to(self.length)
        # Blanks over what the longer line had here, and back.
        self._repeat(ord(" "), removed)
        self._repeat(ord("\b"), removed)
        tail(self._move_to, start)

    @function
    def _word_start(self) -> U32:
        """Return the index at which the word before the cursor starts."""
        mov(eax, self.cursor)
        lea(rcx, self.text)
        with while_((rax != 0) & (u8[rcx + rax - 1] == ord(" "))):
            dec(rax)
        with while_((rax != 0) & (u8[rcx + rax - 1] != ord(" "))):
            dec(rax)
        ret(eax)

    @function
    def _older(self) -> None:
        """Show the next older line of the history."""
        age = scratch(self.age)
        inc(age)
        line = self.history.line(age)
        with if_(line == 0):
            tail(self._bell)
        with if_(self.age == 0):
            self._save_draft()
        inc(self.age)
        tail(self._replace, line)

    @function
    def _newer(self) -> None:
        """Show the next newer line of the history, or after the newest the new line."""
        with if_(self.age == 0):
            tail(self._bell)
        dec(self.age)
        with if_(ZF):
            tail(self._replace, address_of(self.draft))
        line = self.history.line(self.age)
        asserts(line != 0)  # it was there when an older one was shown
        tail(self._replace, line)

    @function
    def _replace(self, line: Keep[Ptr[U8]]) -> None:
        """Show the NUL-terminated `line` in place of the one that is shown."""
        self.erase(0, self.length)
        with while_(at(line) != 0):
            self.insert(at(line))
            inc(line)

    @function
    def _repeat(self, byte: Keep[U8], count: Keep[U32]) -> None:
        """Write `byte` `count` times."""
        with while_(count != 0):
            self.console.write_byte(byte)
            dec(count)

    @function
    def _bell(self) -> None:
        """Ring the bell."""
        tail(self.console.write_byte, ord("\a"))

    @inline(changes=(rcx, rsi, rdi))
    def _save_draft(self) -> None:
        """Copy the line to `draft`."""
        self._terminate()
        lea(rsi, self.text)
        lea(rdi, self.draft)
        mov(ecx, LINE_SIZE)
        rep.movsb()

    @inline(changes=rcx)
    def _terminate(self) -> None:
        """Write a zero at the end of the line."""
        mov(ecx, self.length)
        mov(self.text[rcx], 0)
