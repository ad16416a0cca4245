"""The guide's examples run, and what it shows is what comes out."""

from __future__ import annotations

import linecache
import re
import sys
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

import pykasm
from pykasm import wiring
from pykasm.build.project import KINDS
from pykasm.check.checker import check
from pykasm.check.rule import RULES, load_rules
from pykasm.encode.encoder import Encoder
from pykasm.errors import BuildFailed, Mistake
from pykasm.hostrun import Host
from pykasm.lang import words
from pykasm.lang.functions import function
from pykasm.lang.image import Image
from pykasm.lang.objects import assemble_program
from pykasm.listing.maker import make_listing
from pykasm.listing.places import LinkedImage
from pykasm.listing.text import function_lines
from pykasm.machine.pytest_plugin import MakeMachine
from pykasm.machine.session import Machine

GUIDE = Path(pykasm.__file__).parent / "README.md"
FILE = "guide.py"
"""What the examples together are called in messages."""

BLOCK = re.compile(
    r"(?:<!-- output: (?P<output>.+?) -->\n)?```(?P<language>\w+)\n(?P<text>.*?)```\n", re.DOTALL
)


class Block(NamedTuple):
    """A fenced block: `output` is the expression whose value it shows, or None."""

    language: str
    text: str
    output: str | None


def mistakes(subsystem_class: type[Any], name: str) -> str:
    """What a build of the class with the entry `name` says."""
    subsystem = subsystem_class()
    with pytest.raises(BuildFailed) as caught:
        Image(entry=getattr(subsystem, name), subsystems=[subsystem]).assemble()
    return str(caught.value) + "\n"


def refused(action: Callable[[], None]) -> str:
    """The mistake that `action` ends in."""
    with pytest.raises(Mistake) as caught:
        action()
    return str(caught.value) + "\n"


def findings(subsystem_class: type[Any], name: str) -> str:
    """What the checker says of the class with the entry `name`."""
    subsystem = subsystem_class()
    program = Image(entry=getattr(subsystem, name), subsystems=[subsystem]).assemble()
    found = check(program, assemble_program(program, Encoder(), "."))
    return "\n\n".join(map(str, found)) + "\n"


def listing(subsystem_class: type[Any], name: str) -> str:
    """The listing of one function of the class, as if linked at address 0."""
    subsystem = subsystem_class()
    program = Image(entry=getattr(subsystem, name), subsystems=[subsystem]).assemble()
    units = assemble_program(program, Encoder(), ".")
    symbol = f"{subsystem_class.__name__}.{name}"
    placed = next(one for one in units[0].routines if one.routine.symbol == symbol)
    image = LinkedImage({symbol: 0}, [(0, placed.code.code)])
    shown = make_listing(program, units)[0].functions
    function = next(one for one in shown if one.symbol == symbol)
    return "\n".join(function_lines(function, image)).rstrip() + "\n"


def blocks(text: str) -> list[Block]:
    return [Block(one["language"], one["text"], one["output"]) for one in BLOCK.finditer(text)]


def run(source: str, start: int, names: dict[str, Any]) -> None:
    """Run `source` from line `start` on, so that mistakes in it can quote its lines."""
    lines = source.splitlines(keepends=True)
    linecache.cache[FILE] = (len(source), None, lines, FILE)
    part = "\n" * start + "".join(lines[start:])
    exec(compile(part, FILE, "exec", dont_inherit=True), names)


class Guide(NamedTuple):
    """What came of running all examples in order: the names that they made, and each output that
    the guide shows with what really came out."""

    names: dict[str, Any]
    outputs: list[tuple[str, str]]

    def tests(self, *parameters: str) -> list[Callable[..., None]]:
        """The tests among the examples that take these parameters."""
        tests = [self.names[name] for name in self.names if name.startswith("test_")]
        return [one for one in tests if tuple(signature(one).parameters) == parameters]


@pytest.fixture(scope="module")
def guide() -> Guide:
    module = ModuleType("guide")
    sys.modules["guide"] = module
    names = vars(module)
    names.update(mistakes=mistakes, refused=refused, findings=findings, listing=listing)
    source, pairs = "", []
    for block in blocks(GUIDE.read_text(encoding="utf-8")):
        if block.language == "python":
            start = source.count("\n")
            source += block.text
            run(source, start, names)
        elif block.output is not None:
            pairs.append((block.text, eval(block.output, names)))
    return Guide(names, pairs)


def test_every_example_runs_and_every_output_is_what_comes_out(guide: Guide) -> None:
    for shown, made in guide.outputs:
        assert shown == made


def test_the_tests_among_the_examples_pass(guide: Guide) -> None:
    tests = guide.tests()
    assert len(tests) == 3
    for test in tests:
        test()


def test_the_boot_test_among_the_examples_passes(guide: Guide, machine: MakeMachine) -> None:
    (test,) = guide.tests("machine")
    test(machine)


def terms() -> list[str]:
    """Everything that users of pykasm may write, as it stands in the guide."""
    load_rules()
    return [
        *words.__all__,
        *wiring.__all__,
        *(f"{name}=" for name in signature(function).parameters if name != "body"),
        *RULES,
        *(f"{name} = " for name in KINDS if name != "name"),
        *(f"host.{name}" for name in vars(Host) if not name.startswith("_")),
        *(name for name in vars(Machine) if not name.startswith("_")),
    ]


def test_the_guide_names_everything() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    assert [term for term in terms() if not re.search(rf"\b{re.escape(term)}", guide)] == []
