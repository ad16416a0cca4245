"""Counts of references, against a number in Python."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.structures.refcount import ReferenceCount
from pykasm import *
from pykasm.hostrun import Host, HostAssertion


class Handle(Struct):
    """Something that is shared."""

    references: ReferenceCount


class Handles(Subsystem):
    """Shares and drops them."""

    @function(exported=True)
    def share(self, handle: Ptr[Handle]) -> None:
        """Gain a reference."""
        handle.references.gain()

    @function(exported=True)
    def drop(self, handle: Ptr[Handle]) -> Bool:
        """Drop one. Returns whether it was the last."""
        ret(handle.references.drop())


handles = Handles()
host = Host(handles)


@given(st.integers(1, 1000), st.lists(st.booleans(), max_size=30))
def test_the_last_reference_is_told(start: int, shares: list[bool]) -> None:
    host.reset()
    handle = host.new(Handle, references=ReferenceCount(count=start))
    count = start
    for is_share in shares:
        if is_share:
            host.call(handles.share, handle)
            count += 1
        else:
            count -= 1
            assert host.call(handles.drop, handle) is (count == 0)
            if count == 0:
                break
        assert handle.references.count == count


def test_one_reference_too_few_fails_the_assertion() -> None:
    handle = host.new(Handle)
    with pytest.raises(HostAssertion):
        host.call(handles.drop, handle)


def test_too_many_references_fail_the_assertion() -> None:
    handle = host.new(Handle, references=ReferenceCount(count=(1 << 31) - 2))
    host.call(handles.share, handle)
    with pytest.raises(HostAssertion):
        host.call(handles.share, handle)
