"""What of the checker itself its findings depend on."""

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
"""Whose code makes what the checker remembers of a function."""


@cache
def checker_version() -> str:
    """Changes with every change of the checker, of the language, of the decoder, and of Python."""
    digest = blake2b(f"{sys.version} {installed('iced_x86')}".encode())
    for package in PACKAGES:
        for path in sorted(Path(package.__path__[0]).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()
