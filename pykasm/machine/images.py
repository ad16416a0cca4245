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
    """The built `project`; ISOs with other command lines or modules than its own are made in
    `folder`."""

    project: Project
    folder: Path
    _isos: dict[tuple[str, tuple[Path, ...]], Path] = field(default_factory=dict)
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

    def iso(self, command_line: str, modules: tuple[Path, ...] | None = None) -> Path:
        """The ISO whose kernel gets `command_line` and `modules`, or else those of the project."""
        own = tuple(self.project.module_files)
        key = (command_line, own if modules is None else modules)
        if key == (self.project.command_line, own):
            return self.project.iso
        if key not in self._isos:
            self._isos[key] = self._make_iso(*key)
        return self._isos[key]

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
            iso = self.iso(command_line, settings.pop("modules", None))
            return Machine(MachineOptions(iso=iso, uefi=uefi, **settings), lifetime=lifetime)
        settings = {"modules": tuple(self.project.module_files), **settings}
        options = MachineOptions(kernel=self.project.kernel, command_line=command_line, **settings)
        return Machine(options, lifetime=lifetime)

    def _make_iso(self, command_line: str, modules: tuple[Path, ...]) -> Path:
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
            modules=modules,
        )
        return output
