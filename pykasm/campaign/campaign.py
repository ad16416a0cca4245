"""What a project says of a campaign."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Outcome(NamedTuple):
    """What came of the case with this `seed`.

    `kind` says it in a few words, by which cases are counted. `failure` tells what is wrong, and is
    empty where nothing is.
    """

    seed: int
    kind: str
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Campaign:
    """Work of many cases, each of which is told by a number, its seed, alone.

    `run` gives the outcomes of the cases with the seeds that it is given, one for each, in any
    order. It gets `together` of them at a time, where that costs less: such as those that one
    machine can look at before it is started again. `subject` says what is looked at, such as a
    digest of the kernel: outcomes of another subject are not taken for those of this one.
    """

    run: Callable[[Sequence[int]], Iterable[Outcome]]
    together: int = 1
    subject: str = ""
