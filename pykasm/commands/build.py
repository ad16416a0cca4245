"""`pykasm build`: the kernel, the ISO and the listing."""

from __future__ import annotations

from shutil import get_terminal_size

import click

from pykasm.build.stages import Stages
from pykasm.build.summary import summary
from pykasm.build.tables import beside
from pykasm.commands.project import built, image_option, program_option, release_option
from pykasm.toolchain import Reporter


@click.command
@click.option("-v", "--verbose", is_flag=True, help="Print each external command.")
@image_option
@program_option
@release_option
def command(verbose: bool, image: str | None, program: str | None, release: bool) -> None:
    """Build the kernel (kernel.elf), its ISO (kernel.iso) and its listing (kernel.lst, .html).

    With --program NAME, build a program for Linux in build/programs/NAME: NAME to be run, NAME.elf
    with what debuggers read, and its listing.

    What has not changed since the last build is not made again.
    """
    stages = Stages(Reporter(verbose))
    if image is not None and program is not None:
        raise click.UsageError("--image and --program: give one of them.")
    result = built(stages, release=release, image=image, program=program, listing=True)
    for warning in result.outcome.warnings:
        click.echo(f"{warning}\n", err=True)
    tables = summary(stages, result.outcome.sizes)
    click.echo("\n".join(beside(tables, get_terminal_size().columns)))
