"""What programs pay for the kernel's services, in instructions, by an emulator that counts them.

A static program of C measures them as process 1 of a release build. Beside each figure stands what
Linux 6.1 takes for the same on the same emulator.
"""

from __future__ import annotations

import re
import statistics
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from kernel.paging.addresses import Area
from pykasm.machine.symbols import SymbolTable
from scripts.benchmarks.aims import END, Aim, figures_of, measured
from scripts.benchmarks.figure import Figure
from scripts.benchmarks.kernel import PATIENCE
from scripts.benchmarks.release import MISSING, SUBJECTS, Release, can_measure
from scripts.benchmarks.shell import available

MEMORY = 1024
"""MiB."""

AIMS = {
    "getppid": Aim("getppid", 90, 332),
    "enosys": Aim("a call that there is not", 70, 218),
    "yield_pingpong": Aim("sched_yield, there and back", 600, 4_088),
    "futex_pingpong": Aim("a futex between threads, there and back", 2_000, 9_703),
    "pipe_pingpong": Aim("a pipe between processes, there and back", 3_000, 12_580),
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

MIB = 1 << 20
BUSY = re.compile(r"^BUSY (\d+) (\d+) (\d+)", re.MULTILINE)


def figures() -> Iterator[Figure]:
    """Each operation, alone and among many processes; what starts with them, and two at once."""
    if not can_measure():
        yield Figure("programs", MISSING)
        return
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        alone = bench.operations(0)
        yield from figures_of(AIMS, alone)
        for count in CROWDS:
            yield _crowd(count, alone, bench.operations(count))
        yield bench.first_instruction()
        yield bench.idle_memory()
        yield bench.busy_processors()


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


class Bench(Release):
    """What is measured of it."""

    def operations(self, crowd: int) -> dict[str, float]:
        """What the program prints, by its sections, while `crowd` processes sleep."""
        sections = " ".join(f"={section}" for section in AIMS)
        memory = CROWD_MEMORY if crowd > CROWDS[0] else MEMORY
        init = self.compiled(SUBJECTS / "crowd.c")
        with self.machine(init, f"{crowd} -q {sections}", memory=memory) as machine:
            printed = machine.expect(f"(.*){END}", timeout=PATIENCE).group(1)
        assert "no more processes" not in printed, printed
        return measured(printed, AIMS)

    def first_instruction(self) -> Figure:
        """How long the kernel takes to begin with process 1."""
        init = self.compiled(SUBJECTS / "first.c", "-nostartfiles")
        symbol = SymbolTable.from_elf(self.images.project.kernel).named("BootTimer.start_ticks")
        with self.machine(init, memory=MEMORY) as machine:
            ticks = int(machine.expect(r"FIRST (\d+) ticks", timeout=PATIENCE).group(1))
            word = machine.memory(symbol.address - Area.IMAGE, symbol.size)
        elapsed = ticks - int.from_bytes(word, "little")
        name = f"from the start to the first instruction of init, {MEMORY // 1024} GiB"
        target = f"{FIRST_TARGET:,} or less"
        return Figure(name, f"{elapsed:,} instructions", target, elapsed <= FIRST_TARGET)

    def idle_memory(self) -> Figure:
        """How much memory the kernel has for itself while process 1 does nothing."""
        init = self.compiled(SUBJECTS / "first.c", "-nostartfiles")
        with self.machine(init, memory=IDLE_MEMORY) as machine:
            found = machine.expect(r"(.*), (\d+) bytes free", timeout=PATIENCE)
        used = (available(found.group(1)) - int(found.group(2))) / MIB
        name = f"memory in use while init sleeps, of {IDLE_MEMORY} MiB"
        return Figure(name, f"{used:.2f} MiB", f"{IDLE_TARGET} MiB or less", used <= IDLE_TARGET)

    def busy_processors(self) -> Figure:
        """How much longer two busy processes take on two processors than one. The least times
        count: the host has other things to do, too, and may not have two processors for us."""
        init = self.compiled(SUBJECTS / "busy.c")
        with self.machine(init, memory=IDLE_MEMORY, smp=2, counts=False) as machine:
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
