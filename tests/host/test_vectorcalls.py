"""Lists of parts of memory, as programs give them."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.contents import CONTENTS
from kernel.errno import Errno
from kernel.fs.fileio import MOST_BYTES, FileIo
from kernel.fs.files import Files
from kernel.mm.heap import Heap
from kernel.paging.addresses import USER_END
from kernel.process.filecalls import FileCalls
from kernel.process.vectorcalls import FEW, MOST, UserSegments, VectorCalls
from kernel.vm.usercopy import UserCopy
from pykasm import *
from pykasm.hostrun import Host, stand_ins

ADDRESSES = st.one_of(
    st.integers(0, 0x10000),
    st.sampled_from([USER_END - 1, USER_END, 2**64 - 1]),
    st.integers(0, 2**64 - 1),
)
LENGTHS = st.one_of(
    st.integers(0, 5000), st.sampled_from([MOST_BYTES, 2**63 - 1, 2**63]), st.integers(0, 2**64 - 1)
)
SEGMENTS = st.lists(st.tuples(ADDRESSES, LENGTHS), max_size=12)


class Caller:
    """Takes lists, with memory of which every piece is accounted for."""

    def __init__(self) -> None:
        parts = Parts(CONTENTS, instead=stand_ins(Heap, UserCopy, FileCalls, Files, FileIo))
        self.calls = parts[VectorCalls]
        self.host = Host(self.calls)
        self.held: set[int] = set()
        self.has_memory = True
        self.list = b""
        self.host.stub(parts[Heap].allocate, self._allocate)
        self.host.stub(parts[Heap].free, lambda place: self.held.discard(int(place)))
        self.host.stub(parts[UserCopy].copy_in, self._copy)

    def _allocate(self, size: int) -> int:
        if not self.has_memory:
            return 0
        place = int(self.host.new(U8 * int(size)))
        self.held.add(place)
        return place

    def _copy(self, destination: int, source: int, length: int) -> tuple[int, int]:
        if len(self.list) < length:
            return -Errno.EFAULT, length
        self.host.write(int(destination), self.list[: int(length)])
        return 0, 0

    def take(self, segments: list[tuple[int, int]], count: int | None = None) -> tuple[int, int]:
        """What is returned, and how many bytes there are then."""
        self.list = b"".join(struct.pack("<QQ", *one) for one in segments)
        made = self.host.new(UserSegments)
        count = len(segments) if count is None else count
        result = int(self.host.call(self.calls.take, made, 0x1000, count))
        if result:
            assert not self.held
        left = int(self.host.at(UserSegments, int(made)).vector.left)
        self.held.clear()
        return result, left


@pytest.fixture(scope="module")
def caller() -> Caller:
    return Caller()


@settings(max_examples=150, deadline=None)
@given(SEGMENTS)
def test_lists_are_checked_and_summed_up(caller: Caller, segments: list[tuple[int, int]]) -> None:
    expected, total = 0, 0
    for address, length in segments:
        if length >= 2**63:
            expected = -Errno.EINVAL
        elif address + length > USER_END:
            expected = -Errno.EFAULT
        if expected:
            break
        total += min(length, MOST_BYTES - total)
    assert caller.take(segments) == (expected, total)


def test_lists_that_are_too_long_or_not_there(caller: Caller) -> None:
    assert caller.take([], MOST + 1)[0] == -Errno.EINVAL
    assert caller.take([], 1)[0] == -Errno.EFAULT
    assert caller.take([], MOST)[0] == -Errno.EFAULT


def test_only_a_long_list_needs_memory(caller: Caller) -> None:
    caller.has_memory = False
    short = [(0x1000, 1)] * FEW
    assert caller.take(short) == (0, FEW)
    assert caller.take([*short, (0x1000, 1)])[0] == -Errno.ENOMEM
    caller.has_memory = True
    assert caller.take([*short, (0x1000, 1)]) == (0, FEW + 1)
