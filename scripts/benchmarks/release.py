"""A release build of the kernel, and programs of C that measure it."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

from pykasm.build.project import Project
from pykasm.machine.cpio import archive, directory, file
from pykasm.machine.images import Images
from pykasm.machine.session import Machine
from scripts.benchmarks.kernel import COUNTING, PATIENCE, ROOT

SOURCE = ROOT.parent / "shared" / "programs" / "bench.c"
"""Prints `SECTION: N ns/op …` for each; here a nanosecond is an instruction."""

SUBJECTS = Path(__file__).parent / "subjects"

MISSING = "musl-gcc or the program is not here"


def can_measure() -> bool:
    """Whether all that it needs is here."""
    return shutil.which("musl-gcc") is not None and SOURCE.exists()


class Release:
    """A release build, and machines that run it with one program or two."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.images = Images.build(replace(Project.load(ROOT), debug=False), folder)

    def compiled(self, source: Path, *options: str) -> bytes:
        """A static program."""
        program = self.folder / source.stem
        choices = ["-static", "-O1", "-w", "-pthread", *options, "-o", str(program), str(source)]
        subprocess.run(["musl-gcc", *choices], check=True)
        return program.read_bytes()

    def machine(
        self, init: bytes, arguments: str = "", *, memory: int, smp: int = 1, counts: bool = True
    ) -> Machine:
        """A machine whose process 1 is `init`. With `arguments` there is `/bench`, too."""
        initrd = self.folder / "initrd"
        bench = file("bench", self.compiled(SOURCE), 0o755)
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
