"""Watching programs until they have ended."""

from __future__ import annotations

from typing import Any

import pytest

from kernel.console.console import Console
from kernel.exec.programwatch import ProgramWatch
from kernel.process.exits import Exits
from kernel.process.process import Process
from kernel.process.processes import Processes
from kernel.terminal.input import Input
from kernel.terminal.reader import Reader
from kernel.threads.threads import Threads
from pykasm import *
from tests.host.console_support import written
from tests.host.files_support import FileMachine

NAME = b"tried"


class Desk:
    """A process that ends as soon as somebody waits for it."""

    def __init__(self, status: int) -> None:
        machine = FileMachine(ProgramWatch)
        self.host, parts = machine.host, machine.parts
        self.watch = parts[ProgramWatch]
        self.fronts = self.host.stub(parts[Input].put_in_front)
        self.detached = self.host.stub(parts[Threads].detach)
        self.drops = self.host.stub(parts[Processes].drop)
        self.host.stub(parts[Exits].wait, lambda process: status)
        self.paper: Any = parts[Console]
        self.process = self.host.new(Process, number=7, name=NAME)

    @property
    def shown(self) -> bytes:
        """What was printed."""
        return written(self.host, self.paper)

    def begin(self, thread: int) -> None:
        """Watch it, by a new `thread` if that is not 0."""
        create = self.host.stub(self.watch.threads.create, lambda *given: thread)
        self.host.call(self.watch.begin, self.process)
        self.argument = create.calls[0][2]


@pytest.mark.parametrize(
    ("status", "told"), [(3 << 8, b"tried[7]: exit status 3\n"), (11, b"tried[7]: signal 11\n")]
)
def test_its_end_is_told_by_a_thread(status: int, told: bytes) -> None:
    desk = Desk(status)
    desk.begin(thread=0x1000)
    assert desk.fronts.calls == [(Reader.PROGRAMS,)]
    assert not desk.shown
    desk.host.call(desk.watch.run, desk.argument)
    assert desk.shown == told
    assert desk.fronts.calls == [(Reader.PROGRAMS,), (Reader.MONITOR,)]


def test_without_memory_for_a_thread_the_end_is_waited_for_at_once() -> None:
    desk = Desk(0)
    desk.begin(thread=0)
    assert desk.shown == b"tried[7]: exit status 0\n"
    assert desk.fronts.calls == [(Reader.PROGRAMS,), (Reader.MONITOR,)]
    assert not desk.detached.calls
