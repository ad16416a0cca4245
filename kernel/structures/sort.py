"""Sorting."""

from __future__ import annotations

from pykasm import *


class HeapSort(Subsystem):
    """Sort arrays in place, in O(n log n) steps whatever their order was (Knuth, The Art of
    Computer Programming, vol. 3, 5.2.3, algorithm H). Context: any.

    Places are given in bytes from the start of the array, so that the left child of the element at
    `p` is at `2 * p + size`.
    """

    @function
    def sort(self, array: Keep[U64], count: Keep[U64], size: Keep[U64]) -> None:
        """Sort `count` elements of `size` bytes, a multiple of 8, by their first 64 bits, unsigned.

        An array in order is only read.
        """
        end, place = keep(U64), keep(U64)
        mov(end, count)
        imul(end, size)
        with if_(self._is_sorted(array, end, size)):
            ret()
        mov(place, count)
        shr(place, 1)
        imul(place, size)
        with while_(place != 0):
            sub(place, size)
            self._sift_down(array, place, end, size)
        with loop():
            sub(end, size)
            break_if(end == 0)
            self._swap(array, 0, end, size)
            self._sift_down(array, 0, end, size)

    @function
    def _is_sorted(self, array: U64, end: U64, size: U64) -> Bool:
        """Return whether the elements before `end` are in order."""
        place, last = scratch(U64), scratch(U64)
        xor(u32(place), u32(place))
        xor(u32(last), u32(last))
        with while_(place < end):
            mov(rax, u64[array + place])
            with if_(rax < last):
                ret(False)
            mov(last, rax)
            add(place, size)
        ret(True)

    @function
    def _sift_down(
        self, array: Keep[U64], place: Keep[U64], end: Keep[U64], size: Keep[U64]
    ) -> None:
        """Move the element at `place` down until none below it is greater: a heap that ends at
        `end` then."""
        child = keep(U64)
        with loop():
            lea(child, bare[size + place * 2])
            break_if(child >= end)
            self._choose_greater(array, child, end, size)
            mov(rax, u64[array + child])
            break_if(u64[array + place] >= rax)
            self._swap(array, place, child, size)
            mov(place, child)

    @inline(changes=("child", rax, rcx))
    def _choose_greater(self, array: U64, child: U64, end: U64, size: U64) -> None:
        """Go from the left `child` to the right one, if there is one and it is greater."""
        lea(rcx, bare[child + size])
        with if_(rcx < end):
            mov(rax, u64[array + rcx])
            with if_(rax > u64[array + child]):
                mov(child, rcx)

    @function
    def _swap(self, array: U64, one: U64, other: U64, size: U64) -> None:
        """Exchange the elements at `one` and `other`."""
        add(one, array)
        add(other, array)
        with while_(size != 0):
            sub(size, sizeof(U64))
            mov(rax, u64[one + size])
            xchg(u64[other + size], rax)
            mov(u64[one + size], rax)
