"""Files that a build makes, touched only where their contents change."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from types import ModuleType


def write_if_changed(path: Path, data: bytes) -> bool:
    """Make `data` the contents of `path`; whether it was not so before.

    The file is replaced as a whole, so that a build cut short leaves no half of one.
    """
    if path.exists() and path.read_bytes() == data:
        return False
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_bytes(data)
    os.replace(unfinished, path)
    return True


def fingerprint(*parts: Path | str) -> str:
    """A digest of the contents of files and of texts, in this order."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, Path) else part.encode()
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()


def installed(library: ModuleType) -> str:
    """What changes when another version of `library` is installed."""
    files = sorted(Path(library.__path__[0]).iterdir())
    return repr([(file.name, file.stat().st_size) for file in files])


class Stamps:
    """What each product was made from, kept in a file from one build to the next."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._known: dict[str, str] = json.loads(path.read_text())
        except (OSError, ValueError):
            self._known = {}

    def fresh(self, product: Path, made_from: str) -> bool:
        """Whether `product` is there and was made from what has the fingerprint `made_from`."""
        return product.exists() and self._known.get(product.name) == made_from

    def record(self, product: Path, made_from: str) -> None:
        """Remember that `product` was made from what has the fingerprint `made_from`."""
        self._known[product.name] = made_from
        write_if_changed(self._path, json.dumps(self._known, indent=1, sort_keys=True).encode())
