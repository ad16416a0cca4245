"""The programs of `kernel/programs`, on the kernel itself."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pykasm.build.pipeline import build
from pykasm.build.project import Project
from pykasm.build.stages import Stages
from pykasm.machine.initramfs import of_program
from pykasm.machine.session import Machine

MakeMachine = Callable[..., Machine]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def hello(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of `hello`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYKASM_BUILD", str(tmp_path_factory.mktemp("build")))
        project = Project.load(ROOT).with_program("hello")
    build(project, Stages())
    return project.executable


def test_the_same_file_says_hello_on_linux_and_here(
    machine: MakeMachine, hello: Path, tmp_path: Path
) -> None:
    said = subprocess.run([hello], capture_output=True, text=True, check=True).stdout
    contents, name = of_program(hello)
    initrd = tmp_path / "initrd"
    initrd.write_bytes(contents)
    kernel = machine(modules=(initrd,), command_line=f"init={name}")
    lines = kernel.expect_prompt().splitlines()
    assert said.strip() in lines
    assert "init ended: exit status 0" in lines
