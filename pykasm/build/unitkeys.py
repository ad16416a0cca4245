"""What the code of a unit depends on, as a key: equal keys, equal code.

A unit's code is written by the bodies of its own functions. All else that they see, the project's
modules say without the bodies of other functions (`ModuleSource`): helpers, structs, signatures,
constants, and how the image is wired, which decides about every attribute.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import pykasm
from pykasm.build.importer import Importer
from pykasm.lang.assembly import members
from pykasm.lang.function import Function
from pykasm.lang.functions import Emits
from pykasm.lang.unit import Unit

KEY_SIZE = 16


class UnitKeys:
    """Makes the keys of units whose code modules of `importer` hold; `settings` is all that code
    depends on beside these. `are_sure` tells whether equal keys mean equal code."""

    def __init__(self, importer: Importer, settings: str) -> None:
        self._importer = importer
        self.are_sure = not importer.others and all(map(self._is_sure, importer.modules))
        digest = blake2b(settings.encode(), digest_size=KEY_SIZE)
        for name in sorted(importer.modules):
            digest.update(name.encode())
            digest.update(self._source(name).rest)
        self._rest = digest.digest()

    def key(self, unit: Unit, owner: Any) -> bytes:
        """The key of `unit`, the code of `owner`."""
        digest = blake2b(self._rest, digest_size=KEY_SIZE)
        digest.update(unit.name.encode())
        for name, member in members(type(owner)):
            if isinstance(member, Function | Emits):
                digest.update(name.encode())
                for body in self._bodies(member.body):
                    digest.update(body)
        return digest.digest()

    def _bodies(self, function: Any) -> Iterator[bytes]:
        """What is not in the rest of its module of a function."""
        source = self._importer.source(function.__module__)
        if source is not None:
            yield from (one.digest for one in source.bodies.get(function.__qualname__, ()))

    def _source(self, name: str) -> Any:
        source = self._importer.source(name)
        assert source is not None
        return source

    def _is_sure(self, name: str) -> bool:
        """Whether the sources tell all that the module `name` depends on, and its functions are
        what they look like."""
        source, names = self._source(name), vars(sys.modules[name])
        if any(names.get(word) is not getattr(pykasm, word) for word in source.words):
            return False
        return source.imports is not None and all(map(self._is_known, source.imports))

    def _is_known(self, imported: tuple[str, str]) -> bool:
        """Whether a module that is imported is pykasm's or one of the project's, and what is taken
        from it is there."""
        module, name = imported
        if module.partition(".")[0] == "pykasm":
            return True
        if module not in self._importer.modules:
            return False
        return name in ("", "*") or hasattr(sys.modules[module], name)
