"""Pipes, against a queue of bytes, and devices without hardware."""

from __future__ import annotations

import stat
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.errno import Errno
from kernel.fs.anonymousfiles import AnonymousFiles, PipeEnds
from kernel.fs.attributes import Attributes
from kernel.fs.chacha import CONSTANTS, ChaCha
from kernel.fs.characterdevices import MINOR_BITS
from kernel.fs.filestatus import FileStatus
from kernel.fs.memorydevices import FULL, MAJOR, NULL, URANDOM, ZERO, MemoryDevices
from kernel.fs.openflag import OpenFlag
from kernel.fs.pipe import ATOMIC, CAPACITY
from kernel.fs.polling import PollEntry, Polling
from kernel.fs.subject import Subject
from kernel.sync.pollqueue import PollEvent, PollQueue
from tests.host.files_support import FileMachine

SIZES = st.one_of(
    st.integers(0, 100), st.sampled_from([ATOMIC, ATOMIC + 1, CAPACITY]), st.integers(0, 70_000)
)


@pytest.fixture(scope="module")
def machine() -> FileMachine:
    return FileMachine(AnonymousFiles, Polling, MemoryDevices, Attributes, ChaCha)


def ends_of(machine: FileMachine) -> tuple[int, int]:
    """A new pipe that nobody waits at."""
    machine.start()
    machine.call(machine.parts[AnonymousFiles].start)
    machine.at_rest = machine.used()
    ends = machine.host.new(PipeEnds)
    credentials = machine.host.at(Subject, machine.root).credentials
    pipe = machine.parts[AnonymousFiles].pipe
    assert machine.call(pipe, ends, OpenFlag.NONBLOCK, credentials) == 0
    ends = machine.host.at(PipeEnds, int(ends))
    return int(ends.reader), int(ends.writer)


def events_of(machine: FileMachine, file: int) -> PollEvent:
    """What is possible with an open file."""
    wanted = PollEvent.IN | PollEvent.OUT
    entry = machine.host.new(PollEntry, file=file, wanted=wanted)
    target = machine.host.new(PollQueue)
    poll = machine.parts[Polling]
    machine.call(poll._prepare, entry, 1, target)
    machine.call(poll._look, entry, 1, 1)
    machine.call(poll._unwatch, entry, 1)
    return PollEvent(int(machine.host.at(PollEntry, int(entry)).found))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), SIZES), max_size=12))
def test_bytes_come_as_they_went(machine: FileMachine, steps: list[tuple[bool, int]]) -> None:
    reader, writer = ends_of(machine)
    model, next_byte = b"", 0
    for is_write, size in steps:
        if is_write:
            data = bytes((next_byte + n) % 251 for n in range(size))
            room = CAPACITY - len(model)
            taken = min(size, room) if size > ATOMIC or size <= room else 0
            assert machine.write(writer, data) == (taken or (-Errno.EAGAIN if size else 0))
            model += data[:taken]
            next_byte += taken
        else:
            expected = model[:size]
            got = machine.read(reader, size)
            assert got == (expected or (-Errno.EAGAIN if size else b""))
            model = model[size:]
        can_write = PollEvent.OUT if CAPACITY - len(model) >= ATOMIC else PollEvent(0)
        assert events_of(machine, writer) == can_write
        assert events_of(machine, reader) == (PollEvent.IN if model else PollEvent(0))
    machine.close(writer)
    if model:
        assert machine.read(reader, CAPACITY) == model
    assert machine.read(reader, 1) == b""
    assert events_of(machine, reader) == PollEvent.HANG_UP
    machine.close(reader)
    assert machine.used() == machine.at_rest


def test_nobody_reads_what_is_written(machine: FileMachine) -> None:
    reader, writer = ends_of(machine)
    machine.close(reader)
    assert machine.write(writer, b"x") == -Errno.EPIPE
    assert events_of(machine, writer) == PollEvent.OUT | PollEvent.ERROR
    machine.close(writer)
    assert machine.used() == machine.at_rest


def test_a_pipe_without_memory(machine: FileMachine) -> None:
    reader, writer = ends_of(machine)
    machine.close(reader)
    machine.close(writer)
    credentials = machine.host.at(Subject, machine.root).credentials
    for allowed in range(5):
        machine.left = allowed
        ends = machine.host.new(PipeEnds)
        result = machine.call(machine.parts[AnonymousFiles].pipe, ends, 0, credentials)
        machine.left = None
        assert result == -Errno.ENOMEM
        assert machine.used() == machine.at_rest


# Devices


@pytest.fixture
def devices(machine: FileMachine) -> FileMachine:
    machine.start()
    for name, minor in (("null", NULL), ("zero", ZERO), ("full", FULL), ("random", URANDOM)):
        machine.mknod(name, stat.S_IFCHR | 0o666, MAJOR << MINOR_BITS | minor)
    return machine


def test_devices_do_as_they_are_called(devices: FileMachine) -> None:
    files = {name: devices.open(name, OpenFlag.READ_WRITE) for name in devices.names("/")}
    assert devices.read(files["null"], 10) == b""
    assert devices.write(files["null"], b"gone") == 4
    assert devices.read(files["zero"], 9000) == bytes(9000)
    assert devices.read(files["full"], 10) == bytes(10)
    assert devices.write(files["full"], b"x") == -Errno.ENOSPC
    first, second = devices.read(files["random"], 100), devices.read(files["random"], 100)
    assert isinstance(first, bytes)
    assert len(first) == 100
    assert first != second
    assert devices.seek(files["zero"], 5) == 0


def test_an_unknown_device_is_not_there(devices: FileMachine) -> None:
    devices.mknod("none", stat.S_IFCHR | 0o666, 200 << MINOR_BITS)
    before = devices.used()
    assert devices.open("none") == -Errno.ENXIO
    assert devices.used() == before


@given(st.integers(0, 0xFFF), st.integers(0, (1 << MINOR_BITS) - 1), st.integers(-(10**18), 10**18))
@settings(max_examples=30, deadline=None)
def test_status_is_as_programs_know_it(
    machine: FileMachine, major: int, minor: int, time: int
) -> None:
    machine.start()
    machine.mknod("special", stat.S_IFCHR | 0o640, major << MINOR_BITS | minor)
    inode = machine.find("special")
    inode.modified = time
    status = machine.host.new(FileStatus)
    machine.call(machine.parts[Attributes].stat, int(inode), status)
    status = machine.host.at(FileStatus, int(status))
    expected = (minor & 0xFF) | major << 8 | (minor & ~0xFF) << 12
    assert status.special == expected
    assert status.mode == stat.S_IFCHR | 0o640
    assert int(status.modified.seconds) * 10**9 + int(status.modified.nanoseconds) == time
    assert 0 <= int(status.modified.nanoseconds) < 10**9


def chacha_block(key: bytes, counter: int) -> bytes:
    """As the paper has it."""
    start = [*CONSTANTS, *struct.unpack("<8I", key), counter & 0xFFFF_FFFF, counter >> 32, 0, 0]
    x = list(start)

    def rotate(value: int, by: int) -> int:
        return (value << by | value >> 32 - by) & 0xFFFF_FFFF

    def quarter(a: int, b: int, c: int, d: int) -> None:
        for to, other, mixed, by in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            x[to] = (x[to] + x[other]) & 0xFFFF_FFFF
            x[mixed] = rotate(x[mixed] ^ x[to], by)

    for _ in range(10):
        for n in range(4):
            quarter(n, 4 + n, 8 + n, 12 + n)
        for n in range(4):
            quarter(n, 4 + (n + 1) % 4, 8 + (n + 2) % 4, 12 + (n + 3) % 4)
    return struct.pack(
        "<16I", *((one + two) & 0xFFFF_FFFF for one, two in zip(x, start, strict=True))
    )


def test_a_known_block_of_the_cipher() -> None:
    """The first test vector of RFC 8439, A.1, whose block number 0 has a nonce of zeros, too."""
    assert chacha_block(bytes(32), 0)[:8] == bytes.fromhex("76b8e0ada0f13d90")


@given(st.binary(min_size=32, max_size=32), st.integers(0, 2**64 - 1))
@settings(max_examples=30, deadline=None)
def test_blocks_of_the_cipher(machine: FileMachine, key: bytes, counter: int) -> None:
    place, output = int(machine.host.bytes(key)), int(machine.host.bytes(bytes(64)))
    machine.call(machine.parts[ChaCha].block, place, counter, output)
    assert machine.host.read(output, 64) == chacha_block(key, counter)
