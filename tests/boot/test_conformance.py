"""Programs that check corners of the Linux ABI: what is `ok` on Linux is `ok` here.

They lie beside the repository, and are not part of it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from pykasm.build.pipeline import build
from pykasm.build.project import Project
from pykasm.build.stages import Stages
from pykasm.machine.cpio import archive, directory, file, symlink
from pykasm.machine.qemu import POWEROFF_STATUS
from pykasm.machine.session import Machine
from tests.boot.test_programs import busybox

MakeMachine = Callable[..., Machine]
ROOT = Path(__file__).parents[2]
SOURCES = ROOT.parent / "shared" / "programs"
PARTS = ("process", "files")

COMPILERS = ("musl-gcc", "gcc")
OPTIONS = ("-static", "-O1", "-w", "-pthread", "-s")

MEMORY_FOLDER = Path("/dev/shm")
"""A tmpfs, on Linux."""

MEMORY = 512
"""MiB; with more of it the one that uses all memory up does nothing."""

PATIENCE = 600.0
"""Seconds for all of them; they take about a minute where nothing else runs."""

NATIVE_RUNS = 3
NATIVE_PATIENCE = 60.0
"""Seconds for one of them on Linux, of which it takes less than one."""

NO_INTERNET = "needs the Internet protocols"

NOT_RUN = {
    "blocked-calls-kill": NO_INTERNET,
    "epoll-hup-rdhup": NO_INTERNET,
    "ipv6-loopback": NO_INTERNET,
    "net-ifconf": NO_INTERNET,
    "tcp-accept-shared": NO_INTERNET,
    "tcp-connect-accept": NO_INTERNET,
    "tcp-linger-zero": NO_INTERNET,
    "tcp-nonblock-connect": NO_INTERNET,
    "tcp-peek-waitall": NO_INTERNET,
    "tcp-reuse-address": NO_INTERNET,
    "tcp-shutdown-epipe": NO_INTERNET,
    "udp-basic": NO_INTERNET,
    "udp-connected": NO_INTERNET,
}

SHORT_WAIT = "waits for another process for as long as 1000 calls take, which may be too short here"
MUCH_MEMORY = "says so where there is more memory than here, instead of filling it"
NO_32_BITS = "there is no interface for 32-bit programs, whose `int 0x80` is SIGSEGV"

LATER: Mapping[tuple[str, str], str] = {
    ("capabilities", r"dropped capabilities are missed.*"): SHORT_WAIT,
    ("int-vectors", r"int N: getpid.*|number.*|write.*|time.*|nanosleep.*"): NO_32_BITS,
    ("int-vectors", r"close.*|and keeps N-bit registers"): NO_32_BITS,
    ("oom-kill", r"skipped.*|N times all memory.*"): MUCH_MEMORY,
}
"""Checks, by program and text, that can't be `ok` here, and why."""

SCRIPT = """\
cd /tmp
for program in {programs}; do
    echo "begin $program"
    /bin/$program
    echo "end $program $?"
done
"""

CONFIGURATION = "/dev/console /bin/sh /etc/programs\n"


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """All of them, by name and compiler, as static programs."""
    if not SOURCES.is_dir():
        pytest.skip(f"the programs are not here ({SOURCES})")
    for compiler in COMPILERS:
        if shutil.which(compiler) is None:
            pytest.skip(f"{compiler} is not installed")
    folder = tmp_path_factory.mktemp("programs")
    made = {
        f"{source.stem}.{compiler}": (source, folder / f"{source.stem}.{compiler}")
        for part in PARTS
        for source in sorted((SOURCES / part).glob("*.c"))
        if source.stem not in NOT_RUN
        for compiler in COMPILERS
    }

    def compile(name: str) -> None:
        source, program = made[name]
        compiler = name.partition(".")[2]
        subprocess.run([compiler, *OPTIONS, "-o", program, source], check=True)

    with ThreadPoolExecutor() as pool:
        list(pool.map(compile, made))
    return {name: program for name, (_, program) in made.items()}


@pytest.fixture(scope="module")
def init(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Our own process 1."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYKASM_BUILD", str(tmp_path_factory.mktemp("build")))
        project = Project.load(ROOT).with_program("init")
        build(project, Stages())
    return project.executable.read_bytes()


def test_what_is_ok_on_linux_is_ok_here(
    machine: MakeMachine, tmp_path: Path, programs: dict[str, Path], init: bytes
) -> None:
    initrd = tmp_path / "initrd"
    initrd.write_bytes(root(programs, init))
    kernel = machine(modules=(initrd,), smp=2, memory=MEMORY, lifetime=PATIENCE)
    assert kernel.wait_exit(PATIENCE) == POWEROFF_STATUS
    here = dict(parts(kernel.output))
    assert list(here) == list(programs)  # each has begun, and has ended
    missing = {name: lacking(name, native(programs[name]), here[name]) for name in programs}
    assert {name: checks for name, checks in missing.items() if checks} == {}


def root(programs: Mapping[str, Path], init: bytes) -> bytes:
    """A file system with the programs, that runs one after the other and then ends."""
    return archive(
        [
            *(directory(name) for name in ("bin", "etc", "root")),
            directory("tmp", 0o1777),
            file("init", init, 0o755),
            file("bin/busybox", busybox(), 0o755),
            symlink("bin/sh", "busybox"),
            file("etc/init.conf", CONFIGURATION.encode()),
            file("etc/programs", SCRIPT.format(programs=" ".join(programs)).encode()),
            *(file(f"bin/{name}", path.read_bytes(), 0o755) for name, path in programs.items()),
        ]
    )


def parts(output: str) -> Iterator[tuple[str, str]]:
    """What each program has said, by its name."""
    for match in re.finditer(r"^begin (\S+)\n(.*?)^end \1 \d+\n", output, re.DOTALL | re.MULTILINE):
        yield match[1], match[2]


def native(program: Path) -> str:
    """What a program says on Linux, where its files are in memory, too. A few of them may wait for
    each other for ever on a host that is busy: then they are run again."""
    environment = os.environ | {"CONF_DIR": str(MEMORY_FOLDER)} if MEMORY_FOLDER.is_dir() else None
    for _ in range(NATIVE_RUNS):
        with suppress(subprocess.TimeoutExpired):
            run = subprocess.run(
                [program],
                cwd=program.parent,
                env=environment,
                capture_output=True,
                check=False,
                timeout=NATIVE_PATIENCE,
            )
            return run.stdout.decode(errors="replace")
    pytest.fail(f"{program.name} has not ended on this system, each of {NATIVE_RUNS} times")


def lacking(name: str, there: str, here: str) -> list[str]:
    """The checks of a program that fail `here`, and those that are `ok` `there` and not `here`, but
    for those of `LATER`."""
    program = name.partition(".")[0]
    patterns = [pattern for one, pattern in LATER if one == program]
    left = checks("not ok", here) + (checks("ok", there) - checks("ok", here))
    return [
        check
        for check in left
        if not any(re.fullmatch(pattern, check.partition(": got ")[0]) for pattern in patterns)
    ]


def checks(result: str, output: str) -> Counter[str]:
    """The checks with this `result`, without what differs from run to run."""
    found = re.findall(rf"^{result} - (.*)$", output, re.MULTILINE)
    return Counter(re.sub(r"\b(0x[0-9a-f]+|\d+)\b", "N", check) for check in found)
