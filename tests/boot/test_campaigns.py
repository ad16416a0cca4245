"""Some cases of each campaign of the kernel."""

from __future__ import annotations

import shutil

import pytest

from pykasm.campaign.campaign import Outcome
from pykasm.machine.images import Images
from tests.campaigns import filesequences, fuzz, images
from tests.campaigns.guest import HERE, Guest, compiled

IMAGES = 200
CALLS = 200_000
SEQUENCES = 1000

needs_compiler = pytest.mark.skipif(
    shutil.which("musl-gcc") is None, reason="musl-gcc is not installed (the package musl-tools)"
)


def failures(outcomes: list[Outcome]) -> list[Outcome]:
    return [one for one in outcomes if one.failure]


@needs_compiler
def test_damaged_programs_come_to_what_linux_makes_of_them(kernel_images: Images) -> None:
    guest = Guest(kernel_images.project.kernel, compiled(HERE / "images.c"))
    outcomes = [*images.looked_at(guest, range(IMAGES))]
    assert failures(outcomes) == []
    assert sorted(one.seed for one in outcomes) == [*range(IMAGES)]
    kinds = {one.kind for one in outcomes}
    assert {"interpreter: ELIBBAD", "script: EACCES", "fixed: ENOEXEC", "anywhere: exit"} <= kinds


@needs_compiler
def test_calls_by_chance_harm_nobody(kernel_images: Images) -> None:
    program = compiled(HERE / fuzz.SOURCE, {"calls.h": fuzz.calls_header()})
    seeds = range(CALLS // fuzz.CALLS)
    outcomes = [*fuzz.looked_at(Guest(kernel_images.project.kernel, program), seeds)]
    assert failures(outcomes) == []
    assert sorted(one.seed for one in outcomes) == [*seeds]
    made_all = [one for one in outcomes if one.kind == "exit 0"]
    assert len(made_all) > len(seeds) * 0.9  # the others ended too early, too often


@needs_compiler
@pytest.mark.skipif(
    not filesequences.can_be_compared(), reason="needs root, who can become another user here, too"
)
def test_what_is_done_with_files_comes_to_the_same_as_on_linux(kernel_images: Images) -> None:
    program = compiled(HERE / filesequences.SOURCE)
    # On one processor, as the steps come one after the other: of two, each would wait for the other
    guest = Guest(kernel_images.project.kernel, program, processors=1)
    outcomes = [*filesequences.looked_at(guest, range(SEQUENCES))]
    assert failures(outcomes) == []
    assert sorted(one.seed for one in outcomes) == [*range(SEQUENCES)]
