"""The log's ring against a list."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.console.console import Console
from kernel.console.screen import TextScreen
from kernel.contents import CONTENTS
from kernel.cpu.percpu import PerCpu
from kernel.log.level import LogLevel
from kernel.log.log import RECORD_ALIGNMENT, RING_SIZE, Log
from kernel.log.record import MAX_LENGTH, LogMessage
from pykasm import *
from pykasm.hostrun import Host


class Author(Subsystem):
    """Writes messages."""

    def __init__(self, log: Log) -> None:
        self.log = log

    @function(exported=True)
    def info(self, string: Ptr[U8]) -> None:
        self.log.write(LogLevel.INFO, "%s", string)

    @function(exported=True)
    def warn(self, number: U64) -> None:
        self.log.write(LogLevel.WARNING, "number %u", number)


class Bench:
    """A log on a host."""

    def __init__(self) -> None:
        parts = Parts(CONTENTS)
        per_cpu, screen = parts[PerCpu], parts[TextScreen]
        self.console, self.log = parts[Console], parts[Log]
        self.author = Author(self.log)
        self.host = Host(self.author, per_cpu, traced=False)
        self.host.define("symbols_start", 0)
        self.host.define("symbols_end", 0)
        self.shown: list[str] = []
        self.host.stub(self.console.put, lambda byte: self.shown.append(chr(byte)))
        self.host.stub(self.console.set_colour, lambda colour: self.shown.append(f"<{colour}>"))
        self.host.stub(screen.show_cursor)
        self.host.call(per_cpu.start_first)
        self.host.checkpoint()

    def start(self) -> None:
        self.host.reset()
        self.shown.clear()

    def write(self, string: str) -> None:
        self.host.call(self.author.info, self.host.text(string))

    def read(self) -> Iterator[Any]:
        """Copies of all messages."""
        message = self.host.new(LogMessage)
        position = 0
        while position := self.host.call(self.log.read, position, message):
            yield message

    def texts(self) -> list[str]:
        return [self.host.read_text(int(one.text)) for one in self.read()]


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


TEXTS = st.text(st.sampled_from("abc "), max_size=20)


@settings(max_examples=30)
@given(texts=st.lists(TEXTS, max_size=20), start=st.integers(0, RING_SIZE // RECORD_ALIGNMENT - 1))
def test_messages_are_read_as_they_were_written(bench: Bench, texts: list[str], start: int) -> None:
    bench.start()
    bench.host[bench.log.oldest] = bench.host[bench.log.end] = RING_SIZE + start * RECORD_ALIGNMENT
    for one in texts:
        bench.write(one)
    assert bench.texts() == texts


def test_the_oldest_messages_make_room(bench: Bench) -> None:
    bench.start()
    count = 1000
    strings = [f"{number} " + "x" * (number % 97) for number in range(count)]
    for one in strings:
        bench.host.write(string := bench.host.new(U8 * 128), one.encode() + b"\0")
        bench.host.call(bench.author.info, string)
    texts = bench.texts()
    dropped = bench.host[bench.log.dropped]
    assert texts == strings[dropped:]
    assert 0 < dropped < count
    assert bench.host[bench.log.end] - bench.host[bench.log.oldest] > RING_SIZE - 2 * MAX_LENGTH


def test_a_long_message_is_cut(bench: Bench) -> None:
    bench.start()
    for length in (MAX_LENGTH - 1, MAX_LENGTH, MAX_LENGTH + 1, 5000):
        bench.write("y" * length)
    assert [len(one) for one in bench.texts()] == [MAX_LENGTH - 1] + [MAX_LENGTH] * 3


def test_a_reader_that_was_overtaken_goes_on_at_the_oldest(bench: Bench) -> None:
    bench.start()
    bench.write("first")
    message = bench.host.new(LogMessage)
    behind = bench.host.call(bench.log.read, 0, message)
    for _ in range(200):
        bench.write("z" * MAX_LENGTH)
    bench.host.call(bench.log.read, behind, message)
    assert message.record.length == MAX_LENGTH


def test_records_tell_when_where_and_how_bad(bench: Bench) -> None:
    bench.start()
    bench.write("calm")
    bench.host.call(bench.author.warn, 7)
    seen = [(one.record.level, one.record.processor, one.record.ticks) for one in bench.read()]
    assert [level for level, _, _ in seen] == [LogLevel.INFO, LogLevel.WARNING]
    assert {processor for _, processor, _ in seen} == {0}
    assert 0 < seen[0][2] <= seen[1][2]


def test_warnings_are_shown_at_once_too(bench: Bench) -> None:
    bench.start()
    bench.write("calm")
    bench.host.call(bench.author.warn, 7)
    assert "".join(bench.shown) == "<14>number 7\n<7>"
    assert bench.texts() == ["calm", "number 7"]


def test_a_panic_writes_though_the_lock_is_held(bench: Bench) -> None:
    bench.start()
    bench.host[bench.log.lock.next_ticket] = 1
    bench.host.call(bench.log.break_lock)
    bench.write("the end")
    assert bench.texts() == ["the end"]
