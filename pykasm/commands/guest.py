"""What the kernel of `pykasm run` is to run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import click

from pykasm.build.project import Project
from pykasm.machine.initramfs import of_folder, of_program

ARCHIVE = "initramfs.cpio"
"""What is made of a folder or a program, among what else is made."""

FILE = click.Path(exists=True, dir_okay=False, resolve_path=True, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path)


@dataclass(frozen=True, slots=True)
class Guest:
    """A file system that the kernel begins with: the archive `initrd`, what is in the folder
    `root`, or a `program` alone, which is run with `arguments`; and what to `append` to the
    kernel's command line."""

    initrd: Path | None
    root: Path | None
    program: Path | None
    arguments: tuple[str, ...]
    append: str

    def check(self) -> None:
        """Raise `click.UsageError` if more than one file system is given, or an argument that the
        kernel's command line can't have."""
        given = [one for one in (self.initrd, self.root, self.program) if one is not None]
        if len(given) > 1:
            raise click.UsageError("--initrd, --root and --program: give one of them.")
        if any('"' in argument for argument in self.arguments):
            raise click.UsageError("the kernel's command line has no double quotes in arguments.")

    def given_to(self, project: Project) -> Project:
        """`project` with it."""
        words = [project.command_line, self.append]
        archive = self.initrd
        if self.root is not None:
            archive = _written(project, of_folder(self.root))
        if self.program is not None:
            contents, name = of_program(self.program)
            archive = _written(project, contents)
            words += [
                f"init={name}",
                *(["--", *map(_quoted, self.arguments)] if self.arguments else []),
            ]
        modules = project.modules if archive is None else (str(archive), *project.modules)
        return replace(
            project, modules=modules, command_line=" ".join(word for word in words if word)
        )


def _quoted(argument: str) -> str:
    """`argument` as one word of the kernel's command line."""
    return f'"{argument}"' if not argument or " " in argument else argument


def _written(project: Project, contents: bytes) -> Path:
    """The file with `contents`."""
    place = project.folder / ARCHIVE
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(contents)
    return place
