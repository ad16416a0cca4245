"""Faults planted in the kernel: the build finds those that its rules forbid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from random import Random

from pykasm.campaign.campaign import Campaign, Outcome
from pykasm.files import digest_of
from tests.mutation.kernel import Kernel
from tests.mutation.kind import FaultKind
from tests.mutation.trial import Court, Mutant, planted
from tests.mutation.trial import Outcome as Fate

TOGETHER = 20


def judged(
    court: Court, mutants: dict[FaultKind, list[Mutant]], seeds: Sequence[int]
) -> Iterator[Outcome]:
    """Plant a fault by chance for each of `seeds`, first its kind, and find out what becomes of
    it."""
    kinds = [kind for kind, places in mutants.items() if places]
    for seed in seeds:
        chance = Random(seed)
        mutant = chance.choice(mutants[chance.choice(kinds)])
        forbidden = mutant.kind.is_forbidden
        verdict = court.judge(mutant, run=forbidden)
        group = "forbidden by a rule" if forbidden else "no rule can know"
        missed = forbidden and verdict.outcome in (Fate.RUNNING, Fate.NOTHING)
        place = f"{mutant.kind.name} in {mutant.symbol}, {verdict.place}"
        yield Outcome(seed, f"{group}: {verdict.outcome.value}", place if missed else "")


def campaign() -> Campaign:
    """Faults by chance."""
    kernel = Kernel()
    work = partial(judged, Court(kernel), planted(kernel))
    code = b"".join(one.code.code for one in kernel.build.routines.values())
    return Campaign(work, TOGETHER, digest_of(code).hex())
