"""The archive of the start, whole and damaged, and decompression against zlib."""

from __future__ import annotations

import gzip
import stat
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.errno import Errno
from kernel.fs.characterdevices import MINOR_BITS
from kernel.fs.cpioreader import CpioReader
from kernel.fs.inflate import Inflate
from kernel.fs.initramfs import Initramfs
from pykasm.machine.cpio import Entry, archive, directory, file, symlink
from tests.host.files_support import FileMachine

FILES = [
    directory("etc", 0o700),
    file("etc/motd", b"text " * 300),
    symlink("link", "etc/motd"),
    Entry("null", stat.S_IFCHR | 0o666, device=(1, 3)),
    file("empty", b""),
    Entry("owned", stat.S_IFREG | 0o4755, b"x", user=7, group=8, modified=9),
]


@pytest.fixture(scope="module")
def machine() -> FileMachine:
    return FileMachine(Initramfs)


def unpack(machine: FileMachine, data: bytes) -> tuple[int, str]:
    """Unpack archives into an empty root: the result, and what is wrong."""
    machine.start()
    return unpacked(machine, data)


def unpacked(machine: FileMachine, data: bytes) -> tuple[int, str]:
    """Unpack archives into the root as it is."""
    reader = machine.parts[CpioReader]
    place = machine.host.bytes(data)
    result = int(machine.call(machine.parts[Initramfs].unpack, place, len(data)))
    problem = machine.host[reader.problem]
    return result, machine.host.read_text(problem) if int(problem) else ""


def check_files(machine: FileMachine) -> None:
    """All of FILES are there."""
    assert machine.names("/") == ["etc", "link", "null", "empty", "owned"]
    opened = machine.open("link")
    assert machine.read(opened, 2000) == b"text " * 300
    machine.close(opened)
    assert machine.find("etc").mode == stat.S_IFDIR | 0o700
    assert machine.find("null").device == 1 << MINOR_BITS | 3
    owned = machine.find("owned")
    assert (owned.user, owned.group, owned.modified) == (7, 8, 9 * 10**9)
    assert owned.mode == stat.S_IFREG | 0o4755


def compressed(data: bytes) -> bytes:
    return gzip.compress(data)


@pytest.mark.parametrize(
    "data",
    [
        archive(FILES),
        compressed(archive(FILES)),
        archive(FILES[:2]) + bytes(512) + archive(FILES[2:]) + bytes(4),
        archive(FILES[:2]) + bytes(512) + compressed(archive(FILES[2:])),
        compressed(archive(FILES[:2])) + bytes(8) + archive(FILES[2:]) + bytes(99),
        compressed(archive(FILES[:3])) + compressed(archive(FILES[3:])),
    ],
    ids=["plain", "gzip", "plain-plain", "plain-gzip", "gzip-plain", "gzip-gzip"],
)
def test_archives_are_unpacked(machine: FileMachine, data: bytes) -> None:
    assert unpack(machine, data) == (0, "")
    check_files(machine)
    machine.remove_all()
    assert machine.used() == machine.at_rest


WHOLE = archive(FILES)


@settings(max_examples=100, deadline=None)
@given(st.data(), st.booleans())
def test_damaged_archives_harm_nobody(
    machine: FileMachine, data: st.DataObject, is_compressed: bool
) -> None:
    whole = bytearray(compressed(WHOLE) if is_compressed else WHOLE)
    changes = st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255))
    for place, byte in data.draw(st.lists(changes, max_size=4)):
        whole[place] = byte
    end = data.draw(st.one_of(st.just(len(whole)), st.integers(0, len(whole))))
    result, problem = unpack(machine, bytes(whole[:end]))
    assert result in (0, -Errno.EINVAL)
    assert bool(result) == bool(problem)
    machine.remove_all()
    assert machine.used() == machine.at_rest


def test_without_memory_nothing_is_decompressed(machine: FileMachine) -> None:
    for allowed in range(60):
        machine.start()
        machine.left = allowed
        result, problem = unpacked(machine, compressed(WHOLE))
        machine.left = None
        assert (result, problem) in ((0, ""), (-Errno.ENOMEM, "memory is out"))
        assert result == 0 or allowed == 0
        machine.remove_all()
        assert machine.used() == machine.at_rest


# Decompression


def inflated(machine: FileMachine, data: bytes) -> tuple[int, bytes, int]:
    """The result, what was decompressed, and how much was used of `data`."""
    machine.start()
    taken: list[bytes] = []

    def take(start: Any, length: int) -> int:
        taken.append(machine.host.read(int(start), length))
        return 0

    place = int(machine.host.bytes(data))
    result, end = machine.call(machine.parts[Inflate].run, place, len(data), take)
    return int(result), b"".join(taken), int(end) - place


CONTENTS = st.one_of(
    st.binary(max_size=2000),
    st.lists(st.sampled_from([b"a", b"bc", b"longer piece ", bytes(200)]), max_size=300).map(
        b"".join
    ),
    st.integers(1, 40_000).map(lambda n: bytes((n * i * i >> 7) & 0xFF for i in range(n))),
)


@settings(max_examples=40, deadline=None)
@given(CONTENTS, st.integers(0, 9), st.sampled_from([0, zlib.Z_FIXED, zlib.Z_HUFFMAN_ONLY]))
def test_what_zlib_compresses_comes_back(
    machine: FileMachine, contents: bytes, level: int, strategy: int
) -> None:
    packer = zlib.compressobj(level, zlib.DEFLATED, -15, 9, strategy)
    data = packer.compress(contents) + packer.flush()
    assert inflated(machine, data + b"what follows") == (0, contents, len(data))


@settings(max_examples=60, deadline=None)
@given(CONTENTS, st.data())
def test_zlib_refuses_the_same(machine: FileMachine, contents: bytes, data: st.DataObject) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = bytearray(packer.compress(contents[:3000]) + packer.flush())
    for place, byte in data.draw(
        st.lists(st.tuples(st.integers(0, len(packed) - 1), st.integers(0, 255)), max_size=3)
    ):
        packed[place] = byte
    del packed[data.draw(st.integers(0, len(packed))) :]
    unpacker = zlib.decompressobj(-15)
    try:
        expected = unpacker.decompress(bytes(packed), 1 << 20)
        is_whole = unpacker.eof
    except zlib.error:
        is_whole = False
    result, got, used = inflated(machine, bytes(packed))
    assert (result == 0) == is_whole
    if is_whole:
        assert got == expected
        assert used == len(packed) - len(unpacker.unused_data)
