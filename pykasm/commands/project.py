"""The project of the working directory, built."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click

from pykasm.build.outcome import BuildResult
from pykasm.build.project import BUILD_VARIABLE, Project
from pykasm.build.stages import Stages
from pykasm.collection import settle, without_garbage_collection


def this_project(
    folder: Path | None = None,
    *,
    release: bool = False,
    image: str | None = None,
    program: str | None = None,
) -> Project:
    """The project that `folder`, or else the working directory, lies in, to be built as its
    settings say or, for `release`, without what only debug builds have; with the `image` or the
    `program` of that name."""
    project = Project.load(folder or Path.cwd())
    if project.is_spare:
        click.echo(f"{project.root} can't be written to: building in {project.folder}", err=True)
    if image is not None:
        project = project.with_image(image)
    if program is not None:
        project = project.with_program(program)
    return replace(project, debug=False) if release else project


def _use_folder(context: click.Context, option: click.Parameter, folder: Path | None) -> None:
    """Have this process, and those that it starts, put what is made into `folder`."""
    if folder is not None:
        os.environ[BUILD_VARIABLE] = str(folder.absolute())


build_option = click.Option(
    ["--build"],
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    expose_value=False,
    is_eager=True,
    callback=_use_folder,
    help=f"Put what is made into DIR (or what {BUILD_VARIABLE} names).",
)
"""For all commands that build, or look at what was built."""

release_option = click.option(
    "--release", is_flag=True, help="Leave out what only debug builds have, such as asserts."
)

image_option = click.option(
    "--image", metavar="NAME", help="Take another image than the usual one (see [tool.pykasm])."
)

program_option = click.option(
    "--program", metavar="NAME", help="Take the program NAME (see [tool.pykasm.programs])."
)


def built(
    stages: Stages | None = None,
    *,
    release: bool = False,
    image: str | None = None,
    program: str | None = None,
    listing: bool = False,
    iso: bool = True,
    guest: Callable[[Project], Project] | None = None,
) -> BuildResult:
    """Bring this project's kernel, or the `program` of that name, up to date, with `iso` the ISO
    and with `listing` that too. `guest` gives the project what the kernel is to run."""
    with without_garbage_collection():
        try:
            project = this_project(release=release, image=image, program=program)
            project = guest(project) if guest else project
            from pykasm.build.pipeline import build

            return build(project, stages or Stages(), listing=listing, iso=iso)
        finally:
            settle()
