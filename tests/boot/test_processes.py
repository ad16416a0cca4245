"""Programs of `tests/programs`, which check themselves."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from pykasm.machine.session import Machine
from tests.boot.test_programs import started

MakeMachine = Callable[..., Machine]

ALONE = ("prioritylocks",)
"""Those that have a machine of their own: behind all the others, on a host that has much else to
do, it was seen to hang, and why is not known yet."""

SOURCES = sorted((Path(__file__).parents[1] / "programs").glob("*.c"))


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """All of them, as static programs."""
    if shutil.which("musl-gcc") is None:
        pytest.skip("musl-gcc is not installed (the package musl-tools)")
    folder = tmp_path_factory.mktemp("programs")
    made = {}
    for source in SOURCES:
        program = folder / source.stem
        subprocess.run(["musl-gcc", "-static", "-w", "-o", program, source], check=True)
        made[source.stem] = program.read_bytes()
    return made


@pytest.mark.parametrize("cpu", ["qemu64", "max"])
def test_programs_find_all_as_linux_has_it(
    machine: MakeMachine, tmp_path: Path, programs: dict[str, bytes], cpu: str
) -> None:
    together = {name: program for name, program in programs.items() if name not in ALONE}
    assert ends(partial(machine, cpu=cpu), tmp_path, together) == dict.fromkeys(together, ENDED)


@pytest.mark.parametrize("cpu", ["qemu64", "max"])
@pytest.mark.parametrize("name", ALONE)
def test_a_program_alone_finds_all_as_linux_has_it(
    machine: MakeMachine, tmp_path: Path, programs: dict[str, bytes], name: str, cpu: str
) -> None:
    alone = {name: programs[name]}
    assert ends(partial(machine, cpu=cpu), tmp_path, alone) == {name: ENDED}


ENDED = "exit status 0"


def ends(machine: MakeMachine, folder: Path, programs: dict[str, bytes]) -> dict[str, str]:
    """How each of `programs` ends, one after the other on one machine."""
    kernel = started(machine, folder, **programs)
    return {name: kernel.command(f"run /bin/{name}").split(": ")[-1] for name in programs}
