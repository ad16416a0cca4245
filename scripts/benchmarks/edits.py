"""Random edits of the kernel, each built from what the last build left and from nothing."""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from scripts.benchmarks.figure import Figure
from tests.edits import Workplace, difference, random_edit

EDITS = 300


def figures() -> Iterator[Figure]:
    """How many come to the same."""
    with tempfile.TemporaryDirectory() as folder:
        place, chance = Workplace(Path(folder)), random.Random(EDITS)
        wrong = built = 0
        for _ in range(EDITS):
            edit = random_edit(place, chance)
            again, scratch = place.compared(edit)
            built += bool(again.files)
            found = difference(again, scratch)
            if found:
                wrong += 1
                print(f"{edit.what}: {found}", file=sys.stderr)
    yield Figure(
        f"edits, of which {built} build", f"{EDITS - wrong} as from nothing", "all", not wrong
    )
