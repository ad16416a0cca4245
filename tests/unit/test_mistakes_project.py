"""Mistakes in a project as a build shows them: exceptions of its own Python, names, decorators."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.slips.trial import PROJECT, Outcome, Slip, Workplace, problems, warm_up
from tests.unit.messages import normalised

BLOCKS, MAIN, DEVICES = "small/blocks.py", "small/main.py", "small/devices.py"
CALL = "self.serial.send(self.message[index])"
"""An instruction of the code in `small/main.py`."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    folder = tmp_path_factory.mktemp("mistakes")
    warm_up(folder / "first")
    return Workplace(folder / "project")


def outcome(place: Workplace, file: str, old: str, new: str) -> Outcome:
    """How the build ends with `new` in place of `old`, which is in the format."""
    text = (PROJECT / file).read_text(encoding="utf-8")
    assert old in text
    found = place.outcome(Slip(file, text.replace(old, new, 1), ""))
    assert [*problems(found, place.folder)] == []
    return found


def told(place: Workplace, file: str, old: str, new: str) -> str:
    """What a build that fails says."""
    found = outcome(place, file, old, new)
    assert found.status == 1
    return normalised(found.told.removesuffix("\n").removesuffix("\n\n1 error"))


def test_an_exception_while_a_module_is_imported(place: Workplace) -> None:
    assert (
        told(place, BLOCKS, "MOST = 8", "MOST = 8 // 0")
        == """\
error[python]: ZeroDivisionError: integer division or modulo by zero
  FILE:LINE
  LINE | MOST = 8 // 0
        |        ^^^^^^"""
    )


def test_an_exception_in_a_constructor(place: Workplace) -> None:
    assert (
        told(place, DEVICES, "self.port = port", "self.port = int('x')")
        == """\
error[python]: ValueError: invalid literal for int() with base 10: 'x'
  FILE:LINE
  LINE |         self.port = int('x')
        |                     ^^^^^^^^
  FILE:LINE
  LINE |     subsystems = parts.all(Subsystem)
        |                  ^^^^^^^^^^^^^^^^^^^^ called here"""
    )


def test_an_exception_in_what_a_body_calls(place: Workplace) -> None:
    assert (
        told(place, DEVICES, "    test(byte, byte)", "    [][1]")
        == """\
error[python]: IndexError: list index out of range
  FILE:LINE
  LINE |     [][1]
        |     ^^^^^
  LINE |         out(0x61, al) if False else ignore_byte(byte)
        |                                     ^^^^^^^^^^^^^^^^^ called here"""
    )


def test_an_exception_in_pythons_library(place: Workplace) -> None:
    assert (
        told(place, BLOCKS, "MOST = 8", "MOST = __import__('json').loads('x')")
        == """\
error[python]: JSONDecodeError: Expecting value: line 1 column 1 (char 0)
  FILE:LINE
  LINE | MOST = __import__('json').loads('x')
        |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^"""
    )


def test_an_exception_with_a_text_of_two_lines(place: Workplace) -> None:
    message = told(place, BLOCKS, "MOST = 8", "raise ValueError('two\\nlines')")
    assert message.startswith("error[python]: ValueError: two lines\n")


def test_what_python_can_not_read(place: Workplace) -> None:
    assert (
        told(place, MAIN, CALL, "mov(rax, 1")
        == """\
error[python]: SyntaxError: '(' was never closed
  FILE:LINE
  LINE |             mov(rax, 1
        |                ^"""
    )


def test_a_file_with_a_zero_inside(place: Workplace) -> None:
    message = told(place, MAIN, "class Main", "\0class Main")
    assert message.startswith("error[python]: SyntaxError: source code")
    assert "\n  LINE | \0class Main(Subsystem):\n" in message


def test_an_instruction_whose_name_python_keeps(place: Workplace) -> None:
    message = told(place, MAIN, CALL, "and(rax, 1)")
    assert message.endswith("help: the instruction is `and_(…)`: Python keeps `and`")


@pytest.mark.parametrize(
    ("statement", "what", "help"),
    [
        ("mvo(rax, 1)", "there is no `mvo` here", "`mov`"),
        ("mov(rxa, 1)", "there is no `rxa` here", "`rax`"),
        ("mov(RAX, 1)", "there is no `RAX` here", "`rax`"),
        ("xchgg(rax, rbx)", "there is no `xchgg` here", "`xchg`"),
        ("mov(indx, 1)", "there is no `indx` here", "`index`"),
        ("self.serail.send(1)", "an object of `Main` has no attribute `serail`", "`serial`"),
        ("self.serial.sned(1)", "an object of `Serial` has no attribute `sned`", "`send`"),
        ("mov(self.sizze, 1)", "an object of `Main` has no attribute `sizze`", "`size`"),
    ],
)
def test_a_name_with_a_typo(place: Workplace, statement: str, what: str, help: str) -> None:
    message = told(place, MAIN, CALL, statement)
    assert message.startswith(f"error[unknown-name]: {what}\n")
    assert f"\n  LINE |             {statement}\n" in message
    assert message.endswith(f"help: did you mean {help}?")


def test_a_typo_in_an_enumeration(place: Workplace) -> None:
    message = told(place, BLOCKS, "State.USED)", "State.USSED)")
    assert message.startswith("error[unknown-name]: `State` has no attribute `USSED`\n")
    assert message.endswith("help: did you mean `USED`?")


def test_a_typo_in_an_import(place: Workplace) -> None:
    assert (
        told(place, MAIN, "import Beeper, Serial,", "import Beeper, Seriel,")
        == """\
error[unknown-name]: `small.devices` has no `Seriel`
  FILE:LINE
  LINE | from small.devices import Beeper, Seriel, Vectors
        | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
got: Seriel
help: did you mean `Serial`?"""
    )
    message = told(place, MAIN, "small.devices", "small.devises")
    assert message.startswith("error[unknown-name]: there is no module `small.devises`\n")
    assert message.endswith("help: did you mean `small.devices`?")


def test_modules_that_import_each_other(place: Workplace) -> None:
    assert (
        told(place, BLOCKS, "MOST = 8", "from small.main import Main")
        == """\
error[unknown-name]: `small.main` has no `Main` yet: it is still being imported
  FILE:LINE
  LINE | from small.main import Main
        | ^^^^^^^^^^^^^^^^^^^^^^^^^^^
  FILE:LINE
  LINE | from small.blocks import Blocks
        | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ imported here
  FILE:LINE
  LINE | from small.main import Main
        | ^^^^^^^^^^^^^^^^^^^^^^^^^^^ imported here
  FILE:LINE
  LINE | from small.boot import Boot
        | ^^^^^^^^^^^^^^^^^^^^^^^^^^^ imported here
got: Main
help: move what both modules need of each other below `small.main`"""
    )


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("@interrupt\n", "@interrupt()\n", "`@interrupt` has no options"),
        ("@interrupt\n", "@function\n    @interrupt\n", "`@function` stands above something"),
        ("@interns\n", "@interns\n    @property\n", "`@interns` stands above something"),
        ("@emits\n", "@emits\n    @function\n", "`@emits` stands above something"),
        ("    def common", "    async def common", "`common` is asynchronous"),
        ("class Serial(Device)", "class Serial(Device, size=5)", "the class `Serial` has no opti"),
        ("bss(U64)", "bss(U64, 5)", "`bss` is for data that is zero at the start"),
        ("bss(U64)", "bss(U64, 8)", "`bss` is for data that is zero at the start"),
    ],
)
def test_declarations_of_no_use(place: Workplace, old: str, new: str, what: str) -> None:
    assert told(place, DEVICES, old, new).startswith(f"error[declaration]: {what}")


def test_an_entry_without_parentheses(place: Workplace) -> None:
    assert (
        told(place, "small/boot.py", "@entry(bits=32)", "@entry")
        == """\
error[declaration]: `@entry` has options
  FILE:LINE
  LINE |     @entry
        |      ^^^^^
expected: `@entry()` or `@entry(bits=32)`
got: `@entry`
help: write `@entry()` or `@entry(bits=32)` above the `def`"""
    )


def test_a_block_that_has_no_yield(place: Workplace) -> None:
    message = told(place, "small/types.py", "        yield\n", "        nop()\n")
    assert message.startswith("error[declaration]: `held` has no `yield`\n")


@pytest.mark.parametrize("statement", ["hlt", "self.serial.is_ready", "int(3)"])
def test_a_statement_that_does_nothing(place: Workplace, statement: str) -> None:
    message = told(place, MAIN, CALL, f"{statement}  # and no more")
    assert message.startswith(f"error[flow]: `{statement}` emits nothing\n")
    assert f"\n  LINE |             {statement}" in message


def test_code_behind_the_last_way_out(place: Workplace) -> None:
    end = "        mov(rax, self.names[2])\n        ret(rax)\n"
    message = told(place, BLOCKS, end, f"{end}        inc(rax)\n")
    assert message.startswith(
        "error[flow]: nothing leads to what stands behind the last `ret` of `Blocks.kind`\n"
    )
    assert "\n  LINE |         inc(rax)\n" in message


def test_code_without_an_instruction(place: Workplace) -> None:
    code = """\
        with allowed("E032", "callers know where"):
            jmp(handler)
"""
    message = told(place, DEVICES, code, "        pass\n")
    assert message.startswith("error[E030]: `Vectors.aside` runs off its end\n")


def test_a_symbol_that_nobody_defines(place: Workplace) -> None:
    assert (
        told(place, MAIN, '"bss_end"', '"bss_edn"')
        == """\
error[symbol]: nothing defines the symbol `bss_edn`
  FILE:LINE
  LINE |         mov(rax, address_of(symbol("bss_edn")))
        |                                     ^^^^^^^
expected: a symbol of the linker script, or something of the image by its name
got: bss_edn
help: did you mean `bss_end`?"""
    )
    message = told(place, MAIN, "size = bss(U64)", 'size = data(U64, symbol("nobody"))')
    assert message.startswith("error[symbol]: nothing defines the symbol `nobody`\n")
    assert '\n  LINE |     size = data(U64, symbol("nobody"))\n' in message


def test_a_file_of_the_boot_loader_that_is_not_there(place: Workplace) -> None:
    message = told(place, "pyproject.toml", '"small/__init__.py"', '"nothing.bin"')
    assert message.startswith("error[setting]: there is no file `nothing.bin`\n  pyproject.toml:10")
    message = told(place, "pyproject.toml", 'grub = "grub"', 'grub = "grubb"')
    assert message.startswith("error[setting]: there is no file `grubb/grub.cfg.j2`\n")


def test_an_exception_of_pykasms_names_the_word(place: Workplace) -> None:
    message = told(place, BLOCKS, "unshared(block)", "unshared(block, 5)")
    assert message.startswith("error[python]: TypeError: unshared() takes 1 positional argument")
    message = told(place, DEVICES, "self.number(", "lock_watch.__wrapped__(")
    assert message.startswith("error[unknown-name]")


def test_what_python_warns_of(place: Workplace) -> None:
    found = outcome(place, BLOCKS, "MOST = 8", "MOST = 8 if 8 is 8 else 9")
    assert found.told.startswith('warning[python]: SyntaxWarning: "is" with ')
    assert " | MOST = 8 if 8 is 8 else 9\n" in found.told


def test_a_handler_of_asserts_that_takes_something_else(place: Workplace) -> None:
    message = told(place, MAIN, "def failed(self, line: Ptr[U8])", "def failed(self, line: U32)")
    assert message.startswith(
        "error[declaration]: `Main.failed` can't be what failed asserts call\n"
    )


def test_an_image_function_that_is_marked_as_code(place: Workplace) -> None:
    message = told(place, "small/image.py", "def image()", "@inline\ndef image()")
    assert message.startswith("error[place]: `image` outside of any code\n  FILE:LINE\n")


@pytest.mark.parametrize("rule", ["5", "Array[U8]", "None"])
def test_an_exception_whose_rule_is_no_text(place: Workplace, rule: str) -> None:
    message = told(place, DEVICES, 'allowed("E032"', f"allowed({rule}")
    assert message.startswith("error[declaration]: an exception is the number of a rule with a re")


def test_a_type_that_is_no_base_class(place: Workplace) -> None:
    message = told(place, DEVICES, "class Serial(Device)", "class Serial(Keep[U8])")
    assert message.startswith("error[declaration]: `Keep[U8]` is no class that others extend\n")


def test_a_datum_that_is_declared_twice(place: Workplace) -> None:
    assert (
        told(place, MAIN, "    size = bss(U64)", "    size = bss(U64)\n    message = bss(U32)")
        == """\
error[declaration]: `Main.message` is declared twice
  FILE:LINE
  LINE |     message = bss(U32)
        |     ^^^^^^^^^^^^^^^^^^
expected: one datum or field of a name
got: another one in line 21, which this replaces
help: give one of them another name"""
    )


def test_a_field_that_is_declared_twice(place: Workplace) -> None:
    said = told(place, DEVICES, "    cs: U64", "    cs: U64\n    rip: U32")
    assert said.startswith("error[declaration]: `Frame.rip` is declared twice\n")


def test_an_attribute_of_python_may_be_assigned_twice(place: Workplace) -> None:
    twice = "    size = bss(U64)\n    names = [size]\n    names = [*names]"
    assert outcome(place, MAIN, "    size = bss(U64)", twice).status == 0


def test_an_option_that_a_word_does_not_have(place: Workplace) -> None:
    above = "    @function{}\n    def is_ready"
    said = told(place, DEVICES, above.format(""), above.format("(contxt='any')"))
    assert said.startswith("error[python]: `function` has no option `contxt`\n")
    assert said.endswith("help: did you mean `context`?")
    said = told(place, MAIN, "bss(U64)", "bss(U64, aligned=8)")
    assert "expected: one of kind, align, guarded_by, unlocked_reads, elements\n" in said


def test_a_word_of_a_block_without_parentheses(place: Workplace) -> None:
    assert (
        told(place, DEVICES, "with loop():", "with loop:")
        == """\
error[python]: `with loop:` opens no block
  FILE:LINE
  LINE |         with loop:
        |              ^^^^
expected: `with loop():`, a word of a block with parentheses
got: TypeError: 'function' object does not support the context manager protocol"""
    )


def test_a_function_as_the_value_of_a_field(place: Workplace) -> None:
    said = told(place, "small/types.py", "device: U32 = field(at=96)", "device: U32 = field")
    assert said.startswith("error[declaration]: `Block.device` can't have a value of its own\n")
    assert said.endswith("got: `= field`\nhelp: `field(…)`, if that is to be called")


def test_debugging_takes_nothing(place: Workplace) -> None:
    said = told(place, MAIN, "    size = bss(U64)", "    size = bss(U64)\n    debugging(5)")
    assert said.startswith("error[type]: `debugging` takes nothing\n")
    said = told(place, MAIN, "    size = bss(U64)", "    size = bss(U64)\n    debugging(kind=5)")
    assert said.endswith("expected: `debugging()`\ngot: 5")


def test_a_block_without_its_decorator(place: Workplace) -> None:
    said = told(
        place,
        "small/types.py",
        "@contextmanager\ndef interrupts_off",
        "def interrupts_off",
    )
    assert said.startswith("error[declaration]: `interrupts_off` has a `yield`, and is no block\n")


def test_a_pointer_to_functions_of_something_that_is_no_type(place: Workplace) -> None:
    said = told(place, DEVICES, "Fn[[U64], U64] * 2", "Fn[[jmp], U64] * 2")
    assert said.startswith("error[declaration]: `Fn[…]` takes types of parameters\n")
    assert said.endswith("got: jmp")


def test_an_exception_of_a_whole_function_without_a_reason(place: Workplace) -> None:
    above = "    @function{}\n    def is_ready"
    said = told(place, DEVICES, above.format(""), above.format("(allow='E012')"))
    assert "  FILE:LINE\n  LINE |     def is_ready(self) -> Bool:\n" in said


def test_a_word_that_is_near_to_a_name_and_nowhere_else_in_the_module(place: Workplace) -> None:
    found = told(place, MAIN, CALL, "pauze()")
    assert found.startswith("error[unknown-name]: there is no `pauze` here\n")
    assert found.endswith("help: did you mean `pause`?")


@pytest.mark.parametrize(
    ("taken", "word"),
    [
        ("from small.blocks import *", "pause"),
        ("from pykasm import *\nfrom small.blocks import pause", "pause"),
        ("from pykasm import *\nfrom small import blocks", "blocks.pause"),
    ],
)
def test_words_from_a_module_which_does_not_mention_them(
    place: Workplace, taken: str, word: str
) -> None:
    assert "pause" not in (PROJECT / BLOCKS).read_text(encoding="utf-8")
    text = (PROJECT / MAIN).read_text(encoding="utf-8")
    assert "pause" not in text
    for old, new in (("from pykasm import *", taken), (CALL, f"{CALL}; {word}()")):
        assert old in text
        text = text.replace(old, new, 1)
    found = place.outcome(Slip(MAIN, text, ""))
    assert found.status == 0, found.told


@pytest.mark.parametrize("name", ["pause", "__all__"])
def test_words_by_their_names_in_the_module(place: Workplace, name: str) -> None:
    found = outcome(place, BLOCKS, "MOST = 8", f"MOST = 8 if globals().get('{name}') else None")
    assert (found.status == 0) == (name == "pause")


def test_settings_that_name_no_image(place: Workplace) -> None:
    found = told(place, "pyproject.toml", 'image = "small.image:image"\n', "")
    assert found.startswith("error[setting]: there is no module `kernel`\n")


def test_an_image_that_is_marked_as_a_method(place: Workplace) -> None:
    found = told(place, "small/image.py", "def image(", "@interns\ndef image(")
    assert found.startswith("error[python]: TypeError: image() missing 1 required positional")
