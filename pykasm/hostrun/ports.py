"""Input and output ports that Python answers for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Reader: TypeAlias = Callable[[int], int]
Writer: TypeAlias = Callable[[int, int], object]


class MissingPort(Exception):
    """The code used a port that nothing answers for."""

    def __init__(self, what: str, fix: str) -> None:
        self.what = what
        self.fix = fix
        super().__init__(what)


class Ports:
    """Functions for the ports that code may read and write."""

    def __init__(self) -> None:
        self._readers: dict[int, Reader] = {}
        self._writers: dict[int, Writer] = {}

    def on_in(self, ports: int | range, reader: Reader) -> None:
        """Have code that reads one of `ports` get the value of `reader(port)`."""
        self._readers |= dict.fromkeys(_numbers(ports), reader)

    def on_out(self, ports: int | range, writer: Writer) -> None:
        """Call `writer(port, value)` for what code writes to one of `ports`."""
        self._writers |= dict.fromkeys(_numbers(ports), writer)

    def state(self) -> tuple[dict[int, Reader], dict[int, Writer]]:
        """Who answers now, for `restore`."""
        return dict(self._readers), dict(self._writers)

    def restore(self, state: tuple[dict[int, Reader], dict[int, Writer]]) -> None:
        """Go back to `state`."""
        self._readers, self._writers = dict(state[0]), dict(state[1])

    def read(self, port: int, size: int) -> int:
        """The value that `size` bytes at `port` give now."""
        reader = self._readers.get(port)
        if reader is None:
            raise MissingPort(
                f"reads port {port:#x}, which nothing answers for",
                f"`host.on_in({port:#x}, lambda port: value)`",
            )
        return reader(port) & ((1 << (size * 8)) - 1)

    def write(self, port: int, size: int, value: int) -> None:
        """Hand `value`, of `size` bytes, to whoever is behind `port`."""
        writer = self._writers.get(port)
        if writer is None:
            raise MissingPort(
                f"writes {value:#x} to port {port:#x}, which nothing answers for",
                f"`host.on_out({port:#x}, lambda port, value: ...)`",
            )
        writer(port, value & ((1 << (size * 8)) - 1))


def _numbers(ports: int | range) -> range:
    return range(ports, ports + 1) if isinstance(ports, int) else ports
