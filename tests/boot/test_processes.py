"""Programs of `tests/programs`, which check themselves."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from pykasm.machine.cpio import archive, file
from pykasm.machine.session import Machine
from tests.boot.test_programs import started, started_on

MakeMachine = Callable[..., Machine]

PATIENCE, LIFETIME = 200.0, 900.0
"""Seconds for a program, and for all of them: where processors wait for each other thousands of
times, as for a lock that is handed over, each of these takes as long as the host needs to turn to
the other one."""

ON_FOUR = ("memoryraces", "parallelfaults")
"""Those that want four processors."""

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
    together = {name: program for name, program in programs.items() if name not in ON_FOUR}
    limited = partial(machine, cpu=cpu, lifetime=LIFETIME)
    assert ends(limited, tmp_path, together) == dict.fromkeys(together, ENDED)


def test_large_pages_are_where_they_can_be(
    machine: MakeMachine, tmp_path: Path, programs: dict[str, bytes]
) -> None:
    kernel = started(machine, tmp_path, largepages=programs["largepages"])
    assert kernel.command("run /bin/largepages strict").endswith(ENDED)


def test_threads_that_fault_in_one_space_need_no_lock(
    machine: MakeMachine, tmp_path: Path, programs: dict[str, bytes]
) -> None:
    program = {"parallelfaults": programs["parallelfaults"]}
    kernel = started_on(4, machine, tmp_path, program)
    before = faults(kernel)
    assert kernel.command("run /bin/parallelfaults").endswith(ENDED)
    quick, locked = (now - then for now, then in zip(faults(kernel), before, strict=True))
    # Three pages a turn, as the program touches them; stacks and the like may have waited for fork
    assert quick > 3 * 4 * 512
    assert locked < quick // 50


def test_what_threads_map_against_each_other_is_not_lost(
    machine: MakeMachine, tmp_path: Path, programs: dict[str, bytes]
) -> None:
    program = {"memoryraces": programs["memoryraces"]}
    kernel = started_on(4, machine, tmp_path, program)
    assert kernel.command("run /bin/memoryraces").endswith(ENDED)
    before = free_pages(kernel)
    assert kernel.command("run /bin/memoryraces 7").endswith(ENDED)
    # Each processor has some at hand, and slabs are not always full: much less than a round maps
    assert abs(free_pages(kernel) - before) < 256


def faults(kernel: Machine) -> tuple[int, int]:
    """How many page faults were resolved without the lock of the space, and with it."""
    rows = [line.split() for line in kernel.command("faults").splitlines()[1:]]
    return sum(int(quick) for _, quick, _ in rows), sum(int(locked) for _, _, locked in rows)


def free_pages(kernel: Machine) -> int:
    """How many pages of memory are free."""
    found = re.search(r"^(\d+) pages free", kernel.command("mem"), re.MULTILINE)
    assert found
    return int(found[1])


def test_nothing_is_left_where_allocations_have_failed(
    machine: MakeMachine, tmp_path: Path, programs: dict[str, bytes]
) -> None:
    initrd = tmp_path / "initrd"
    initrd.write_bytes(archive([file("test", programs["shortages"], 0o755)]))
    kernel = machine(modules=(initrd,), smp=2, lifetime=LIFETIME)
    kernel.expect_prompt()
    said = kernel.command("test outside.program", PATIENCE)
    assert said.splitlines()[-1] == "tests: 1 passed, 0 failed", said


ENDED = "exit status 0"


def ends(machine: MakeMachine, folder: Path, programs: dict[str, bytes]) -> dict[str, str]:
    """How each of `programs` ends, one after the other on one machine."""
    kernel = started(machine, folder, **programs)
    return {name: kernel.command(f"run /bin/{name}", PATIENCE).split(": ")[-1] for name in programs}
