"""`pykasm check` in a project, and what builds remember of it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pykasm import *
from pykasm.commands.main import cli

WIRING = """
from pykasm import *

class Probe(Subsystem):
    @function
    def run(self, value: U64) -> U64:
        once = scratch(value)
        with if_(once == 0):
            ret(1)
        ret({result})

def image():
    probe = Probe()
    return Image(entry=probe.run, subsystems=[probe])
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a clean project; its image module has a name of its own in each test."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check(project: Path, result: str, *arguments: str) -> Result:
    """Run the command on a function that returns `result` in the end."""
    return run(project, WIRING.format(result=result), *arguments)


def run(project: Path, wiring: str, *arguments: str) -> Result:
    """Run the command on the image that `wiring` makes."""
    module = f"wiring_{project.name}_{len(os.listdir(project))}"
    (project / f"{module}.py").write_text(wiring)
    (project / "pyproject.toml").write_text(f'[tool.pykasm]\nimage = "{module}:image"\n')
    return CliRunner().invoke(cli, ["check", *arguments])


def test_a_clean_project_is_counted(project: Path) -> None:
    done = check(project, "once")
    assert (done.exit_code, done.output) == (0, "1 function, 0 exceptions\n")


def test_a_fault_ends_with_status_1(project: Path) -> None:
    done = check(project, "rcx")
    assert done.exit_code == 1
    assert "error[E010]: `rcx` is read before it is written" in done.output
    assert done.output.endswith("1 error\n")


def test_a_name_that_nothing_has(project: Path) -> None:
    done = check(project, "once", "Prob.run")
    assert done.exit_code == 1
    assert done.output == (
        "there is no function or subsystem `Prob.run`; did you mean `Probe.run` or `Probe`?\n"
    )


def test_findings_as_json(project: Path) -> None:
    done = check(project, "rcx", "--json")
    assert done.exit_code == 1
    (found,) = json.loads(done.output)
    assert (found["rule"], found["function"], found["line"]) == ("E010", "Probe.run", 10)
    assert (found["column"], found["end"]) == (9, 17)


def test_the_drawing_of_a_function(project: Path) -> None:
    done = check(project, "once", "--graph", "Probe.run")
    assert (
        done.output
        == """\
Probe.run
   1
      6 | def run(self, value: U64) -> U64:
      7 | once = scratch(value)
      8 | with if_(once == 0):
       -> 3 if jne, 2
   2
      9 | ret(1)
       -> out by ret
   3
     10 | ret(once)
       -> out by ret
"""
    )


def test_a_rule_is_explained_with_both_examples() -> None:
    done = CliRunner().invoke(cli, ["check", "--explain", "e012"])
    assert done.output.startswith("E012: a named value is read after its register was clobbered\n")
    assert done.output.index("class Broken") < done.output.index("class Mended")
    assert "value = keep(value)" in done.output


def test_an_unknown_rule_is_not_explained() -> None:
    done = CliRunner().invoke(cli, ["check", "--explain", "E112"])
    assert done.exit_code == 1
    assert done.output.startswith("there is no rule `E112`; did you mean `E")


STACKS = """
from pykasm import *
from pykasm.objects.debug import EntryFrame

class Probe(Subsystem):
    @naked(stack=1024)
    def run(self) -> None:
        call(self.middle)
        hlt()
        jmp(self.run)

    @function(recursion=3)
    def middle(self) -> None:
        self.low()
        self.middle()

    @function
    def low(self) -> None:
        room = local(U64)
        mov(room, 0)

    @naked(entered=EntryFrame.INTERRUPT, exported=True)
    def tick(self) -> None:
        iretq()

def image():
    probe = Probe()
    return Image(entry=probe.run, subsystems=[probe])
"""


def test_the_stacks_with_their_frames(project: Path) -> None:
    done = run(project, STACKS, "--stacks")
    assert (
        done.output
        == """\
Probe.run  176 of 1,024 bytes
        8  Probe.run
       16  Probe.middle, 2 times
       16  Probe.middle
       24  Probe.low
       48  Probe.tick, once on top
       48  Probe.tick, once on top

on top of these: Probe.tick  48 bytes
       48  Probe.tick
"""
    )
