"""The functions that an earlier check found nothing in, kept in a file."""

from __future__ import annotations

from pathlib import Path

from pykasm.check.content import KEY_SIZE


class Ledger:
    """Keys of clean functions, in `path`; None keeps them nowhere.

    `save` forgets those that nobody asked for or entered since, so that the file stays small.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        raw = path.read_bytes() if path is not None and path.exists() else b""
        self._before = {raw[at : at + KEY_SIZE] for at in range(0, len(raw), KEY_SIZE)}
        self._now: set[bytes] = set()

    def knows(self, key: bytes) -> bool:
        """Whether nothing was found in the function of this key."""
        if key not in self._before:
            return False
        self._now.add(key)
        return True

    def enter(self, key: bytes) -> None:
        """Nothing was found in the function of this key."""
        self._now.add(key)

    def save(self) -> None:
        """Write the file, if there is anything new."""
        if self.path is not None and self._now != self._before:
            self.path.write_bytes(b"".join(sorted(self._now)))
