"""Parameters of system calls as people read them."""

from __future__ import annotations

from kernel.entry.parameterkind import ParameterForm
from kernel.entry.traceline import TraceLine
from kernel.entry.tracetables import NamedValue, ShownField, TracedParameter, TraceTables
from kernel.errno import Errno
from kernel.process.namestarts import AT_FDCWD
from kernel.signals.signalnames import SignalNames
from kernel.signals.signalnumber import SIGNALS
from kernel.vm.usercopy import UserCopy
from pykasm import *

SHOWN_BYTES = 32
"""Bytes of a string that are shown (strace(1), -s)."""

SHOWN_STRINGS = 8
"""Strings of a list that are shown."""

MOST_RECORD = 160
"""Bytes of the largest struct whose fields are shown."""


class TraceParameters(Subsystem):
    """Appends parameters to the line of a trace. Context: a thread of a program."""

    def __init__(
        self, tables: TraceTables, line: TraceLine, copy: UserCopy, signals: SignalNames
    ) -> None:
        self.tables = tables
        self.line = line
        self.copy = copy
        self.signals = signals

    @function(context="thread", sleeps=True)
    def show(
        self,
        parameter: Keep[Ptr[TracedParameter]],
        value: Keep[U64],
        following: Keep[U64],
        result: Keep[I64],
    ) -> None:
        """Append the `value` of a parameter; `following` is that of the next one, and `result` what
        the call gives, or has not given yet if that is negative."""
        with if_(parameter.size == sizeof(U32)):
            mov(u32(value), u32(value))
        form = scratch(parameter.form)
        with switch(form):
            with case(
                ParameterForm.SIGNED,
                ParameterForm.FILE,
                ParameterForm.PROCESS,
                ParameterForm.OFFSET,
                ParameterForm.USER,
            ):
                tail(self._show_signed, parameter, value)
            with case(ParameterForm.DIRECTORY):
                with if_(i32(u32(value)) == AT_FDCWD):
                    self.line.print("AT_FDCWD")
                    ret()
                tail(self._show_signed, parameter, value)
            with case(ParameterForm.UNSIGNED, ParameterForm.LENGTH):
                self.line.print("%u", value)
            with case(ParameterForm.OCTAL):
                tail(self.line.put_octal, value)
            with case(ParameterForm.FLAGS):
                tail(self._show_flags, parameter, value)
            with case(ParameterForm.VALUE):
                tail(self._show_value, parameter, value)
            with case(ParameterForm.SIGNAL):
                tail(self._show_signal, value)
            with case(ParameterForm.TEXT):
                tail(self._show_text, value)
            with case(ParameterForm.INPUT):
                tail(self._show_bytes, value, following)
            with case(ParameterForm.OUTPUT):
                with if_(result >= 0):
                    tail(self._show_bytes, value, u64(result))
                tail(self._show_address, value)
            with case(ParameterForm.STRINGS):
                tail(self._show_strings, value)
            with case(ParameterForm.RECORD_IN):
                tail(self._show_record, parameter, value)
            with case(ParameterForm.RECORD_OUT):
                with if_(result >= 0):
                    tail(self._show_record, parameter, value)
                tail(self._show_address, value)
            with case(ParameterForm.SIGNAL_SET):
                tail(self._show_signal_set, value)
            with case(ParameterForm.ADDRESS):
                tail(self._show_address, value)
            with default():
                self.line.print("0x%x", value)

    # Numbers

    @function
    def _show_signed(self, parameter: Ptr[TracedParameter], value: Keep[U64]) -> None:
        """Append a number with its sign."""
        with if_(parameter.size == sizeof(U32)):
            movsxd(value, u32(value))
        self.line.print("%d", i64(value))

    @function
    def _show_address(self, value: U64) -> None:
        """Append an address."""
        with if_(value == 0):
            self.line.print("NULL")
            ret()
        self.line.print("0x%x", value)

    @function
    def _show_value(self, parameter: Ptr[TracedParameter], value: Keep[U64]) -> None:
        """Append the name of a value, or its number if it has none."""
        name = self._name_of(parameter, value)
        with if_(name != 0):
            self.line.print("%s", name)
            ret()
        self.line.print("0x%x", value)

    @function
    def _name_of(self, parameter: Ptr[TracedParameter], value: U64) -> OrNull[Ptr[U8]]:
        """Return the name of `value`, or null."""
        row, left = scratch(Ptr[NamedValue]), scratch(parameter.names)
        self._point_at_names(row, parameter)
        with while_(left != 0):
            with if_(row.value == value):
                ret(row.name)
            add(row, sizeof(NamedValue))
            dec(left)
        ret(0)

    @inline(changes=("row", rax))
    def _point_at_names(self, row: Ptr[NamedValue], parameter: Ptr[TracedParameter]) -> None:
        """Make `row` the first name of `parameter`."""
        mov(eax, parameter.first_name)
        imul(rax, rax, sizeof(NamedValue))
        lea(row, self.tables.names)
        add(u64(row), rax)

    @function
    def _show_flags(self, parameter: Keep[Ptr[TracedParameter]], value: Keep[U64]) -> None:
        """Append flags by their names, and as a number what is left."""
        row, left, is_first = keep(Ptr[NamedValue]), keep(U32), local(U32)
        mov(is_first, 1)
        mov(rax, parameter.within)
        with if_((rax != 0) | (value == 0)):  # a name of 0 is none of flags
            and_(rax, value)
            name = self._name_of(parameter, rax)
            with if_(name != 0):
                self.line.print("%s", name)
                mov(is_first, 0)
                mov(rax, parameter.within)
                not_(rax)
                and_(value, rax)
        self._point_at_names(row, parameter)
        mov(left, parameter.names)
        with while_(left != 0):
            mov(rax, value)
            and_(rax, row.value)
            mov(rcx, parameter.within)
            and_(rcx, row.value)
            with if_((rcx == 0) & (rax != 0) & (rax == row.value)):
                xor(value, rax)
                self._separate(is_first)
                self.line.print("%s", row.name)
            add(row, sizeof(NamedValue))
            dec(left)
        with if_(value != 0):
            self._separate(is_first)
            self.line.print("0x%x", value)
        with elif_(is_first != 0):
            self.line.put(ord("0"))

    @inline(changes=CALLER_SAVED)
    def _separate(self, is_first: U32) -> None:
        """Append a `|` unless it is the first flag, and note that the next one is not."""
        with if_(is_first == 0):
            self.line.put(ord("|"))
        mov(is_first, 0)

    # Signals

    @function
    def _show_signal(self, value: Keep[U64]) -> None:
        """Append the name of a signal, or its number."""
        with if_(value <= SIGNALS):
            name = scratch(self.signals.names[value])
            with if_(name != 0):
                self.line.print("%s", name)
                ret()
        self.line.print("%u", value)

    @function(context="thread", sleeps=True)
    def _show_signal_set(self, value: Keep[U64]) -> None:
        """Append the signals of a set in the program's memory."""
        set = local(U64)
        with if_(~self._fetch(address_of(set), value, sizeof(U64))):
            tail(self._show_address, value)
        mov(value, set)
        with if_(i64(value) < 0):  # a set with the last signal has most of them
            self.line.put(ord("~"))
            not_(value)
        tail(self._show_signals, value)

    @function
    def _show_signals(self, left: Keep[U64]) -> None:
        """Append the signals of the set `left`."""
        number, is_first = keep(U64), keep(U32)
        self.line.put(ord("["))
        mov(is_first, 1)
        with while_(left != 0):
            xor(u32(number), u32(number))  # bsf may leave it as it was
            bsf(number, left)
            btr(left, number)
            inc(number)
            with if_(is_first == 0):
                self.line.put(ord(" "))
            xor(is_first, is_first)
            self._show_signal(number)
        self.line.put(ord("]"))

    # Memory

    @function(context="thread", sleeps=True)
    def _fetch(self, target: U64, source: U64, size: U64) -> Bool:
        """Copy `size` bytes of the program from `source` to `target`. Return whether they are
        there."""
        result, left = self.copy.copy_in(target, cast(source, User[U8]), size)
        ignore(left)
        ret(result == 0)

    @function(context="thread", sleeps=True)
    def _show_text(self, value: Keep[U64]) -> None:
        """Append a string of the program."""
        string = local(U8 * (SHOWN_BYTES + 1))
        length = self.copy.copy_in_string(
            address_of(string), cast(value, User[U8]), SHOWN_BYTES + 1
        )
        with if_(length >= 0):
            self.line.put_quoted(address_of(string), u64(length))
            ret()
        with if_(length == -Errno.ENAMETOOLONG):
            self.line.put_quoted(address_of(string), SHOWN_BYTES)
            self.line.print("...")
            ret()
        tail(self._show_address, value)

    @function(context="thread", sleeps=True)
    def _show_bytes(self, value: Keep[U64], count: Keep[U64]) -> None:
        """Append the first of `count` bytes of the program."""
        bytes, shown = local(U8 * SHOWN_BYTES), keep(count)
        with if_(shown > SHOWN_BYTES):
            mov(shown, SHOWN_BYTES)
        with if_(~self._fetch(address_of(bytes), value, shown)):
            tail(self._show_address, value)
        self.line.put_quoted(address_of(bytes), shown)
        with if_(count > SHOWN_BYTES):
            self.line.print("...")

    @function(context="thread", sleeps=True)
    def _show_strings(self, value: Keep[U64]) -> None:
        """Append a list of strings of the program."""
        place, number = local(U64), keep(U32)
        self.line.put(ord("["))
        with for_(number, 0, SHOWN_STRINGS):
            with if_(~self._fetch(address_of(place), value, sizeof(U64))):
                self._show_address(value)
                break_()
            break_if(place == 0)
            with if_(number != 0):
                self.line.print(", ")
            self._show_text(place)
            add(value, sizeof(U64))
        with if_(number == SHOWN_STRINGS):
            self.line.print(", ...")
        self.line.put(ord("]"))

    @function(context="thread", sleeps=True)
    def _show_record(self, parameter: Keep[Ptr[TracedParameter]], value: Keep[U64]) -> None:
        """Append the fields of a struct of the program."""
        record = local(U64 * (MOST_RECORD // sizeof(U64)))
        row, left = keep(Ptr[ShownField]), keep(U32)
        mov(eax, parameter.record_size)
        asserts(rax <= MOST_RECORD)
        with if_(~self._fetch(address_of(record), value, rax)):
            tail(self._show_address, value)
        mov(eax, parameter.first_field)
        imul(rax, rax, sizeof(ShownField))
        lea(row, self.tables.fields)
        add(u64(row), rax)
        self.line.put(ord("{"))
        mov(left, parameter.fields)
        with loop():
            mov(eax, row.offset)
            lea(rdi, record)
            add(rdi, rax)
            self._show_field(row, rdi)
            add(row, sizeof(ShownField))
            dec(left)
            break_if(left == 0)
            self.line.print(", ")
        self.line.put(ord("}"))

    @function
    def _show_field(self, row: Keep[Ptr[ShownField]], place: Keep[U64]) -> None:
        """Append a field, which is at `place`."""
        self.line.print("%s=", row.name)
        value = scratch(U64)
        mov(u32(value), u32[place])
        with if_(row.size == sizeof(U64)):
            mov(value, u64[place])
        form = scratch(row.form)
        with switch(form):
            with case(ParameterForm.OCTAL):
                tail(self.line.put_octal, value)
            with case(ParameterForm.HEX):
                self.line.print("0x%x", value)
            with case(ParameterForm.SIGNED):
                with if_(row.size == sizeof(U32)):
                    movsxd(value, u32(value))
                self.line.print("%d", i64(value))
            with default():
                self.line.print("%u", value)
