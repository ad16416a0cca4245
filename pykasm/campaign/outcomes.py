"""The file with what came of the cases of a campaign."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from pykasm.campaign.campaign import Outcome


class OutcomeFile:
    """Outcomes by their seeds, in a file of a line each (JSON); the first line names the subject.

    What an earlier run has written is `known`, if it was about the same `subject`; else the file
    is begun again. A last line that is not whole, since its writer was ended, does not count.
    """

    def __init__(self, path: Path, subject: str) -> None:
        self.path = path
        self.known: dict[int, Outcome] = {}
        first, *rest = path.read_bytes().split(b"\n") if path.exists() else [b""]
        header = json.dumps({"subject": subject})
        if first.decode(errors="replace") != header:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{header}\n")
            return
        whole = rest[:-1]  # behind the last line's end there is nothing
        for line in whole:
            outcome = Outcome(**json.loads(line))
            self.known[outcome.seed] = outcome
        if rest and rest[-1]:
            path.write_bytes(b"".join(line + b"\n" for line in (first, *whole)))

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Write the outcomes of cases that are not known, and know them."""
        new = [one for one in outcomes if one.seed not in self.known]
        self.known.update((one.seed, one) for one in new)
        with self.path.open("a", encoding="utf-8") as file:
            file.writelines(f"{json.dumps(one._asdict())}\n" for one in new)
