"""What earlier builds found out, so that a rebuild only looks at what is new."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Mapping
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import pykasm.encode
import pykasm.isa
from pykasm.build.importer import Compiled, Importer
from pykasm.build.modulesource import Layout, Place
from pykasm.build.unitrecord import UnitRecord
from pykasm.build.version import builder_version
from pykasm.encode.encoder import Encoder
from pykasm.files import fingerprint, installed
from pykasm.isa.statement import Encoding, Statement
from pykasm.journal import Journal
from pykasm.lang.builder import accept
from pykasm.listing.files import UnitTexts

UNKEPT = (pickle.PicklingError, AttributeError, TypeError)
"""What pickle raises for what it does not take, such as classes in functions."""


class Cited(NamedTuple):
    """Lines of a file that a unit names, with their places; `layout` is the digest of the file's
    layout."""

    layout: bytes
    lines: tuple[int, ...]
    places: tuple[Place, ...]

    def holds(self, layout: Layout | None) -> bool:
        """Whether the lines are what they were."""
        if layout is None:
            return False
        return layout.digest == self.layout or [*self.places] == [*map(layout.place, self.lines)]


class Kept(NamedTuple):
    """What is kept of a unit: its record as pickle writes it, the lines that it names by their
    files, and a `name` that tells records from each other."""

    record: bytes
    cited: dict[str, Cited]
    name: bytes

    @classmethod
    def of(cls, record: UnitRecord, layouts: Mapping[str, Layout]) -> Kept:
        """What is kept of a unit with this `record`; raises what pickle does."""
        cited = {
            file: Cited(layout.digest, lines, tuple(map(layout.place, lines)))
            for file, lines in record.cited.items()
            if (layout := layouts.get(file)) is not None
        }
        written = pickle.dumps(record, pickle.HIGHEST_PROTOCOL)
        return cls(written, cited, blake2b(written, digest_size=16).digest())


class Memory:
    """What is kept in the folder `cache` of a project's build."""

    def __init__(self, cache: Path) -> None:
        self._modules: Journal[bytes, Compiled] = Journal(cache / "modules", builder_version())
        self._units: Journal[bytes, Kept] = Journal(cache / "units", builder_version())
        self._cache = cache

    def encoder(self) -> Encoder:
        """An encoder that knows what earlier ones found; the language accepts those statements
        unseen."""
        known = self._encodings.known
        accept(known)
        return Encoder({**known})

    @cached_property
    def _encodings(self) -> Journal[Statement, Encoding]:
        return Journal(self._cache / "encodings", _version())

    @cached_property
    def _texts(self) -> Journal[bytes, bytes]:
        return Journal(self._cache / "texts", builder_version())  # much to read

    def importer(self, root: Path) -> Importer:
        """An importer of the modules below `root` that knows what was compiled before."""
        return Importer(root, self._modules.known)

    def unit(self, key: bytes, layouts: Mapping[str, Layout]) -> Kept | None:
        """What is kept of the unit of this key, if the lines that it names are what they were."""
        found = self._units.known.get(key)
        if found is None:
            return None
        current = all(cited.holds(layouts.get(file)) for file, cited in found.cited.items())
        return found if current else None

    def texts(self, kept: Kept) -> UnitTexts | None:
        """What the listing has of a unit."""
        found = self._texts.known.get(kept.name)
        texts: UnitTexts | None = pickle.loads(found) if found is not None else None
        return texts

    def save(self, encoder: Encoder, importer: Importer, units: Mapping[bytes, Kept]) -> None:
        """Leave to later builds what this one knows."""
        self._encodings.save(encoder.known)
        self._modules.save(importer.used)
        self._units.save(units)

    def save_texts(self, texts: Iterable[tuple[Kept, bytes | None]]) -> None:
        """Leave to later builds what the listing has of units: None where they have it."""
        known = self._texts.known
        entries = {
            kept.name: known[kept.name] if made is None else made
            for kept, made in texts
            if made is not None or kept.name in known
        }
        self._texts.save(entries)


def _version() -> str:
    """What encodings depend on: the libraries, and pykasm's own code around them."""
    folders = [Path(one.__path__[0]) for one in (pykasm.isa, pykasm.encode)]
    sources = sorted(file for folder in folders for file in folder.glob("*.py"))
    return fingerprint(installed("iced_x86"), installed("keystone"), *sources)
