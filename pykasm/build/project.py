"""A project: the folder of a kernel, and what its `pyproject.toml` says of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path

from pykasm.build.settings import TABLE, Settings
from pykasm.files import digest_of

DEFAULT_NAME = "kernel"
BUILD_VARIABLE = "PYKASM_BUILD"
"""The environment variable that says where everything made goes, for this process and those that
it starts."""


@dataclass(frozen=True, slots=True)
class Project:
    """The settings under `[tool.pykasm]`; `root` is the folder of the file they stand in.

    `image` names the function that returns the image, `images` those of others by their names,
    `programs` those of programs that run on the kernel, and `campaigns` those that return
    campaigns; `program` is the name of the one that is to be built.
    `grub` is the folder with the template of the boot menu. `build` is where everything made goes.
    `command_line` is the kernel's, `modules` are files that the boot loader hands to it. `debug`
    keeps `asserts` and what else the code has for debug builds. `memory` (MiB), `smp` (processors)
    and `cpu` (a model of QEMU's) are the machine that `run` starts.
    """

    root: Path
    name: str = DEFAULT_NAME
    image: str = "kernel.image:image"
    images: Mapping[str, str] = field(default_factory=dict)
    programs: Mapping[str, str] = field(default_factory=dict)
    campaigns: Mapping[str, str] = field(default_factory=dict)
    build: str = "build"
    grub: str = "grub"
    command_line: str = ""
    modules: tuple[str, ...] = ()
    debug: bool = True
    memory: int = 256
    smp: int = 1
    cpu: str = "max"
    program: str = ""

    @classmethod
    def load(cls, path: Path) -> Project:
        """The project that `path` lies in: its folder, a folder below it, or its file. What is made
        goes where `BUILD_VARIABLE` says; or to a folder of the user's caches, where the project's
        own can't be written to.

        Raises `SettingMistake` if there is none, or for a setting that is not as it should be.
        """
        settings = Settings(path.resolve())
        name = settings.name(DEFAULT_NAME)
        root = settings.file.parent
        project = replace(cls(root, name), **settings.checked(KINDS))
        wanted = os.environ.get(BUILD_VARIABLE)
        if wanted:
            return replace(project, build=wanted)
        if _can_be_written(project.folder):
            return project
        return replace(project, build=_spare(root))

    def with_image(self, name: str) -> Project:
        """The project with that of its `images` in place of `image`, in a folder of its own.

        Raises `SettingMistake` if there is none of this name.
        """
        if name not in self.images:
            table = f"{TABLE}.images"
            raise Settings(self.root).unknown("image", name, self.images, table)
        return replace(self, image=self.images[name], build=f"{self.build}/images/{name}")

    def with_program(self, name: str) -> Project:
        """The project with that of its `programs` in place of `image`, in a folder of its own.

        Raises `SettingMistake` if there is none of this name.
        """
        if name not in self.programs:
            table = f"{TABLE}.programs"
            raise Settings(self.root).unknown("program", name, self.programs, table)
        build = f"{self.build}/programs/{name}"
        return replace(self, image=self.programs[name], build=build, program=name)

    @property
    def is_spare(self) -> bool:
        """Whether `folder` is among the user's caches, as the project's own can't be written to."""
        return self.build == _spare(self.root)

    @property
    def folder(self) -> Path:
        """Where everything made goes."""
        return self.root / self.build

    @property
    def cache(self) -> Path:
        """What later builds may use again."""
        return self.folder / "cache"

    @property
    def objects(self) -> Path:
        """Where the object files are."""
        return self.folder / "objects"

    @property
    def kernel(self) -> Path:
        """The linked kernel, or program, with symbols and debugging information."""
        return self.folder / f"{self.program or DEFAULT_NAME}.elf"

    @property
    def executable(self) -> Path:
        """The program without them."""
        return self.folder / self.program

    @property
    def iso(self) -> Path:
        """The image for CDs and USB sticks."""
        return self.folder / "kernel.iso"

    @property
    def listing(self) -> Path:
        """The listing as text."""
        return self.kernel.with_suffix(".lst")

    @property
    def page(self) -> Path:
        """The listing as a page."""
        return self.kernel.with_suffix(".html")

    @property
    def menu(self) -> Path:
        """The template of the boot menu."""
        return self.root / self.grub / "grub.cfg.j2"

    @property
    def image_folder(self) -> Path:
        """The folder, or the name of the file, that the module of `image` lies in."""
        return self.root / self.image.partition(":")[0].partition(".")[0]

    @property
    def module_files(self) -> list[Path]:
        """The files of `modules`."""
        return [self.root / module for module in self.modules]


def _can_be_written(folder: Path) -> bool:
    """Whether files can be made in `folder`, which need not be there yet. What is no folder is
    left to who makes them, to complain of."""
    there = next(one for one in (folder, *folder.parents) if one.exists())
    return not there.is_dir() or os.access(there, os.W_OK | os.X_OK)


def _spare(root: Path) -> str:
    """The folder of the user's caches for builds of the project in `root` (XDG Base Directory
    Specification 0.8)."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return str(Path(caches, "pykasm", f"{root.name}-{digest_of(str(root).encode()).hex()[:8]}"))


KINDS = {
    one.name: dict if one.default is MISSING else type(one.default)
    for one in fields(Project)
    if one.name not in ("root", "program")
}
"""The types of the settings, by their names."""
