"""Formatted output, byte by byte."""

from __future__ import annotations

from collections.abc import Callable

from kernel.text.arguments import push_arguments
from kernel.text.colour import NORMAL, Colour
from kernel.text.directive import ESCAPE, Directive, Padding, Specifier, directive
from kernel.text.format import translate
from kernel.text.numbers import DECIMAL, HEXADECIMAL, NUMBER_SIZE, Numbers
from kernel.text.symbols import SymbolLocation, Symbols
from pykasm import *
from pykasm.errors import Mistake, report
from pykasm.lang.builder import current
from pykasm.source import Moment

POINTER_DIGITS = 16

PLAIN = Directive(specifier=Specifier.UNSIGNED, padding=Padding.LEFT, width_plus_one=1)
POINTER = Directive(
    specifier=Specifier.HEXADECIMAL, padding=Padding.ZEROS, width_plus_one=POINTER_DIGITS + 1
)


class Writer(Subsystem):
    """Write formatted text by `put`, which a subclass provides.

    `print` is used in a function's body like a call. Its format is checked while the kernel is
    built (`kernel.text.format`). Nothing is allocated at run time, and text may have any length.
    """

    has_tabs = False
    """Whether formats may have tabs: where text goes that can't align by them, they would be odd
    characters."""

    plain = rodata(Directive, PLAIN)
    """A directive without a width."""
    pointer = rodata(Directive, POINTER)
    """The directive of the digits of an address."""

    def __init__(self, numbers: Numbers, symbols: Symbols) -> None:
        self.numbers = numbers
        self.symbols = symbols

    @inline(changes=("arguments", *CALLER_SAVED))
    def print(self, format: str, *arguments: object, colour: Colour = NORMAL) -> None:
        """Write `format` with its `arguments`, on a screen in `colour`.

        A mistake in the format or in an argument is reported at the line that calls `print`.
        """
        self.emit(called_at(), format, arguments, colour, self.emit_call)

    @inline(changes=("arguments", *CALLER_SAVED))
    def emit(
        self,
        moment: Moment,
        format: str,
        arguments: tuple[object, ...],
        colour: Colour,
        write: Callable[[str], None],
    ) -> None:
        """Push the arguments, do what `write` emits, and restore the stack.

        `write` is given the translated format and finds the arguments at rsp. `moment` is the line
        that mistakes are reported at.
        """
        builder = current("print")
        _, body_line = builder.running()
        with builder.counting(moment.source, body_line):
            try:
                translated = translate(format, arguments, tabs=self.has_tabs)
                if colour is not NORMAL:  # one write, so that no other text comes between
                    change = directive(Specifier.COLOUR)
                    translated = change + translated + change
                    arguments = (colour, *arguments, NORMAL)
                pushed = push_arguments(arguments)
                write(translated)
                if pushed:
                    add(rsp, pushed)
            except Mistake as mistake:
                mistake.span = moment.span
                report(mistake)

    @inline(changes=CALLER_SAVED)
    def emit_call(self, format: str) -> None:
        """Write the translated `format`, with the arguments at rsp."""
        self.format(text(format), rsp)

    @function
    def put(self, byte: U8) -> None:
        """Output one byte. A subclass says to where, and in which context."""
        raise NotImplementedError

    @function
    def set_colour(self, colour: U8) -> None:
        """Set the colour of the text that follows, a `Colour`; does nothing without colours."""

    @function
    def format(self, format: Keep[Ptr[U8]], arguments: Keep[Ptr[U64]]) -> None:
        """Write the NUL-terminated translated `format`, with its arguments in an array."""
        with loop():
            movzx(eax, at(format))
            inc(format)
            break_if(eax == 0)
            with if_(eax == ESCAPE):
                self._write_argument(cast(format, Ptr[Directive]), at(arguments))
                add(format, sizeof(Directive))
                add(arguments, sizeof(U64))
            with else_():
                self.put(al)

    @function
    def _write_argument(self, directive: Ptr[Directive], argument: U64) -> None:
        """Write `argument` as `directive` says."""
        movzx(eax, directive.specifier)
        with switch(eax):
            with case(Specifier.STRING):
                tail(self._write_string, directive, cast(argument, Ptr[U8]))
            with case(Specifier.CHARACTER):
                tail(self.put, u8(argument))
            with case(Specifier.SIGNED):
                tail(self._write_signed, directive, i64(argument))
            with case(Specifier.UNSIGNED):
                tail(self._write_number, directive, argument, DECIMAL)
            with case(Specifier.HEXADECIMAL):
                tail(self._write_number, directive, argument, HEXADECIMAL)
            with case(Specifier.SIZE):
                tail(self._write_size, directive, argument)
            with case(Specifier.POINTER):
                tail(self._write_pointer, argument)
            with case(Specifier.COLOUR):
                tail(self.set_colour, u8(argument))

    @function
    def _write_number(self, directive: Keep[Ptr[Directive]], value: U64, base: U64) -> None:
        """Write the unsigned number `value` in `base`."""
        end, buffer = keep(Ptr[U8]), local(U8 * NUMBER_SIZE)
        self._end_of(end, buffer)
        start = self.numbers.format_unsigned(value, base, end)
        self._write_up_to(end, directive, start)

    @function
    def _write_signed(self, directive: Keep[Ptr[Directive]], value: I64) -> None:
        """Write the signed number `value` in decimal."""
        end, buffer = keep(Ptr[U8]), local(U8 * NUMBER_SIZE)
        self._end_of(end, buffer)
        start = self.numbers.format_signed(value, end)
        self._write_up_to(end, directive, start)

    @function
    def _write_size(self, directive: Keep[Ptr[Directive]], size: U64) -> None:
        """Write `size` bytes with a binary prefix."""
        end, buffer = keep(Ptr[U8]), local(U8 * NUMBER_SIZE)
        self._end_of(end, buffer)
        start = self.numbers.format_size(size, end)
        self._write_up_to(end, directive, start)

    @inline(changes="end")
    def _end_of(self, end: Ptr[U8], buffer: Array[U8]) -> None:
        """Load the end of the digits' `buffer` into `end`."""
        lea(end, buffer)
        add(end, NUMBER_SIZE)

    @inline(changes=("end", "start", *CALLER_SAVED))
    def _write_up_to(self, end: Ptr[U8], directive: Ptr[Directive], start: Ptr[U8]) -> None:
        """Write the digits from `start` to `end` as a field. Changes `end`."""
        sub(end, start)
        self._write_field(directive, start, u64(end))

    @function
    def _write_string(self, directive: Ptr[Directive], string: Ptr[U8]) -> None:
        """Write the NUL-terminated `string` as a field."""
        length = scratch(U64)
        xor(u32(length), u32(length))
        with while_(string[length] != 0):
            inc(length)
        tail(self._write_field, directive, string, length)

    @function
    def _write_field(
        self, directive: Keep[Ptr[Directive]], start: Keep[Ptr[U8]], length: Keep[U64]
    ) -> None:
        """Write `length` bytes, padded to the width of `directive`; longer text is not cut."""
        missing = keep(I64)
        movzx(u32(missing), directive.width_plus_one)
        dec(missing)  # signed: longer text than the width leaves nothing to fill
        sub(missing, length)
        with if_(directive.padding != Padding.RIGHT):
            self._write_repeated(directive.padding, missing)
        self._write_bytes(start, length)
        with if_(directive.padding == Padding.RIGHT):
            self._write_repeated(ord(" "), missing)

    @function
    def _write_repeated(self, byte: Keep[U8], count: Keep[I64]) -> None:
        """Write `byte` `count` times; not at all if `count` is negative."""
        with while_(count > 0):
            self.put(byte)
            dec(count)

    @function
    def _write_bytes(self, start: Keep[Ptr[U8]], length: Keep[U64]) -> None:
        """Write `length` bytes from `start`."""
        with while_(length != 0):
            self.put(at(start))
            inc(start)
            dec(length)

    @function
    def _write_pointer(self, address: Keep[U64]) -> None:
        """Write an address, and its symbol and source line if it has them.

        For example: `0xffffffff80101234 <Console.print+0x34 kernel/console.py:20>`.
        """
        location = local(SymbolLocation)
        self._literal("0x")
        self._write_number(address_of(self.pointer), address, HEXADECIMAL)
        with if_(~self.symbols.lookup(address, address_of(location))):
            ret()
        self._literal(" <")
        self._string(location.name)
        self._literal("+0x")
        self._write_number(address_of(self.plain), location.offset, HEXADECIMAL)
        with if_(location.file != 0):
            self._literal(" ")
            self._string(location.file)
            self._literal(":")
            self._write_number(address_of(self.plain), location.line, DECIMAL)
        self._literal(">")

    @inline(changes=CALLER_SAVED)
    def _literal(self, characters: str) -> None:
        """Write constant text."""
        self._string(text(characters))

    @inline(changes=("string", *CALLER_SAVED))
    def _string(self, string: Ptr[U8]) -> None:
        """Write a string without padding."""
        self._write_string(address_of(self.plain), string)
