"""The version of the checker, on which cached results depend."""

from __future__ import annotations

import sys
from functools import cache
from hashlib import blake2b
from pathlib import Path

import pykasm.check
import pykasm.isa
import pykasm.lang
from pykasm.files import installed

PACKAGES = (pykasm.check, pykasm.isa, pykasm.lang)
"""The packages whose code makes what the cache has of a function."""


@cache
def checker_version() -> str:
    """Return a hash that changes with the checker, the language, the decoder, and Python."""
    digest = blake2b(f"{sys.version} {installed('iced_x86')}".encode())
    for package in PACKAGES:
        for path in sorted(Path(package.__path__[0]).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()
