"""What changes with whatever makes a build, beside the project."""

from __future__ import annotations

import sys
from functools import cache
from hashlib import blake2b
from pathlib import Path

import pykasm
from pykasm.files import installed

LIBRARIES = ("iced_x86", "keystone")
"""The libraries that make machine code and look at it."""


@cache
def builder_version() -> str:
    """Changes with every change of pykasm, of the libraries that it makes code with, and of
    Python."""
    digest = blake2b(f"{sys.version} {[*map(installed, LIBRARIES)]}".encode())
    for path in sorted(Path(pykasm.__path__[0]).rglob("*")):
        if path.suffix in (".py", ".j2", ".html"):
            digest.update(f"{path} ".encode() + path.read_bytes())
    return digest.hexdigest()
