"""Memory for the objects that tests hand to code, with a strip between them that none may touch."""

from __future__ import annotations

from typing import NamedTuple

from pykasm.hostrun.faults import HostError
from pykasm.hostrun.memory import PAGE, Memory

ADDRESS = 0xFFFF_D000_0000_0000
"""In the half of the address space that belongs to kernels, above 32 bits so that a truncated
pointer faults."""

FENCED_ADDRESS = 0xFFFF_D800_0000_0000

SIZE = 1 << 24
ALIGNMENT = 16
STRIP = b"\xfd" * ALIGNMENT


class Object(NamedTuple):
    """`size` bytes at `address`, and what they are for messages."""

    address: int
    size: int
    name: str

    def distance(self, address: int) -> int:
        """How many bytes `address` is away from the object."""
        return max(self.address - address, address - self.address - self.size + 1, 0)


class Heap:
    """Hands out zeroed memory, one object after the other."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._next_fenced = FENCED_ADDRESS
        self._region = memory.map("host objects", ADDRESS, SIZE, "rw-")
        self._objects: list[Object] = []
        self._strips: list[tuple[int, int, bytes]] = []
        self._use(0)

    def allocate(self, size: int, align: int, name: str, fenced: bool = False) -> int:
        """The address of `size` new bytes, a multiple of `align`; `name` is for messages.

        A `fenced` object ends where mapped memory ends, as far as its alignment allows.
        """
        if fenced:
            return self._allocate_fenced(size, align, name)
        align = max(align, ALIGNMENT)
        start = self._end + ALIGNMENT
        start += -start % align
        end = start + size
        end += -end % ALIGNMENT
        if end + ALIGNMENT > SIZE:
            raise HostError(
                f"no room for {name}: tests have {SIZE >> 20} MiB for objects\n"
                "help: `host.reset()` forgets those made since the last checkpoint,"
                " `host.map(address, size)` makes room of its own"
            )
        self._guard(self._end, start)
        self._guard(start + size, end + ALIGNMENT)
        self._use(end)
        self._objects.append(Object(ADDRESS + start, size, name))
        return ADDRESS + start

    def _allocate_fenced(self, size: int, align: int, name: str) -> int:
        region = self._memory.map(name, self._next_fenced, max(size, 1), "rw-")
        self._next_fenced = region.end + PAGE
        start = region.end - size
        address = start - start % align
        self._objects.append(Object(address, size, name))
        return address

    def _use(self, end: int) -> None:
        self._end = end
        self._region.used = end + ALIGNMENT

    def _guard(self, start: int, end: int) -> None:
        pattern = STRIP[:1] * (end - start)
        self._region.bytes[start:end] = pattern
        self._strips.append((start, end, pattern))

    def damage(self) -> str | None:
        """Where something wrote outside of objects, or None."""
        contents = self._region.bytes
        for start, end, pattern in self._strips:
            if contents[start:end] != pattern:
                offset = next(n for n in range(start, end) if contents[n] != STRIP[0])
                return self.describe(ADDRESS + offset)
        return None

    def describe(self, address: int, within: int = SIZE) -> str | None:
        """The place of `address` relative to the object nearest to it, `within` so many bytes."""
        nearest = min(self._objects, key=lambda one: one.distance(address), default=None)
        if nearest is None or nearest.distance(address) > within:
            return None
        if address < nearest.address:
            return f"{nearest.address - address} bytes before {nearest.name}"
        past = address - nearest.address - nearest.size
        if past >= 0:
            return f"{past} bytes past the end of {nearest.name}"
        return f"{nearest.name} + {address - nearest.address:#x}"

    def mark(self) -> tuple[int, int, int, int]:
        """The state now, for `release`."""
        return len(self._objects), len(self._strips), self._end, self._next_fenced

    def release(self, mark: tuple[int, int, int, int]) -> None:
        """Take back what was handed out after `mark`."""
        objects, strips, end, self._next_fenced = mark
        self._use(end)
        del self._objects[objects:]
        del self._strips[strips:]
