"""The listing of an image, made while the checker is at work and published when that is content."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from pathlib import Path

from pykasm.build.units import Units
from pykasm.build.unitsahead import unit_texts
from pykasm.listing.files import ListingFiles, UnitTexts, part_file
from pykasm.listing.places import LinkedImage
from pykasm.parallel import in_parallel


class Listing:
    """What the listing has of all `units`, linked as the ELF file `linked`."""

    def __init__(self, units: Units, linked: Path) -> None:
        self._units = units
        self._stamps = units.stamps
        self._folder = units.project.folder
        names = [unit.name for unit in units.program.units]
        known = {name: found for name in names if (found := self._known(name))}
        self._new = [name for name in names if name not in known]
        pending = [name for name in self._new if name not in units.texts]
        made = units.texts | dict(zip(pending, in_parallel(self._made, pending), strict=True))
        if units.are_sure:
            units.memory.save_texts((kept, made.get(name)) for name, kept in units.kept.items())
        texts: list[UnitTexts] = [
            known[name] if name in known else pickle.loads(made[name]) for name in names
        ]
        self._files = ListingFiles.of(texts, LinkedImage.read(linked), units.project.name)

    def _known(self, name: str) -> UnitTexts | None:
        kept = self._units.kept.get(name)
        if name in self._units.texts or kept is None:
            return None
        if not self._stamps.fresh(self._script(name), self._key(name)):
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
        return unit_texts(self._units.again(name), self._units.project.cache)

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
