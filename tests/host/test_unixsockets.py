"""Sockets of the machine, against queues of bytes, and lost ones against a search for them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.cpu.pagetable import PAGE
from kernel.errno import Errno
from kernel.fs.anonymousfiles import AnonymousFiles
from kernel.fs.file import File
from kernel.fs.files import Files
from kernel.fs.iovector import IoVector
from kernel.fs.openflag import OpenFlag
from kernel.fs.subject import Subject
from kernel.net.passedfiles import PassedFiles
from kernel.net.passedfilestore import PassedFileStore
from kernel.net.socket import BUFFER_SIZE, SocketType
from kernel.net.socketbuffers import MOST_IN_CHUNK, MOST_IN_FIRST, SMALL
from kernel.net.socketmessage import SocketMessage, SocketMessageFlag
from kernel.net.sockets import Sockets
from kernel.net.unixfamily import UnixFamily
from kernel.net.unixsockets import UnixSockets
from kernel.net.unixstreams import MOST_IN_PIECE, UnixStreams
from kernel.process.limits import RESOURCES
from kernel.process.process import Process
from kernel.process.task import Task
from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import Thread
from tests.host.files_support import FileMachine

NO_WAIT = SocketMessageFlag.DONT_WAIT | SocketMessageFlag.NO_SIGNAL
SIZES = st.one_of(
    st.integers(0, 100),
    st.sampled_from([MOST_IN_FIRST, MOST_IN_FIRST + 1, MOST_IN_FIRST + MOST_IN_CHUNK + 1]),
    st.integers(0, 70_000),
)


class SocketMachine(FileMachine):
    """A process that has sockets."""

    def begin(self) -> None:
        """Have none."""
        self.start()
        self.call(self.parts[AnonymousFiles].start)
        credentials = self.host.at(Subject, self.root).credentials
        limits = [{"soft": 1000, "hard": 1000}] * RESOURCES
        process = self.host.new(Process, number=7, limits=limits)
        task = self.host.new(Task, process=process, credentials=credentials)
        thread = int(self.host[self.parts[Scheduler].current])
        self.host.at(Thread, thread).user = int(task)
        self.credentials = int(credentials)
        self.at_rest = self.used()

    def pair(self) -> tuple[int, int]:
        """The files of two sockets that are connected with each other."""
        family, made = self.parts[UnixFamily], []
        for _ in range(2):
            result, socket = self.call(family.create, SocketType.STREAM, 0)
            assert result == 0
            made.append(int(socket))
        assert self.call(self.parts[UnixSockets].pair, *made) == 0
        arguments = OpenFlag.NONBLOCK, self.credentials
        first, second = (self.call(self.parts[Sockets].open, one, *arguments) for one in made)
        return int(first), int(second)

    def send_files(self, file: int, passed: list[int]) -> int:
        """Send a byte and files. Returns what sending does."""
        store = self.parts[PassedFileStore]
        record = int(self.call(store.allocate, len(passed)))
        for index, one in enumerate(passed):
            self.host.at(File, one).references.count = self.references(one) + 1
            self.host.at(PassedFiles, record).files[index] = one
        self.host.at(PassedFiles, record).count = len(passed)
        message = self.message(b"x")
        self.host.at(SocketMessage, message).passed = record
        result = int(self.call(self.parts[UnixStreams].send, self.socket(file), message))
        if result < 0:
            self.call(store.discard, record)
            self.settle()
        return result

    def settle(self) -> None:
        """Close what is to be closed, as a thread does in the kernel."""
        self.call(self.parts[PassedFileStore].close_waiting)

    def finish(self, file: int) -> None:
        """Drop a reference to an open file, and close what that leads to."""
        self.close(file)
        self.settle()

    def receive_files(self, file: int) -> None:
        """Receive a byte, and close the files that come with it."""
        message = self.message(b"?")
        self.call(self.parts[UnixStreams].receive, self.socket(file), message)
        if record := int(self.host.at(SocketMessage, message).passed):
            self.call(self.parts[PassedFileStore].discard, record)
            self.settle()

    def message(self, data: bytes) -> int:
        """A message with these bytes."""
        place = int(self.host.bytes(data))
        vector = self.host.new(IoVector, address=place, length=len(data), left=len(data))
        return int(self.host.new(SocketMessage, vector=vector, flags=NO_WAIT))

    def socket(self, file: int) -> int:
        """The socket of an open file."""
        return int(self.host.at(File, file).private)

    def references(self, file: int) -> int:
        """How many there are to an open file."""
        return int(self.host.at(File, file).references.count)

    def open_count(self) -> int:
        """How many files are open."""
        return int(self.host[self.parts[Files].count])


@pytest.fixture(scope="module")
def machine() -> SocketMachine:
    return SocketMachine(AnonymousFiles, UnixFamily, Sockets, UnixStreams)


# Bytes


def memory_of(length: int) -> int:
    """What a buffer with so many bytes takes."""
    chunks = -(-max(length - MOST_IN_FIRST, 0) // MOST_IN_CHUNK)
    return min(length, MOST_IN_FIRST) + SMALL - MOST_IN_FIRST + PAGE * chunks


class Stream:
    """What has been sent and not received."""

    def __init__(self) -> None:
        self.pieces: list[list[bytes]] = []
        """Each as it was sent, and what is left of it."""

    def write(self, data: bytes) -> int:
        """How many bytes go."""
        gone = 0
        while gone < len(data) and sum(memory_of(len(one)) for one, _ in self.pieces) < BUFFER_SIZE:
            piece = data[gone : gone + MOST_IN_PIECE]
            self.pieces.append([piece, piece])
            gone += len(piece)
        return gone or (-Errno.EAGAIN if data else 0)

    def read(self, size: int) -> bytes | int:
        """What comes."""
        got = b""
        while self.pieces and len(got) < size:
            left = self.pieces[0][1]
            part = left[: size - len(got)]
            got += part
            self.pieces[0][1] = left[len(part) :]
            if not self.pieces[0][1]:
                del self.pieces[0]
        return got or (-Errno.EAGAIN if size else b"")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), SIZES), max_size=12))
def test_bytes_come_as_they_went(machine: SocketMachine, steps: list[tuple[bool, int]]) -> None:
    machine.begin()
    reader, writer = machine.pair()
    model, next_byte = Stream(), 0
    for is_write, size in steps:
        if is_write:
            data = bytes((next_byte + n) % 251 for n in range(size))
            gone = model.write(data)
            assert machine.write(writer, data) == gone
            next_byte += max(gone, 0)
        else:
            assert machine.read(reader, size) == model.read(size)
    machine.close(writer)
    while (last := model.read(1 << 20)) != -Errno.EAGAIN:
        assert machine.read(reader, 1 << 20) == last
    assert machine.read(reader, 1) == b""
    machine.close(reader)
    assert machine.used() == machine.at_rest


@pytest.mark.parametrize("size", [1, MOST_IN_FIRST + 1, 10_000])
def test_what_is_sent_without_memory_is_an_error(machine: SocketMachine, size: int) -> None:
    machine.begin()
    reader, writer = machine.pair()
    used = machine.used()
    for allowed in range(1 + -(-max(size - MOST_IN_FIRST, 0) // MOST_IN_CHUNK)):
        machine.left = allowed
        assert machine.write(writer, bytes(size)) == -Errno.ENOMEM
        machine.left = None
        assert machine.used() == used
    machine.close(reader)
    machine.close(writer)
    assert machine.used() == machine.at_rest


# Files on their way

PAIRS = 4
ENDS = st.integers(0, 2 * PAIRS - 1)
STEPS: st.SearchStrategy[tuple[str, int, list[int]]] = st.one_of(
    st.tuples(st.just("send"), ENDS, st.lists(ENDS, min_size=1, max_size=3)),
    st.tuples(st.just("receive"), ENDS, st.just([])),
    st.tuples(st.just("close"), ENDS, st.just([])),
)


class Ends:
    """Which ends of connections are open, and what is on the way to each."""

    def __init__(self) -> None:
        self.open = set(range(2 * PAIRS))
        self.queues: dict[int, list[list[int]]] = {one: [] for one in self.open}

    def reachable(self) -> set[int]:
        """Those that somebody can come to."""
        found, waiting = set(self.open), list(self.open)
        for one in waiting:  # grows
            more = {other for passed in self.queues[one] for other in passed} - found
            found |= more
            waiting += more
        return found


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_lost_sockets_are_found(
    machine: SocketMachine, steps: list[tuple[str, int, list[int]]]
) -> None:
    machine.begin()
    files = [file for _ in range(PAIRS) for file in machine.pair()]
    model = Ends()
    for action, end, passed in steps:
        if end not in model.open or not model.open.issuperset(passed):
            continue
        if action == "send":
            taken = (end ^ 1) in model.reachable()
            assert machine.send_files(files[end], [files[one] for one in passed]) == (
                1 if taken else -Errno.EPIPE
            )
            if taken:
                model.queues[end ^ 1].append(passed)
        elif action == "receive":
            machine.receive_files(files[end])
            del model.queues[end][:1]
        else:
            machine.finish(files[end])
            model.open.remove(end)
        for file in machine.pair():  # the end of a socket is when lost ones are looked for
            machine.finish(file)
        alive = model.reachable()
        assert machine.open_count() == len(alive)
        for one in set(model.queues) - alive:
            model.queues[one].clear()
    for end in model.open:
        machine.finish(files[end])
    for file in machine.pair():
        machine.finish(file)
    assert machine.used() == machine.at_rest
