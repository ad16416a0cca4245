"""What programs pay for the kernel's services, in instructions, by an emulator that counts them.

A static program of C measures them as process 1 of a release build. Beside each figure stands what
Linux 6.1 takes for the same on the same emulator.
"""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from kernel.paging.addresses import Area
from pykasm.build.project import Project
from pykasm.machine.cpio import archive, directory, file
from pykasm.machine.images import Images
from pykasm.machine.initramfs import of_folder
from pykasm.machine.session import Machine
from pykasm.machine.symbols import SymbolTable
from scripts.benchmarks.figure import Figure
from scripts.benchmarks.kernel import COUNTING, PATIENCE, ROOT

SOURCE = ROOT.parent / "shared" / "programs" / "bench.c"
"""Prints `SECTION: N ns/op …` for each; here a nanosecond is an instruction."""

SUBJECTS = Path(__file__).parent / "subjects"

MEMORY = 1024
"""MiB."""

LINE = re.compile(r"^(\w+): ([\d.]+) ns/op", re.MULTILINE)
END = "BENCH-END"


class Aim(NamedTuple):
    """A figure: what it is called, what it should be at most, and what Linux takes, if anybody has
    measured that."""

    name: str
    target: int
    linux: int | None = None
    waited: int = 0
    """What is no work: the time that was asked for."""


AIMS = {
    "getppid": Aim("getppid", 90, 332),
    "enosys": Aim("a call that there is not", 70, 218),
    "yield_pingpong": Aim("sched_yield, there and back", 600, 4_088),
    "futex_pingpong": Aim("a futex between threads, there and back", 2_000, 9_703),
    "pipe_pingpong": Aim("a pipe between processes, there and back", 3_000, 12_580),
    "unix_pingpong": Aim("a Unix socket between processes, there and back", 4_000, 17_073),
    "touch_4096": Aim("a page fault on fresh memory", 1_200, 3_259),
    "cow_fault": Aim("a copy on write", 1_800, 4_256),
    "mmap_touch_munmap": Aim("mmap, a touch, munmap", 3_500, 17_369),
    "fork_exit_wait": Aim("fork, exit, wait", 35_000, 133_570),
    "fork_exec_wait": Aim("fork, exec, exit, wait", 80_000, 270_732),
    "thread_create_join": Aim("a thread created and joined", 12_000, 76_562),
    "signal_self": Aim("a signal to oneself", 1_000, 3_624),
    "clock_gettime": Aim("clock_gettime", 70, 79),
    "clock_gettime_sys": Aim("clock_gettime, by a system call", 150, 434),
    "nanosleep_1ms": Aim("nanosleep, beyond its time", 5_000, waited=1_000_000),
}

CROWDS = (10, 10_000)
"""Processes that sleep meanwhile."""
CROWD_MEMORY = 2048
"""MiB."""
FLAT = 1.1
"""What they may do to a figure, at most."""

FIRST_TARGET = 1_000_000
"""Instructions from the loader's jump to the first one of process 1."""
IDLE_MEMORY = 512
IDLE_TARGET = 4
"""MiB, of so many."""
BUSY_TARGET = 1.1
"""What two busy processes take on two processors, in times of one."""
ALWAYS = 95
"""Percent of the time that a process has a processor which it shares with nobody."""

SHELL_MEMORY = 256
SHELL_PROMPT = "~ # "
SHELL_TARGETS = {"directly": 0.25, "by GRUB": 0.75}
"""Seconds from POWER-ON to the prompt of the shell that `scripts/run` boots to."""
SHELL_MEMORY_TARGET = 8
"""MiB, beside the archive."""
STARTS = 3
"""Of each kind; the quickest counts, as the host has other things to do, too."""

MIB = 1 << 20
BUSY = re.compile(r"^BUSY (\d+) (\d+) (\d+)", re.MULTILINE)
AVAILABLE = re.compile(r"([0-9a-f]{16})-([0-9a-f]{16}) .* available\r?$", re.MULTILINE)


def figures() -> Iterator[Figure]:
    """Each operation, alone and among many processes; what starts with them, and two at once."""
    if shutil.which("musl-gcc") is None or not SOURCE.exists():
        yield Figure("programs", "musl-gcc or the program is not here")
        return
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        measured = bench.operations(0)
        yield from (_operation(aim, measured.get(name)) for name, aim in AIMS.items())
        for count in CROWDS:
            yield _crowd(count, measured, bench.operations(count))
        yield bench.first_instruction()
        yield bench.idle_memory()
        yield bench.busy_processors()
        yield from bench.shell()


def _operation(aim: Aim, measured: float | None) -> Figure:
    """What was `measured` of an operation."""
    target = f"{aim.target:,} or less"
    if measured is None:
        return Figure(aim.name, "not measured", target, False)
    told = f"{measured:,.0f} instructions"
    if aim.linux is not None:
        told += f" (Linux: {aim.linux:,})"
    return Figure(aim.name, told, target, measured <= aim.target)


def _crowd(count: int, alone: Mapping[str, float], among: Mapping[str, float]) -> Figure:
    """How much the operations take with `count` processes in times of what they take `alone`."""
    name, target = f"all these with {count:,} processes alive", f"within {FLAT - 1:.0%}"
    if not alone or alone.keys() != among.keys():
        missing = ", ".join(sorted(AIMS.keys() - among.keys()))
        return Figure(name, f"not measured: {missing}", target, False)
    changes = {one: among[one] / alone[one] - 1 for one in alone}
    worst = max(changes, key=lambda one: changes[one])
    middle = statistics.median(changes.values())
    told = f"{middle:+.1%}, at most {changes[worst]:+.1%} ({AIMS[worst].name})"
    return Figure(name, told, target, changes[worst] <= FLAT - 1)


class Bench:
    """A release build, and programs for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.images = Images.build(replace(Project.load(ROOT), debug=False), folder)

    def _compiled(self, source: Path, *options: str) -> bytes:
        program = self.folder / source.stem
        choices = ["-static", "-O1", "-w", "-pthread", *options, "-o", str(program), str(source)]
        subprocess.run(["musl-gcc", *choices], check=True)
        return program.read_bytes()

    def _machine(
        self, init: bytes, arguments: str = "", *, memory: int, smp: int = 1, counts: bool = True
    ) -> Machine:
        """A machine whose process 1 is `init`."""
        initrd = self.folder / "initrd"
        bench = file("bench", self._compiled(SOURCE), 0o755)
        entries = [directory("tmp", 0o1777), file("init", init, 0o755)]
        initrd.write_bytes(archive([*entries, bench] if arguments else entries))
        return self.images.machine(
            cpu="max",
            memory=memory,
            smp=smp,
            modules=(initrd,),
            command_line=f"init=/init -- {arguments}" if arguments else "init=/init",
            arguments=COUNTING if counts else (),
            lifetime=PATIENCE,
        )

    def operations(self, crowd: int) -> dict[str, float]:
        """What the program prints, by its sections, while `crowd` processes sleep."""
        sections = " ".join(f"={section}" for section in AIMS)
        memory = CROWD_MEMORY if crowd > CROWDS[0] else MEMORY
        init = self._compiled(SUBJECTS / "crowd.c")
        with self._machine(init, f"{crowd} -q {sections}", memory=memory) as machine:
            printed = machine.expect(f"(.*){END}", timeout=PATIENCE).group(1)
        assert "no more processes" not in printed, printed
        return {
            name: float(value) - AIMS[name].waited
            for name, value in LINE.findall(printed)
            if name in AIMS
        }

    def first_instruction(self) -> Figure:
        """How long the kernel takes to begin with process 1."""
        init = self._compiled(SUBJECTS / "first.c", "-nostartfiles")
        symbol = SymbolTable.from_elf(self.images.project.kernel).named("BootTimer.start_ticks")
        with self._machine(init, memory=MEMORY) as machine:
            ticks = int(machine.expect(r"FIRST (\d+) ticks", timeout=PATIENCE).group(1))
            word = machine.memory(symbol.address - Area.IMAGE, symbol.size)
        elapsed = ticks - int.from_bytes(word, "little")
        name = f"from the start to the first instruction of init, {MEMORY // 1024} GiB"
        target = f"{FIRST_TARGET:,} or less"
        return Figure(name, f"{elapsed:,} instructions", target, elapsed <= FIRST_TARGET)

    def idle_memory(self) -> Figure:
        """How much memory the kernel has for itself while process 1 does nothing."""
        init = self._compiled(SUBJECTS / "first.c", "-nostartfiles")
        with self._machine(init, memory=IDLE_MEMORY) as machine:
            found = machine.expect(r"(.*), (\d+) bytes free", timeout=PATIENCE)
        ranges = AVAILABLE.findall(found.group(1))
        available = sum(int(end, 16) + 1 - int(start, 16) for start, end in ranges)
        used = (available - int(found.group(2))) / MIB
        name = f"memory in use while init sleeps, of {IDLE_MEMORY} MiB"
        return Figure(name, f"{used:.2f} MiB", f"{IDLE_TARGET} MiB or less", used <= IDLE_TARGET)

    def busy_processors(self) -> Figure:
        """How much longer two busy processes take on two processors than one. The least times
        count: the host has other things to do, too, and may not have two processors for us."""
        init = self._compiled(SUBJECTS / "busy.c")
        with self._machine(init, memory=IDLE_MEMORY, smp=2, counts=False) as machine:
            printed = machine.expect("(.*)BUSY-END", timeout=PATIENCE).group(1)
        rounds = [[int(one) for one in row] for row in BUSY.findall(printed)]
        alone, both = (min(row[place] for row in rounds) for place in range(2))
        part = max(row[2] for row in rounds)
        told = f"{both / alone:.2f} times one; each had a processor for {part}% of that"
        met: bool | None = both <= BUSY_TARGET * alone
        if not met and part >= ALWAYS:
            told, met = f"{told}, of a host that is busy", None
        target = f"{BUSY_TARGET} times or less"
        return Figure("two busy processes on 2 processors", told, target, met)

    def shell(self) -> Iterator[Figure]:
        """How long it takes to the shell's prompt, and what memory is in use there."""
        root, initrd = self.folder / "root", self.folder / "shell"
        made = subprocess.run([sys.executable, ROOT / "scripts" / "rootfs", root], check=False)
        if made.returncode != 0:
            yield Figure("a shell", "busybox is not here")
            return
        initrd.write_bytes(of_folder(root))
        for way, target in SHELL_TARGETS.items():
            seconds = min(self._shell_start(initrd, way) for _ in range(STARTS))
            name = f"from POWER-ON to the shell's prompt, {way}"
            yield Figure(name, f"{seconds:.2f} s", f"{target} s or less", seconds <= target)
        yield self._shell_memory(initrd)

    def _shell_machine(self, initrd: Path, way: str) -> Machine:
        """A machine that boots to the shell, by one of SHELL_TARGETS."""
        return self.images.machine(
            memory=SHELL_MEMORY, smp=1, modules=(initrd,), command_line="", direct=way == "directly"
        )

    def _shell_start(self, initrd: Path, way: str) -> float:
        """Seconds until the prompt is there."""
        start = time.monotonic()
        with self._shell_machine(initrd, way) as machine:
            machine.expect(SHELL_PROMPT, timeout=PATIENCE)
            return time.monotonic() - start

    def _shell_memory(self, initrd: Path) -> Figure:
        """What is in use with init, a shell and what they mount, without the files."""
        with self._shell_machine(initrd, "directly") as machine:
            said = machine.expect(f"(.*){SHELL_PROMPT}", timeout=PATIENCE).group(1)
            machine.send_line("cat /proc/meminfo")
            free = int(machine.expect(r"MemFree: +(\d+) kB", timeout=PATIENCE).group(1)) * 1024
        ranges = AVAILABLE.findall(said)
        available = sum(int(end, 16) + 1 - int(start, 16) for start, end in ranges)
        used = (available - free - initrd.stat().st_size) / MIB
        name = f"memory in use at the shell's prompt, beside the archive, of {SHELL_MEMORY} MiB"
        target = f"{SHELL_MEMORY_TARGET} MiB or less"
        return Figure(name, f"{used:.2f} MiB", target, used <= SHELL_MEMORY_TARGET)
