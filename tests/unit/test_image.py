"""Images: names, warnings, all mistakes at once."""

from __future__ import annotations

import pytest

from pykasm import *
from pykasm.check.checker import check
from pykasm.encode.encoder import Encoder
from pykasm.errors import BuildFailed, DeclarationMistake
from pykasm.isa.code import Line
from pykasm.lang.objects import assemble_program
from tests.unit.messages import normalised


class Leaf(Subsystem):
    @function
    def used(self) -> None:
        nop()

    @function
    def forgotten(self) -> None:
        nop()

    @function(exported=True)
    def for_others(self) -> None:
        nop()


class Root(Subsystem):
    def __init__(self, leaf: Leaf) -> None:
        self.leaf = leaf

    @function
    def run(self) -> None:
        self.leaf.used()


def test_a_function_that_nothing_reaches_is_a_warning() -> None:
    leaf = Leaf()
    root = Root(leaf)
    program = Image(entry=root.run, subsystems=[leaf, root]).assemble()
    assert [normalised(str(one)) for one in program.warnings] == [
        """\
warning[unreachable]: nothing can reach `Leaf.forgotten`
  FILE:LINE
  LINE |     def forgotten(self) -> None:
        |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
expected: a call, a jump or a table that names it
got: none from any entry point
help: take it out, or mark it `exported=True` if others use it"""
    ]


class Spare(Subsystem):
    @function
    def run(self) -> None:
        nop()


@pytest.mark.parametrize(
    ("debug", "warnings"),
    [
        (
            True,
            [
                "warning[unreachable]: nothing can reach `Leaf.forgotten`",
                "warning[W004]: nothing can reach the subsystem `Spare`",
            ],
        ),
        (False, []),
    ],
)
def test_a_release_build_may_hold_what_only_debug_builds_lead_to(
    debug: bool, warnings: list[str]
) -> None:
    leaf = Leaf()
    root = Root(leaf)
    program = Image(entry=root.run, subsystems=[leaf, root, Spare()]).assemble(debug)
    found = check(program, assemble_program(program, Encoder(), "."))
    assert [str(one).splitlines()[0] for one in [*program.warnings, *found]] == warnings


class Untyped(Subsystem):
    @function
    def one(self, number) -> None:  # type: ignore[no-untyped-def]
        ret()

    @function
    def by_name(self, *, number) -> None:  # type: ignore[no-untyped-def]
        ret()

    @function
    def any(self, *number) -> None:  # type: ignore[no-untyped-def]
        ret()


@pytest.mark.parametrize("name", ["one", "by_name", "any"])
def test_every_parameter_has_a_type(name: str) -> None:
    with pytest.raises(DeclarationMistake, match="got: no annotation") as caught:
        getattr(Untyped(), name)
    assert f"`number` of `{name}` can't be passed in a register" in str(caught.value)


def test_two_subsystems_of_one_class_need_labels() -> None:
    leaf = Leaf()
    image = Image(entry=leaf.used, subsystems=[leaf, Leaf()])
    with pytest.raises(BuildFailed, match="two subsystems are called `Leaf`"):
        image.assemble()


def test_a_label_names_the_symbols_of_an_instance() -> None:
    first, second = Leaf(), Leaf()
    second.label = "Second"
    program = Image(entry=first.used, subsystems=[first, second]).assemble()
    assert [unit.routines[0].symbol for unit in program.units] == ["Leaf.used", "Second.used"]


class Pointers(Subsystem):
    handlers = bss(Fn[[], Void] * 2)

    @function
    def run(self) -> None:
        self.handlers[0]()


def test_a_function_pointer_to_void_has_no_result() -> None:
    pointers = Pointers()
    assert Image(entry=pointers.run, subsystems=[pointers]).assemble().units


class Many(Subsystem):
    def __init__(self, count: int) -> None:
        self.count = count

    @function
    def wrong(self) -> None:
        for number in range(self.count):
            mov(eax, 0x1_0000_0000 + number)


def test_all_mistakes_of_a_build_are_shown_together() -> None:
    many = Many(3)
    with pytest.raises(BuildFailed) as caught:
        Image(entry=many.wrong, subsystems=[many]).assemble()
    assert len(caught.value.mistakes) == 3
    assert str(caught.value).endswith("\n\n3 errors")


def test_more_than_twenty_mistakes_are_counted() -> None:
    many = Many(25)
    with pytest.raises(BuildFailed) as caught:
        Image(entry=many.wrong, subsystems=[many]).assemble()
    assert str(caught.value).count("error[value-range]") == 20
    assert str(caught.value).endswith("\n\n25 errors, 5 of them not shown")


class Checked(Subsystem):
    @function(exported=True)
    def failed(self, text: Ptr[U8]) -> None:
        mov(rax, text)

    @function
    def run(self, count: U64) -> None:
        asserts(count != 0)
        inc(count)
        if debugging():
            self.failed(text("only looked for in debug builds"))


@pytest.mark.parametrize(("debug", "calls"), [(True, 2), (False, 0)])
def test_asserts_are_in_debug_builds_only(debug: bool, calls: int) -> None:
    checked = Checked()
    image = Image(entry=checked.run, subsystems=[checked], on_assert=checked.failed)
    program = image.assemble(debug=debug)
    run = next(routine for routine in program.units[0].routines if routine.symbol == "Checked.run")
    lines = [item for item in run.items if isinstance(item, Line)]
    assert sum(line.statement.mnemonic == "call" for line in lines) == calls
