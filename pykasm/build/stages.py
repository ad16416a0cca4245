"""The stages of a build: how long each takes, and a sign of life from slow ones."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pykasm.escapes import escapes_allowed
from pykasm.toolchain import QUIET, Reporter

PATIENCE = 1.0
"""Seconds after which a stage shows that it is alive."""


@dataclass(slots=True)
class Stage:
    """A stage that runs or has run: `seconds` are its own when it is over."""

    name: str
    seconds: float = 0.0
    note: str = ""
    done: int = 0
    total: int = 0

    def advance(self, done: int, total: int) -> None:
        """Say that `done` of `total` pieces of the work are finished."""
        self.done, self.total = done, total

    @property
    def text(self) -> str:
        """What the stage does and how far it is."""
        return f"{self.name} {self.done}/{self.total}" if self.total else self.name


class Stages:
    """Times the stages of a build, one after the other.

    A stage that takes longer than `PATIENCE` shows its progress on standard error, if that is a
    terminal. `reporter` announces external commands.
    """

    def __init__(self, reporter: Reporter = QUIET) -> None:
        self.reporter = reporter
        self.finished: list[Stage] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Time what happens inside as the stage `name`."""
        stage = Stage(name)
        over = threading.Event()
        watcher = threading.Thread(target=_watch, args=(stage, over), daemon=True)
        if sys.stderr.isatty() and escapes_allowed():
            watcher.start()
        start = time.perf_counter()
        try:
            yield stage
        finally:
            stage.seconds = time.perf_counter() - start
            over.set()
            if watcher.ident is not None:
                watcher.join()
        self.finished.append(stage)

    @property
    def seconds(self) -> float:
        """The time of all finished stages."""
        return sum(stage.seconds for stage in self.finished)


def _watch(stage: Stage, over: threading.Event) -> None:
    if over.wait(PATIENCE):
        return
    from rich.console import Console

    with Console(stderr=True).status(stage.text) as status:
        while not over.wait(0.1):
            status.update(stage.text)
