"""Files that a build makes, touched only where their contents change."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path


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


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Keep out others that name the same file `lock`, which is made with its folder: of several
    processes, each waits for the last, which may remove the file. Not to be nested for one file."""
    file = _locked(lock)
    try:
        while not lock.exists() or not os.path.samestat(os.fstat(file), lock.stat()):
            os.close(file)
            file = _locked(lock)
        yield
    finally:
        os.close(file)


def _locked(lock: Path) -> int:
    """The file `lock`, open, once nobody else has it locked."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    # Not opened for writing: a check of what was built may come where nothing can be written.
    file = os.open(lock, os.O_RDONLY | os.O_CREAT, 0o666)
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def digest_of(data: bytes) -> bytes:
    """Tells the contents of a file from others."""
    return hashlib.blake2b(data, digest_size=16).digest()


def fingerprint(*parts: Path | str | bytes) -> str:
    """A digest of the contents of files, of texts and of bytes, in this order."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, Path) else part
        data = data.encode() if isinstance(data, str) else data
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()


def installed(library: str) -> str:
    """What changes when another version of the package `library` is installed; it is not
    imported."""
    found = find_spec(library)
    assert found is not None, "pykasm depends on it"
    folders = found.submodule_search_locations or []
    files = sorted(file for folder in folders for file in Path(folder).iterdir())
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

    def forget(self, products: Iterable[Path]) -> None:
        """Before making `products`: a build that is cut short must not leave them as fresh."""
        for product in products:
            self._known.pop(product.name, None)
        self._write()

    def record(self, made: Mapping[Path, str]) -> None:
        """Remember the fingerprints of what products were made from."""
        self._known.update((product.name, made_from) for product, made_from in made.items())
        self._write()

    def _write(self) -> None:
        write_if_changed(self._path, json.dumps(self._known, indent=1, sort_keys=True).encode())
