"""`pykasm write`: the ISO on a USB stick."""

from __future__ import annotations

from pathlib import Path

import click

from pykasm.commands.project import built, image_option
from pykasm.escapes import escapes_allowed
from pykasm.machine.disk import Disk


@click.command
@click.argument("device", type=click.Path(path_type=Path))
@click.option(
    "--iso",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The image to write; that of the project, built if need be, if left out.",
)
@image_option
@click.option("--force", is_flag=True, help="Write even to what is not a removable disk.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(device: Path, iso: Path | None, image: str | None, force: bool, yes: bool) -> None:
    """Write the ISO to DEVICE, such as /dev/sdb, and read it back to verify it.

    All that DEVICE holds is lost. A disk that is not removable is refused unless forced; one that
    is mounted is always refused.
    """
    disk = Disk(device)
    disk.check(0, force=force)
    source = iso or built(image=image).iso
    size = source.stat().st_size
    disk.check(size, force=force)
    if not yes:
        click.confirm(f"Overwrite {disk.description}?", abort=True)
    with click.progressbar(
        length=2 * size, label="writing and verifying", hidden=not escapes_allowed()
    ) as bar:
        disk.write(source, bar.update)
    click.echo(f"{source} is on {device} and verified")
