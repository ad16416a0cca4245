"""A machine that looks at cases: what becomes of each, and whether anything is left behind."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pykasm.build.pipeline import build
from pykasm.build.project import Project
from pykasm.build.stages import Stages
from pykasm.campaign.campaign import Outcome
from pykasm.collection import without_garbage_collection
from pykasm.files import digest_of
from pykasm.machine.cpio import archive, directory, file
from pykasm.machine.images import TEST
from pykasm.machine.qemu import MachineOptions
from pykasm.machine.session import ExpectationError, Machine

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

PASSED = "tests: 1 passed, 0 failed"
TIME = 600.0
"""Seconds for a machine; the watchdog of the kernel and the cases themselves have less."""

LEAKS = "leaks"
STOPPED = "stopped"
"""Kinds of cases after which something was left behind, and after which nothing went on."""

Judge = Callable[[int, str], Outcome]
"""What came of a case by its seed, and how the machine says that it ended."""


@dataclass(frozen=True, slots=True)
class Guest:
    """A kernel, and a `program` that looks at cases on it (`cases.h`)."""

    kernel: Path
    program: bytes
    processors: int = 2

    @classmethod
    def made(cls, source: str, headers: Mapping[str, str] | None = None) -> Guest:
        """Build the kernel, and the program from its source, with `headers` that it includes."""
        project = Project.load(ROOT)
        with without_garbage_collection():
            build(project, Stages(), iso=False)
        return cls(project.kernel, compiled(HERE / source, headers))

    @property
    def subject(self) -> str:
        """What is looked at, and by what."""
        return digest_of(self.kernel.read_bytes() + self.program).hex()

    def outcomes(
        self, seeds: Sequence[int], files: Mapping[str, bytes], judge: Judge
    ) -> Iterator[Outcome]:
        """Yield what comes of the cases `seeds` with these files. Where a machine stops, it stopped
        at the case that had begun; the rest have another one."""
        left = [*seeds]
        while left:
            ends, begun, report, passed = self._run(left, files)
            done = [one for one in left if one in ends]
            stopped = [begun] if begun is not None and begun not in ends else []
            if not passed and not stopped:
                yield from self._leaking(done, files, judge, ends, report)
            else:
                yield from (judge(one, ends[one]) for one in done)
            yield from (Outcome(one, STOPPED, report) for one in stopped)
            rest = [one for one in left if one not in ends and one not in stopped]
            if rest == left:
                yield from (Outcome(one, STOPPED, report) for one in rest)
                return
            left = rest

    def _leaking(
        self,
        seeds: Sequence[int],
        files: Mapping[str, bytes],
        judge: Judge,
        ends: Mapping[int, str],
        report: str,
    ) -> Iterator[Outcome]:
        """Find out which of `seeds` leave something behind: all together do, by the `report`."""
        if len(seeds) == 1:
            yield Outcome(seeds[0], LEAKS, report)
            return
        half = len(seeds) // 2
        found = [
            outcome
            for part in (seeds[:half], seeds[half:])
            for outcome in self.outcomes(part, files, judge)
        ]
        if any(one.kind == LEAKS for one in found):
            yield from found
            return
        yield Outcome(seeds[0], LEAKS, f"only with those up to {seeds[-1]}: {report}")
        yield from (judge(one, ends[one]) for one in seeds[1:])

    def _run(
        self, seeds: Sequence[int], files: Mapping[str, bytes]
    ) -> tuple[dict[int, str], int | None, str, bool]:
        """How each case ended, the last one that began, what the machine said in the end, and
        whether all is as it was before."""
        names = "".join(f"{one}\n" for one in seeds).encode()
        folders = dict.fromkeys(f"{name.rpartition('/')[0]}" for name in files)
        entries = [
            *(directory(name) for name in folders if name),
            directory("tmp", 0o1777),
            file("test", self.program, 0o755),
            file("cases", names, 0o644),
            *(file(name, contents, 0o755) for name, contents in files.items()),
        ]
        with tempfile.NamedTemporaryFile() as initrd:
            initrd.write(archive(entries))
            initrd.flush()
            options = MachineOptions(
                kernel=self.kernel,
                command_line=TEST,
                modules=(Path(initrd.name),),
                smp=self.processors,
            )
            with Machine(options, lifetime=TIME) as machine:
                try:
                    machine.expect_prompt()
                    machine.send_line("test outside.program")
                    machine.expect(r"tests: \d passed, \d failed\r\n", TIME)
                    said = machine.output
                    report = "\n".join(one for one in said.splitlines() if " before, " in one)
                except ExpectationError:
                    report = machine.last_output()
                    said = machine.output
        ends = {int(seed): end for seed, end in re.findall(r"^(\d+) (\w+(?: \d+)?)$", said, re.M)}
        begun = re.findall(r"begin (\d+)$", said, re.M)
        passed = PASSED in said
        return ends, int(begun[-1]) if begun else None, report, passed


def compiled(source: Path, headers: Mapping[str, str] | None = None) -> bytes:
    """A static program from C, which may include `headers`, made of these texts."""
    compiler = shutil.which("musl-gcc")
    if compiler is None:
        raise FileNotFoundError("musl-gcc is not installed (the package musl-tools)")
    with tempfile.TemporaryDirectory() as folder:
        for name, contents in (headers or {}).items():
            Path(folder, name).write_text(contents)
        program = Path(folder, "program")
        options = ("-static", "-pthread", "-O1", "-s", "-w", f"-I{folder}")
        subprocess.run([compiler, *options, "-o", program, source], check=True)
        return program.read_bytes()
