"""`pykasm build`: the kernel, the ISO and the listing."""

from __future__ import annotations

import click
from rich.console import Console

from pykasm.build.everything import build_everything
from pykasm.build.stages import Stages
from pykasm.build.summary import summary
from pykasm.commands.project import release_option, this_project
from pykasm.toolchain import Reporter


@click.command
@click.option("-v", "--verbose", is_flag=True, help="Print each external command.")
@release_option
def command(verbose: bool, release: bool) -> None:
    """Build the kernel (kernel.elf), its ISO (kernel.iso) and its listing (kernel.lst, .html).

    What has not changed since the last build is not made again.
    """
    stages = Stages(Reporter(verbose))
    result = build_everything(this_project(release=release), stages)
    for warning in result.program.warnings:
        click.echo(f"{warning}\n", err=True)
    Console().print(summary(stages, result.objects))
