"""Formatted text, byte by byte."""

from __future__ import annotations

import sys
from collections.abc import Callable

from kernel.text.arguments import push_arguments
from kernel.text.colour import NORMAL, Colour
from kernel.text.directive import ESCAPE, Directive, Letter, Padding, directive
from kernel.text.format import translate
from kernel.text.numbers import DECIMAL, HEXADECIMAL, NUMBER_SIZE, Numbers
from kernel.text.symbols import SymbolLocation, Symbols
from pykasm import *
from pykasm.errors import Mistake, report
from pykasm.lang.builder import current
from pykasm.source import Moment, moment_of

POINTER_DIGITS = 16

PLAIN = Directive(letter=Letter.UNSIGNED, padding=Padding.LEFT, width_plus_one=1)
POINTER = Directive(
    letter=Letter.HEXADECIMAL, padding=Padding.ZEROS, width_plus_one=POINTER_DIGITS + 1
)


class Writer(Subsystem):
    """Formatted text to wherever a subclass's `put` sends it.

    `print` is written in code like a call; the format is checked while the kernel is built (see
    `kernel.text.format`). At run time nothing allocates, and what is written is of any length.
    """

    plain = rodata(Directive, PLAIN)
    pointer = rodata(Directive, POINTER)

    def __init__(self, numbers: Numbers, symbols: Symbols) -> None:
        self.numbers = numbers
        self.symbols = symbols

    def print(self, format: str, *arguments: object, colour: Colour = NORMAL) -> None:
        """Emit code that writes `format` with its `arguments`, on a screen in `colour`.

        Ends the life of caller-saved registers, as a call does. Mistakes are shown at the line
        that calls `print`.
        """
        self._print(moment_of(sys._getframe(1)), format, arguments, colour, self._write)

    def _print(
        self,
        moment: Moment,
        format: str,
        arguments: tuple[object, ...],
        colour: Colour,
        write: Callable[[str], None],
    ) -> None:
        """Emit code that has the arguments at rsp, with what `write` makes of the translated
        format between. `moment` is where the author asked for that."""
        builder = current("print")
        _, body_line = builder.running()
        with builder.counting(moment.source, body_line):
            try:
                translated = translate(format, arguments)
                if colour is not NORMAL:
                    change = directive(Letter.COLOUR)
                    translated = change + translated + change
                    arguments = (colour, *arguments, NORMAL)
                pushed = push_arguments(arguments)
                write(translated)
                if pushed:
                    add(rsp, pushed)
            except Mistake as mistake:
                mistake.span = moment.span
                report(mistake)

    def _write(self, format: str) -> None:
        """Emit the call that writes a translated format with the arguments at rsp."""
        self.format(text(format), rsp)

    @function
    def put(self, byte: U8) -> None:
        """Send `byte` on; each subclass says where."""
        raise NotImplementedError

    @function
    def set_colour(self, colour: U8) -> None:
        """Let the text to come have a colour, where there are colours."""

    @function
    def format(self, format: Ptr[U8], arguments: Ptr[U64]) -> None:
        """Write a translated format, which ends with a zero, with its arguments."""
        format, arguments = keep(format), keep(arguments)
        with loop():
            movzx(eax, at(format))
            inc(format)
            break_if(eax == 0)
            with if_(eax == ESCAPE):
                self.write_argument(cast(format, Ptr[Directive]), at(arguments))
                add(format, sizeof(Directive))
                add(arguments, sizeof(U64))
            with else_():
                self.put(al)

    @function
    def write_argument(self, directive: Ptr[Directive], argument: U64) -> None:
        """Write one argument as `directive` says."""
        movzx(eax, directive.letter)
        with switch(eax):
            with case(Letter.STRING):
                tail(self.write_string, directive, cast(argument, Ptr[U8]))
            with case(Letter.CHARACTER):
                tail(self.put, u8(argument))
            with case(Letter.SIGNED):
                tail(self.write_signed, directive, i64(argument))
            with case(Letter.UNSIGNED):
                tail(self.write_number, directive, argument, DECIMAL)
            with case(Letter.HEXADECIMAL):
                tail(self.write_number, directive, argument, HEXADECIMAL)
            with case(Letter.SIZE):
                tail(self.write_size, directive, argument)
            with case(Letter.POINTER):
                tail(self.write_pointer, argument)
            with case(Letter.COLOUR):
                tail(self.set_colour, u8(argument))

    @function
    def write_number(self, directive: Ptr[Directive], value: U64, base: U64) -> None:
        """Write a number without sign to `base`."""
        directive, end, buffer = keep(directive), keep(Ptr[U8]), local(U8 * NUMBER_SIZE)
        self._end_of(end, buffer)
        start = self.numbers.unsigned(value, base, end)
        self._write_up_to(end, directive, start)

    @function
    def write_signed(self, directive: Ptr[Directive], value: I64) -> None:
        """Write a number with sign in decimal."""
        directive, end, buffer = keep(directive), keep(Ptr[U8]), local(U8 * NUMBER_SIZE)
        self._end_of(end, buffer)
        start = self.numbers.signed(value, end)
        self._write_up_to(end, directive, start)

    @function
    def write_size(self, directive: Ptr[Directive], size: U64) -> None:
        """Write a number of bytes for people."""
        directive, end, buffer = keep(directive), keep(Ptr[U8]), local(U8 * NUMBER_SIZE)
        self._end_of(end, buffer)
        start = self.numbers.size(size, end)
        self._write_up_to(end, directive, start)

    def _end_of(self, end: Ptr[U8], buffer: U8) -> None:
        lea(end, buffer)
        add(end, NUMBER_SIZE)

    def _write_up_to(self, end: Ptr[U8], directive: Ptr[Directive], start: Ptr[U8]) -> None:
        sub(end, start)
        self.write_field(directive, start, u64(end))

    @function
    def write_string(self, directive: Ptr[Directive], string: Ptr[U8]) -> None:
        """Write a string that ends with a zero."""
        length = scratch(U64)
        xor(u32(length), u32(length))
        with while_(string[length] != 0):
            inc(length)
        tail(self.write_field, directive, string, length)

    @function
    def write_field(self, directive: Ptr[Directive], start: Ptr[U8], length: U64) -> None:
        """Write `length` bytes, filled up to the width that `directive` asks for."""
        directive, start, length, missing = keep(directive), keep(start), keep(length), keep(I64)
        movzx(u32(missing), directive.width_plus_one)
        dec(missing)
        sub(missing, length)
        with if_(directive.padding != Padding.RIGHT):
            self.write_repeated(directive.padding, missing)
        self.write_bytes(start, length)
        with if_(directive.padding == Padding.RIGHT):
            self.write_repeated(ord(" "), missing)

    @function
    def write_repeated(self, byte: U8, count: I64) -> None:
        """Write `byte` so many times; not at all if `count` is negative."""
        byte, count = keep(byte), keep(count)
        with while_(count > 0):
            self.put(byte)
            dec(count)

    @function
    def write_bytes(self, start: Ptr[U8], length: U64) -> None:
        """Write `length` bytes."""
        start, length = keep(start), keep(length)
        with while_(length != 0):
            self.put(at(start))
            inc(start)
            dec(length)

    @function
    def write_pointer(self, address: U64) -> None:
        """Write an address: `0xffffffff80101234 <Console.print+0x34 kernel/console.py:20>`."""
        address, place = keep(address), local(SymbolLocation)
        self._literal("0x")
        self.write_number(address_of(self.pointer), address, HEXADECIMAL)
        lea(rsi, place)
        found = self.symbols.describe(address, rsi)
        with if_(found == 0):
            ret()
        self._literal(" <")
        self._string(place.name)
        self._literal("+0x")
        self.write_number(address_of(self.plain), place.offset, HEXADECIMAL)
        with if_(place.file != 0):
            self._literal(" ")
            self._string(place.file)
            self._literal(":")
            self.write_number(address_of(self.plain), place.line, DECIMAL)
        self._literal(">")

    def _literal(self, characters: str) -> None:
        self._string(text(characters))

    def _string(self, string: Ptr[U8]) -> None:
        self.write_string(address_of(self.plain), string)
