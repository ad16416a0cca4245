"""Keys of functions for the cache: a hash of all that the findings in a function depend on."""

from __future__ import annotations

from hashlib import blake2b

from pykasm.check.build import Build
from pykasm.check.content import KEY_SIZE, Content, marshalled, said_of
from pykasm.lang.convention import Signature
from pykasm.lang.data import Data
from pykasm.lang.objects import PlacedRoutine
from pykasm.lang.routine import Routine

_DISTRUSTS = b"distrusts its arguments"


class CacheKeys:
    """Makes the keys of the functions of a build."""

    def __init__(self, build: Build) -> None:
        self._tables = build.tables
        self._contents = build.contents
        self._symbols = _SymbolKeys(build)
        self._distrusting = build.distrusting

    def key(self, placed: PlacedRoutine) -> bytes:
        """Return the key of a function."""
        symbol, symbols = placed.routine.symbol, self._symbols
        content = self._contents.get(symbol) or Content.of(placed, self._tables)
        key = blake2b(content.digest + symbols[symbol], digest_size=KEY_SIZE)
        key.update(_DISTRUSTS if symbol in self._distrusting else b"")
        for target in content.symbols:
            key.update(symbols[target])
        return key.digest()


class _SymbolKeys(dict[str, bytes]):
    """What rules may ask about each symbol that a function refers to."""

    def __init__(self, build: Build) -> None:
        super().__init__()
        self._build = build

    def __missing__(self, symbol: str) -> bytes:
        build = self._build
        placed = build.routines.get(symbol)
        if placed is not None:
            key = self[symbol] = marshalled((symbol, *_as_callee(placed.routine)))
            return key
        datum = build.data.get(symbol)
        declared = None if datum is None else _as_datum(datum)
        pointees = [(one, one in build.routines) for one in build.pointees.get(symbol, ())]
        key = self[symbol] = marshalled((symbol, declared, pointees))
        return key


def _as_datum(datum: Data) -> tuple[object, ...]:
    guard = datum._guard is not None, datum._unlocked_reads
    return datum._storage._value_, guard, datum._kind._size, said_of(datum._kind)


def _as_callee(routine: Routine) -> tuple[object, ...]:
    entered = routine.entered._value_, routine.pushed
    return routine.kind._value_, routine.bits, entered, signature_key(routine.signature)


def signature_key(signature: Signature) -> tuple[object, ...]:
    """Return what of a signature matters to the analysis of callers."""
    parameters = [said_of(one.type) for one in signature.parameters]
    results = [(one._size, *said_of(one)) for one in signature.results]
    clobbers = signature.clobbers and [one.number for one in signature.clobbers]
    return parameters, results, signature.never_returns, clobbers
