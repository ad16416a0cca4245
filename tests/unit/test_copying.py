"""Fields copied from one struct to another: `copy_fields`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pykasm import *
from pykasm.hostrun import Host
from tests.unit.messages import message_of


class Wide(Struct):
    """Fields of all sizes."""

    a: U64
    b: U32
    c: U16
    d: U8
    next: Ptr[U64]
    many: U64 * 3


class Other(Struct):
    """Some of them, elsewhere."""

    d: U8
    c: U16
    b: U32
    a: U64
    next: Ptr[U64]


class Copying(Subsystem):
    """Copies fields."""

    kept = bss(Other)

    @function(exported=True)
    def run(self, target: Ptr[Other], source: Ptr[Wide]) -> None:
        """Copy all that both have, by way of a place in memory."""
        copy_fields(self.kept, source, "a", "b", "c", "d", "next")
        copy_fields(target, self.kept, "a", "b", "c", "d", "next")


copying = Copying()
host = Host(copying)
wide, other = host.new(Wide), host.new(Other)


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**16 - 1))
def test_fields_of_all_sizes_are_copied(a: int, b: int, c: int) -> None:
    wide.a, wide.b, wide.c, wide.d = a, b, c, a & 0xFF
    host.call(copying.run, other, wide)
    assert (other.a, other.b, other.c, other.d) == (a, b, c, a & 0xFF)
    assert int(other.next) == int(wide.next)


def test_what_no_register_has_room_for_is_refused() -> None:
    class Wrong(Subsystem):
        one = bss(Wide)
        two = bss(Wide)

        @function
        def wrong(self) -> None:
            """Copy an array."""
            copy_fields(self.one, self.two, "many")

    assert message_of(Wrong).startswith("error[type]: `Wrong.one.many` is no field that a register")


def test_a_struct_that_is_found_by_rax_is_refused() -> None:
    class Wrong(Subsystem):
        one = bss(Wide)

        @function
        def wrong(self) -> None:
            """Copy from where rax points."""
            lea(rax, self.one)
            copy_fields(self.one, cast(rax, Ptr[Wide]), "a")

    assert message_of(Wrong).startswith("error[registers]: `copy_fields` changes rax")
