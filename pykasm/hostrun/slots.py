"""Slots: addresses that code can call and that Python answers for."""

from __future__ import annotations

from pykasm.hostrun.faults import HostError
from pykasm.hostrun.gateway import CALL_BYTES, SLOT_BYTES, SLOTS
from pykasm.hostrun.stubs import Stub


class Slots:
    """The slots that begin at `first`, and who answers for each."""

    def __init__(self, first: int) -> None:
        self._first = first
        self._stubs: list[Stub] = []

    def add(self, stub: Stub) -> int:
        """The address that stands for `stub` from now on."""
        if len(self._stubs) == SLOTS:
            raise HostError(
                f"more than {SLOTS} functions are replaced, missing or Python's\n"
                "help: `host.reset()` forgets those made since the last checkpoint"
            )
        self._stubs.append(stub)
        return self._first + SLOT_BYTES * (len(self._stubs) - 1)

    def at(self, address: int) -> Stub | None:
        """Who answers for `address`."""
        number, rest = divmod(address - self._first, SLOT_BYTES)
        if rest or not 0 <= number < len(self._stubs):
            return None
        return self._stubs[number]

    def replace(self, address: int, stub: Stub) -> None:
        """Have `stub` answer calls of `address`, which `add` returned."""
        self._stubs[(address - self._first) // SLOT_BYTES] = stub

    def called(self, returns_to: int) -> Stub:
        """Whose slot made the call that would return to `returns_to`."""
        stub = self.at(returns_to - CALL_BYTES)
        assert stub is not None
        return stub

    def state(self) -> list[Stub]:
        """Who answers for what now."""
        return list(self._stubs)

    def restore(self, state: list[Stub]) -> None:
        """Go back to `state`, with no calls made yet."""
        self._stubs = list(state)
        for stub in state:
            stub.calls.clear()
