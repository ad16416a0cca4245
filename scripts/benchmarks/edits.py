"""Random edits of the kernel, each built from what the last build left and from nothing."""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from scripts.benchmarks.figure import Figure
from tests.edits import Workplace, difference, groups

EDITS = 300


def figures() -> Iterator[Figure]:
    """How many come to the same."""
    with tempfile.TemporaryDirectory() as folder:
        place, chance = Workplace(Path(folder)), random.Random(EDITS)
        wrong = built = 0
        for edits in groups(place, chance, EDITS):
            again, scratch = place.compared(edits)
            built += len(edits) * bool(again.files)
            found = difference(again, scratch)
            if found:
                wrong += len(edits)
                print(f"{', '.join(one.what for one in edits)}: {found}", file=sys.stderr)
    name = f"{EDITS} edits, of which {built} build"
    yield Figure(name, f"{EDITS - wrong} as from nothing", "all", not wrong)
