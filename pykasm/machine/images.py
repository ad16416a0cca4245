"""A project's kernel and its ISOs, ready for machines to start from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pykasm.build.iso import make_iso
from pykasm.build.pipeline import build
from pykasm.build.project import Project
from pykasm.build.stages import Stages
from pykasm.link.linker import strip
from pykasm.machine.qemu import MachineOptions
from pykasm.machine.session import LIFETIME, Machine

TEST = "test"
"""The word of the command line by which a panic ends the machine with `PANIC_STATUS`."""


@dataclass(slots=True)
class Images:
    """The built `project`; ISOs with other command lines than its own are made in `folder`."""

    project: Project
    folder: Path
    _isos: dict[str, Path] = field(default_factory=dict)
    _others: dict[str, Images] = field(default_factory=dict)

    @classmethod
    def build(cls, project: Project, folder: Path) -> Images:
        """Bring `project` up to date."""
        build(project, Stages())
        return cls(project, folder)

    def of_image(self, name: str) -> Images:
        """Those of another image of the project, which is built when it is first asked for."""
        if name not in self._others:
            folder = self.folder / name
            folder.mkdir()
            self._others[name] = Images.build(self.project.with_image(name), folder)
        return self._others[name]

    def iso(self, command_line: str) -> Path:
        """The ISO whose kernel gets `command_line`."""
        if command_line == self.project.command_line:
            return self.project.iso
        if command_line not in self._isos:
            self._isos[command_line] = self._make_iso(command_line)
        return self._isos[command_line]

    def machine(
        self,
        *,
        direct: bool = True,
        uefi: bool = False,
        command_line: str = TEST,
        lifetime: float = LIFETIME,
        **settings: Any,
    ) -> Machine:
        """Start a machine; see the fixture `machine`."""
        settings = {"smp": self.project.smp, "memory": self.project.memory, **settings}
        if uefi or not direct:
            iso = self.iso(command_line)
            return Machine(MachineOptions(iso=iso, uefi=uefi, **settings), lifetime=lifetime)
        settings = {"modules": tuple(self.project.module_files), **settings}
        options = MachineOptions(kernel=self.project.kernel, command_line=command_line, **settings)
        return Machine(options, lifetime=lifetime)

    def _make_iso(self, command_line: str) -> Path:
        stripped = self.folder / "kernel.stripped"
        if not stripped.exists():
            strip(self.project.kernel, stripped)
        output = self.folder / f"{len(self._isos)}.iso"
        make_iso(
            stripped,
            output,
            self.project.menu,
            cache=self.project.cache,
            name=self.project.name,
            command_line=command_line,
            modules=self.project.module_files,
        )
        return output
