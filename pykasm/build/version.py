"""What changes with whatever makes a build, beside the project."""

from __future__ import annotations

import sys
from functools import cache
from hashlib import blake2b
from pathlib import Path

import pykasm
from pykasm.files import installed
from pykasm.toolchain import TOOLS, find, identity

LIBRARIES = ("iced_x86", "keystone")
"""The libraries that make machine code and look at it."""


FONTS = [name for name, tool in TOOLS.items() if tool.package == "fonts-spleen"]
"""What kernels take glyphs from."""


@cache
def builder_version() -> str:
    """Changes with every change of pykasm, of the libraries that it makes code with, of the fonts
    that it reads, and of Python."""
    digest = blake2b(f"{sys.version} {[*map(installed, LIBRARIES)]}".encode())
    for font in FONTS:
        digest.update((identity(font) if find(font) else font).encode())
    for path in sorted(Path(pykasm.__path__[0]).rglob("*")):
        if path.suffix in (".py", ".j2", ".html"):
            digest.update(f"{path} ".encode() + path.read_bytes())
    return digest.hexdigest()
