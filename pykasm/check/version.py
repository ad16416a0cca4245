"""What of the checker itself its findings depend on."""

from __future__ import annotations

import sys
from functools import cache
from hashlib import blake2b
from pathlib import Path

from pykasm.build.files import installed


@cache
def checker_version() -> str:
    """Changes with every change of the checker, of the decoder, and of Python."""
    digest = blake2b(f"{sys.version} {installed('iced_x86')}".encode())
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
