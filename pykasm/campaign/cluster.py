"""Workers of a cluster that do pieces of a campaign, by dask.distributed (the extra `cluster`).

They run in the folder of the project, with the same Python and the same libraries.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from itertools import islice
from typing import Any

from pykasm.campaign.campaign import Outcome
from pykasm.campaign.work import LOST, RAISED, Piece, done, failed
from pykasm.errors import PykasmError

AHEAD = 4
"""Pieces that each thread of a worker has at most, in hand or waiting."""

LIBRARY = "distributed"


def done_by_cluster(address: str, pieces: Iterable[Piece]) -> Iterator[list[Outcome]]:
    """Yield what comes of `pieces`, as soon as each is done, by the workers of the scheduler at
    `address`, such as `tcp://host:8786`. A piece whose worker ends is given to another one."""
    if find_spec(LIBRARY) is None:
        raise PykasmError(
            f"{LIBRARY}, which talks to clusters, is not there\n"
            'help: python -m pip install "pykasm[cluster]"'
        )
    from distributed import Client, as_completed

    left = iter(pieces)
    with Client(address) as client:
        client.wait_for_workers(1)
        threads = sum(one["nthreads"] for one in client.scheduler_info()["workers"].values())
        given = {client.submit(done, one, pure=False): one for one in islice(left, threads * AHEAD)}
        completed = as_completed(given)
        for future in completed:
            yield _result(future, given.pop(future))
            for piece in islice(left, 1):
                following = client.submit(done, piece, pure=False)
                given[following] = piece
                completed.add(following)


def _result(future: Any, piece: Piece) -> list[Outcome]:
    """Return what came of a piece that is done, or whose workers all ended."""
    from distributed.scheduler import KilledWorker

    try:
        found: list[Outcome] = future.result()
    except KilledWorker as killed:
        return failed(piece, LOST, f"its workers ended: {killed}")
    except Exception as error:
        return failed(piece, RAISED, f"{type(error).__name__}: {error}")
    return found
