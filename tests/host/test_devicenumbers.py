"""Numbers of devices are those that programs make (makedev(3))."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from kernel.fs.characterdevices import MINOR_BITS
from kernel.fs.devicenumbers import decode_device, encode_device, split_device
from pykasm import *
from pykasm.hostrun import Host


class DeviceParts(Struct):
    """The two parts of a number."""

    major: U32
    minor: U32


class Numbers(Subsystem):
    """Calls what is written in place."""

    @function(exported=True)
    def encode(self, number: U64) -> U64:
        """Return what programs see of the kernel's `number`."""
        mov(rax, number)
        encode_device()
        ret(rax)

    @function(exported=True)
    def decode(self, device: U32) -> U64:
        """Return the kernel's number of what a program names."""
        ret(decode_device(device))

    @function(exported=True)
    def split(self, number: U64, parts: Ptr[DeviceParts]) -> None:
        """Store the parts of what programs see."""
        parts = scratch(parts)
        mov(rax, number)
        split_device(parts.major, parts.minor)


numbers = Numbers()
host = Host(numbers)
parts = host.new(DeviceParts)

majors, minors = st.integers(0, (1 << 12) - 1), st.integers(0, (1 << MINOR_BITS) - 1)


@given(majors, minors)
def test_numbers_are_as_programs_make_them(major: int, minor: int) -> None:
    own, seen = major << MINOR_BITS | minor, os.makedev(major, minor)
    assert host.call(numbers.encode, own) == seen
    assert host.call(numbers.decode, seen) == own
    host.call(numbers.split, seen, parts)
    assert (parts.major, parts.minor) == (major, minor)
