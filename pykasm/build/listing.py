"""The listing of an image, made while the checker is at work and published when that is content."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from pathlib import Path

from pykasm.build.units import Units
from pykasm.files import Stamps
from pykasm.listing.files import ListingFiles, UnitTexts, part_file, write_part
from pykasm.listing.maker import unit_listing
from pykasm.listing.places import LinkedImage
from pykasm.parallel import in_parallel


class Listing:
    """What the listing has of all `units`, linked as the ELF file `linked`."""

    def __init__(self, units: Units, stamps: Stamps, linked: Path) -> None:
        self._units = units
        self._stamps = stamps
        self._folder = units.project.folder
        names = [unit.name for unit in units.program.units]
        known = {name: found for name in names if (found := self._known(name))}
        self._new = [name for name in names if name not in known]
        made = dict(zip(self._new, in_parallel(self._made, self._new), strict=True))
        if units.are_sure:
            units.memory.save_texts((kept, made.get(name)) for name, kept in units.kept.items())
        texts: list[UnitTexts] = [
            known[name] if name in known else pickle.loads(made[name]) for name in names
        ]
        self._files = ListingFiles.of(texts, LinkedImage.read(linked), units.project.name)

    def _known(self, name: str) -> UnitTexts | None:
        kept = self._units.kept.get(name)
        if kept is None or not self._stamps.fresh(self._script(name), self._key(name)):
            return None
        return self._units.memory.texts(kept)

    def _key(self, name: str) -> str:
        """Return what tells the script of a unit from what it was; empty where nobody knows."""
        kept = self._units.kept.get(name)
        return "" if kept is None else kept.name.hex()

    def _script(self, name: str) -> Path:
        return part_file(name, self._folder)

    def _made(self, name: str) -> bytes:
        """Write the script of a unit to the cache, and return its texts."""
        unit = self._units.again(name)
        listing = unit_listing(unit.assembled, unit.packed)
        write_part(listing, self._units.project.cache)
        return pickle.dumps(UnitTexts.of(listing), pickle.HIGHEST_PROTOCOL)

    def publish(self) -> None:
        """Make it the listing of the kernel."""
        self._stamps.forget(map(self._script, self._new))
        self._stamps.record(dict(self._placed()))
        project = self._units.project
        self._files.write(project.listing, project.page)

    def _placed(self) -> Iterator[tuple[Path, str]]:
        """Move the scripts that were made to the page's folder; yield what they were made from."""
        for name in self._new:
            script = self._script(name)
            script.parent.mkdir(exist_ok=True)
            os.replace(part_file(name, self._units.project.cache), script)
            yield script, self._key(name)
