"""Sequences of file operations by chance: each step comes to what it comes to on Linux."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from pykasm.campaign.campaign import Campaign, Outcome
from pykasm.files import digest_of
from tests.campaigns.guest import Guest

SOURCE = "filesequences.c"

TOGETHER = 250
"""Sequences that a machine has at a time."""

MEMORY_FOLDER = Path("/dev/shm")
"""A tmpfs, on Linux."""


def can_be_compared() -> bool:
    """Whether sequences can run on this system: as root, who can become another user, in a
    tmpfs."""
    return os.geteuid() == 0 and MEMORY_FOLDER.is_dir()


def native(program: bytes, seeds: Sequence[int], *words: str) -> str:
    """What the program says of the sequences `seeds` on Linux."""
    with tempfile.TemporaryDirectory() as folder:
        path, cases = Path(folder, "program"), Path(folder, "cases")
        path.write_bytes(program)
        path.chmod(0o755)
        cases.write_text("".join(f"{one}\n" for one in seeds))
        command = [str(one) for one in (path, cases, MEMORY_FOLDER, *words)]
        run = subprocess.run(command, check=True, capture_output=True, text=True)
    return run.stdout


def steps(said: str) -> dict[int, str]:
    """What came of the steps of each sequence."""
    return {int(seed): end for seed, end in re.findall(r"^(\d+) (\w+)$", said, re.MULTILINE)}


def judged(program: bytes, expected: Mapping[int, str], seed: int, end: str) -> Outcome:
    """What came of a sequence whose steps ended so."""
    here, there = end.split("_"), expected[seed].split("_")
    if here == there:
        return Outcome(seed, "as on Linux")
    number = next(
        number for number, (one, two) in enumerate(zip(here, there, strict=False)) if one != two
    )
    described = re.findall(r"^\d+: .*$", native(program, [seed], "each"), re.MULTILINE)
    failure = f"{here[number]}, and Linux gives {there[number]}, for step {described[number]}"
    return Outcome(seed, described[number].split()[1].lower(), failure)


def looked_at(guest: Guest, seeds: Sequence[int]) -> Iterator[Outcome]:
    """Run the sequences `seeds` here and there."""
    expected = steps(native(guest.program, seeds))
    yield from guest.outcomes(seeds, {}, partial(judged, guest.program, expected))


def campaign() -> Campaign:
    """Sequences of file operations, of which each is told by its seed."""
    guest = Guest.made(SOURCE)
    subject = digest_of((guest.subject + __file__).encode()).hex()
    return Campaign(partial(looked_at, guest), TOGETHER, subject)
