"""Which functions were seen to keep what they state of the registers that they change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from hashlib import blake2b


class Contracts:
    """What is `kept`, as keys of a function with all that it leads to; `known` is what was kept in
    earlier checks. `keys` are those of the routines (none: nothing is remembered)."""

    def __init__(
        self, keys: Mapping[str, bytes] | None = None, known: Set[bytes] = frozenset()
    ) -> None:
        self._keys = keys
        self._known = known
        self.kept: set[bytes] = set()

    def key(self, symbols: Iterable[str]) -> bytes:
        """The key of a function that these routines decide about; empty if nothing is remembered,
        or if one of them is none that rules are about."""
        digest = blake2b()
        for symbol in symbols:
            if self._keys is None or symbol not in self._keys:
                return b""
            digest.update(self._keys[symbol])
        return digest.digest()

    def is_known(self, key: bytes) -> bool:
        """Whether an earlier check saw it kept; then it is in this one."""
        if key not in self._known:
            return False
        self.kept.add(key)
        return True

    def keep(self, key: bytes) -> None:
        """Keep it for later checks."""
        if key:
            self.kept.add(key)
