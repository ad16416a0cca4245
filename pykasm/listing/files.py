"""The files of a listing: the text, the page, and the scripts that the page loads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pykasm.files import write_if_changed
from pykasm.listing.model import UnitListing
from pykasm.listing.page import Contents, addresses, addresses_template, page, part
from pykasm.listing.places import LinkedImage, Template
from pykasm.listing.text import unit_template

SCRIPTS = "kernel.listing"
"""The folder with the page's scripts."""

ADDRESSES = f"{SCRIPTS}.js"
"""The script with what linking tells, beside the page."""


class UnitTexts(NamedTuple):
    """What a subsystem comes to in the files, whatever else is linked."""

    contents: Contents
    text: Template
    addresses: Template

    @classmethod
    def of(cls, unit: UnitListing) -> UnitTexts:
        """The texts of `unit`."""
        return cls(Contents.of(unit), unit_template(unit), addresses_template(unit))


def write_part(unit: UnitListing, folder: Path) -> None:
    """Write the script of a subsystem below `folder`."""
    scripts = folder / SCRIPTS
    scripts.mkdir(exist_ok=True)
    write_if_changed(part_file(unit.name, folder), part(unit).encode())


def part_file(name: str, folder: Path) -> Path:
    """The script of the subsystem `name`."""
    return folder / SCRIPTS / part_name(name)


def part_name(name: str) -> str:
    """What the script of the subsystem `name` is called."""
    return f"{name}.js"


class ListingFiles(NamedTuple):
    """The contents of the text, of the page and of its script of addresses, and the names of the
    scripts that belong to these."""

    text: str
    page: str
    addresses: str
    scripts: frozenset[str]

    @classmethod
    def of(cls, texts: Sequence[UnitTexts], image: LinkedImage, title: str) -> ListingFiles:
        """Those of the subsystems that are linked to `image`."""
        return cls(
            "".join(one.text.filled(image) for one in texts),
            page([one.contents for one in texts], title, SCRIPTS),
            addresses([one.addresses.filled(image) for one in texts]),
            frozenset(part_name(one.contents.name) for one in texts),
        )

    def write(self, text: Path, html: Path) -> None:
        """Write the `text` and the page `html`. The scripts of subsystems are there already; those
        of others go."""
        folder = html.parent
        write_if_changed(text, self.text.encode())
        write_if_changed(folder / ADDRESSES, self.addresses.encode())
        write_if_changed(html, self.page.encode())
        for file in os.scandir(folder / SCRIPTS):
            if file.name not in self.scripts:
                os.unlink(file.path)
