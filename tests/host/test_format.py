"""Formatted printing: what the writer makes of each directive, and what the build refuses."""

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.text.colour import Colour
from kernel.text.directive import MAX_WIDTH
from kernel.text.format import translate
from pykasm import *
from pykasm.errors import BuildFailed
from tests.host.console_support import Paper, host_for, written
from tests.unit.messages import normalised

NATURAL = st.integers(0, (1 << 64) - 1) | st.integers(0, 300)
SIGNED = st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(-300, 300)
TEXT = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40)
PADDING = st.sampled_from(["", "-"])
WIDTH = st.integers(1, MAX_WIDTH)
KIBI = 1024


class Sheet:
    """Paper, and a host to write on it."""

    def __init__(self) -> None:
        self.paper = Paper()
        self.host = host_for(self.paper)
        self.host.checkpoint()

    def shown(self, format: str, *values: int | str) -> str:
        """What the writer makes of `format` with numbers and strings."""
        self.host.reset()
        translated = translate(format, values)
        words = [int(self.host.text(v)) if isinstance(v, str) else v for v in values]
        arguments = b"".join(struct.pack("<Q", word % (1 << 64)) for word in words)
        self.host.call(self.paper.format, translated, arguments or None)
        return written(self.host, self.paper).decode()


@pytest.fixture(scope="module")
def sheet() -> Sheet:
    return Sheet()


@given(text=TEXT.filter(lambda text: "%" not in text))
def test_text_without_directives_stays_as_it_is(sheet: Sheet, text: str) -> None:
    assert sheet.shown(text) == text


def test_two_percent_signs_make_one(sheet: Sheet) -> None:
    assert sheet.shown("100%%, %d%%", 5) == "100%, 5%"


@given(value=SIGNED, padding=PADDING, width=WIDTH)
def test_decimal(sheet: Sheet, value: int, padding: str, width: int) -> None:
    assert sheet.shown(f"<%{padding}{width}d>", value) == f"<%{padding}{width}d>" % value


@given(value=NATURAL, padding=PADDING | st.just("0"), width=WIDTH)
def test_decimal_without_sign(sheet: Sheet, value: int, padding: str, width: int) -> None:
    assert sheet.shown(f"<%{padding}{width}u>", value) == f"<%{padding}{width}d>" % value


@given(value=NATURAL, padding=PADDING | st.just("0"), width=WIDTH)
def test_hexadecimal(sheet: Sheet, value: int, padding: str, width: int) -> None:
    assert sheet.shown(f"<%{padding}{width}x>", value) == f"<%{padding}{width}x>" % value


def test_hexadecimal_of_a_negative_number_shows_its_bits(sheet: Sheet) -> None:
    assert sheet.shown("%x", -1) == "f" * 16


@given(text=TEXT, padding=PADDING, width=WIDTH)
def test_string(sheet: Sheet, text: str, padding: str, width: int) -> None:
    assert sheet.shown(f"<%{padding}{width}s>", text) == f"<%{padding}{width}s>" % text


@given(code=st.integers(0x20, 0x7E))
def test_character(sheet: Sheet, code: int) -> None:
    assert sheet.shown("%c", code) == chr(code)


def size_for_people(size: int) -> str:
    power = max(0, size.bit_length() - 1) // 10
    whole, rest = divmod(size, KIBI**power)
    tenth = rest * 10 // KIBI**power
    unit = "B" if power == 0 else "KMGTPE"[power - 1] + "iB"
    return f"{whole}.{tenth} {unit}" if tenth else f"{whole} {unit}"


@given(size=NATURAL | st.integers(0, 60).map(lambda bits: 3 << bits))
def test_size_for_people(sheet: Sheet, size: int) -> None:
    assert sheet.shown("%z", size) == size_for_people(size)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (4096, "4 KiB"),
        (3 << 19, "1.5 MiB"),
        ((1 << 30) - 1, "1023.9 MiB"),
        ((1 << 64) - 1, "15.9 EiB"),
    ],
)
def test_size_changes_its_unit_at_powers_of_1024(sheet: Sheet, size: int, text: str) -> None:
    assert sheet.shown("%z", size) == text


@given(values=st.lists(NATURAL, max_size=9))
def test_arguments_come_in_order(sheet: Sheet, values: list[int]) -> None:
    assert sheet.shown(" ".join(["%x"] * len(values)), *values) == " ".join(
        f"{v:x}" for v in values
    )


# Pointers


def test_pointer_without_a_symbol(sheet: Sheet) -> None:
    assert sheet.shown("%p", 0x1234) == "0x0000000000001234"


class Table:
    """Answers for the symbol table: one function of 16 bytes, or a datum, at 0xffff."""

    def __init__(self, sheet: Sheet, file: str | None) -> None:
        self.sheet, self.file = sheet, file
        sheet.host.reset()
        sheet.host.stub(sheet.paper.symbols.lookup, self.describe)

    def describe(self, address: int, place: Any) -> int:
        place.name, place.offset = self.sheet.host.text("Clock.tick"), address - 0xFFF0
        place.file = self.sheet.host.text(self.file) if self.file else 0
        place.line = 34
        return 1

    def shown(self) -> str:
        """What `%p` makes of an address in there."""
        sheet = self.sheet
        translated = translate("%p", (0xFFFF,))
        sheet.host.call(sheet.paper.format, translated, struct.pack("<Q", 0xFFFF))
        return written(sheet.host, sheet.paper).decode()


def test_pointer_into_a_function_shows_its_line(sheet: Sheet) -> None:
    assert Table(sheet, "clock.py").shown() == "0x000000000000ffff <Clock.tick+0xf clock.py:34>"


def test_pointer_into_data_has_no_line(sheet: Sheet) -> None:
    assert Table(sheet, None).shown() == "0x000000000000ffff <Clock.tick+0xf>"


# Arguments as code has them


class Caller(Subsystem):
    """Prints its parameters."""

    def __init__(self, paper: Paper) -> None:
        self.paper = paper
        self.wide = bss(U64)
        self.narrow = bss(I16)

    @function(exported=True)
    def signed(self, a: I8, b: I16, c: I32, d: I64) -> None:
        self.paper.print("%d %d %d %d", a, b, c, d)

    @function(exported=True)
    def unsigned(self, a: U8, b: U16, c: U32, d: U64) -> None:
        self.paper.print("%d %u %x %z", a, b, c, d)

    @function(exported=True)
    def low_half(self, a: U64) -> None:
        self.paper.print("%x %x %x", a, u32(a), u8(a))

    @function(exported=True)
    def memory(self) -> None:
        self.paper.print("%d %x", self.narrow, self.wide)

    @function(exported=True)
    def constants(self) -> None:
        self.paper.print("%d %x %u %s", -5, 1 << 63, 7, "seven")

    @function(exported=True)
    def in_colour(self, a: U32) -> None:
        self.paper.print("%d", a, colour=Colour.RED)

    @function(exported=True)
    def own_address(self) -> None:
        self.paper.print("%p", self.own_address)

    @function(exported=True)
    def twice(self, a: U64) -> U64:
        a = keep(a)
        self.paper.print("%x", a)
        self.paper.print("%x", a)
        ret(a)


class Call:
    """A caller, its paper, and a host to call it in."""

    def __init__(self) -> None:
        self.paper = Paper()
        self.caller = Caller(self.paper)
        self.host = host_for(self.caller)

    def shown(self, function: Any, *values: int) -> bytes:
        """What `function` prints."""
        self.host.call(function, *values)
        return written(self.host, self.paper)


@pytest.fixture(scope="module")
def caller() -> Call:
    return Call()


def signed(bits: int) -> st.SearchStrategy[int]:
    return st.integers(-(1 << (bits - 1)), (1 << (bits - 1)) - 1)


def unsigned(bits: int) -> st.SearchStrategy[int]:
    return st.integers(0, (1 << bits) - 1)


@given(values=st.tuples(signed(8), signed(16), signed(32), signed(64)))
def test_numbers_with_sign_are_widened_by_it(caller: Call, values: tuple[int, ...]) -> None:
    assert caller.shown(caller.caller.signed, *values).decode() == " ".join(map(str, values))


@given(values=st.tuples(unsigned(8), unsigned(16), unsigned(32), unsigned(64)))
def test_numbers_without_sign_are_widened_by_zeros(caller: Call, values: tuple[int, ...]) -> None:
    a, b, c, size = values
    expected = f"{a} {b} {c:x} {size_for_people(size)}"
    assert caller.shown(caller.caller.unsigned, *values).decode() == expected


@given(value=unsigned(64))
def test_parts_of_one_register(caller: Call, value: int) -> None:
    expected = f"{value:x} {value % (1 << 32):x} {value % (1 << 8):x}"
    assert caller.shown(caller.caller.low_half, value).decode() == expected


def test_arguments_in_memory(caller: Call) -> None:
    caller.host[caller.caller.narrow] = -3
    caller.host[caller.caller.wide] = 0xABC
    assert caller.shown(caller.caller.memory) == b"-3 abc"


def test_constants(caller: Call) -> None:
    assert caller.shown(caller.caller.constants) == b"-5 8000000000000000 7 seven"


def test_colour_lasts_for_one_print(caller: Call) -> None:
    assert caller.shown(caller.caller.in_colour, 9) == b"\x849\x87"


def test_a_function_is_printed_as_its_address(caller: Call) -> None:
    address = int(caller.host.address(caller.caller.own_address))
    assert caller.shown(caller.caller.own_address).decode() == f"0x{address:016x}"


def test_kept_registers_and_the_stack_survive_printing(caller: Call) -> None:
    assert caller.host.call(caller.caller.twice, 0x77) == 0x77
    assert written(caller.host, caller.paper) == b"7777"


# Mistakes


def message_of(write: Any) -> str:
    """What a build says of a function with the parameters a: U32, b: Ptr[U8] and body `write`."""
    paper = Paper()

    class Wrong(Subsystem):
        @function(exported=True)
        def wrong(self, a: U32, b: Ptr[U8], c: I32) -> None:
            write(paper, a, b, c)

    subsystem = Wrong()
    image = Image(subsystem.wrong, [subsystem, paper, paper.numbers, paper.symbols])
    with pytest.raises(BuildFailed) as caught:
        image.assemble()
    return normalised(str(caught.value)).removesuffix("\n\n1 error")


def test_too_few_arguments() -> None:
    assert (
        message_of(lambda paper, a, b, c: paper.print("%d of %s\n", a))
        == """\
error[call]: the format and its arguments differ in number
  FILE:LINE
  LINE |         message_of(lambda paper, a, b, c: paper.print("%d of %s\\n", a))
        |                                           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: 2 for %d %s
got: 1"""
    )


def test_too_many_arguments() -> None:
    assert (
        message_of(lambda paper, a, b, c: paper.print("100%%\n", a))
        == """\
error[call]: the format and its arguments differ in number
  FILE:LINE
  LINE |         message_of(lambda paper, a, b, c: paper.print("100%%\\n", a))
        |                                           ^^^^^^^^^^^^^^^^^^^^^^^^^
expected: no argument
got: 1"""
    )


def test_an_unknown_directive() -> None:
    assert (
        message_of(lambda paper, a, b, c: paper.print("%q", a))
        == """\
error[value-range]: `%q` is no directive
  FILE:LINE
  LINE |         message_of(lambda paper, a, b, c: paper.print("%q", a))
        |                                           ^^^^^^^^^^^^^^^^^^^^
expected: %s, %c, %d, %u, %x, %z, %p, or %% for a percent sign
got: %q"""
    )


def test_an_argument_of_the_wrong_type() -> None:
    assert (
        message_of(lambda paper, a, b, c: paper.print("%s", a))
        == """\
error[type]: `%s` does not take this
  FILE:LINE
  LINE |         message_of(lambda paper, a, b, c: paper.print("%s", a))
        |                                           ^^^^^^^^^^^^^^^^^^^^
expected: a Ptr[U8] or a Python string
got: a: U32"""
    )


def test_a_signed_number_where_only_one_without_sign_goes() -> None:
    assert (
        message_of(lambda paper, a, b, c: paper.print("%z", c))
        == """\
error[type]: `%z` does not take this
  FILE:LINE
  LINE |         message_of(lambda paper, a, b, c: paper.print("%z", c))
        |                                           ^^^^^^^^^^^^^^^^^^^^
expected: an integer without sign
got: c: I32"""
    )


def test_zeros_before_a_signed_number() -> None:
    assert (
        message_of(lambda paper, a, b, c: paper.print("%08d", c))
        == """\
error[value-range]: `%08d` can't be filled with zeros
  FILE:LINE
  LINE |         message_of(lambda paper, a, b, c: paper.print("%08d", c))
        |                                           ^^^^^^^^^^^^^^^^^^^^^^
expected: %x, or a number without sign
got: c: I32"""
    )


@pytest.mark.parametrize("format", ["%127d", "%-d", "%0x", "%3c", "%20p", "%00d"])
def test_a_width_that_the_directive_can_not_have(format: str) -> None:
    first = message_of(lambda paper, a, b, c: paper.print(format, a)).splitlines()[0]
    assert first == f"error[value-range]: `{format}` has a width that it can't have"


def test_a_character_that_the_screen_does_not_have() -> None:
    assert (
        message_of(lambda paper, a, b, c: paper.print("größer"))
        == """\
error[value-range]: a format can't have 'ö'
  FILE:LINE
  LINE |         message_of(lambda paper, a, b, c: paper.print("größer"))
        |                                           ^^^^^^^^^^^^^^^^^^^^^
expected: printable ASCII, which the text screen has too, and \\n
got: 'größer'"""
    )


def test_arguments_that_leave_no_register() -> None:
    first = message_of(
        lambda paper, a, b, c: paper.print("%x" * 9, eax, ecx, edx, esi, edi, r8d, r9d, r10d, r11d)
    ).splitlines()[0]
    assert first == "error[registers]: these arguments leave no register to widen them in"
