"""QEMU's monitor, by its machine protocol QMP."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from qemu.qmp import QMPClient


class Qmp:
    """The monitor at the other end of a connected socket.

    The protocol library is asynchronous; this gives it a loop that runs while a command does.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._loop = asyncio.new_event_loop()
        self._client = QMPClient("pykasm")
        self._loop.run_until_complete(self._client.connect(connection))

    def execute(self, command: str, arguments: dict[str, Any]) -> Any:
        """Run one command (QEMU QMP reference) and return its answer; an error is
        `qemu.qmp.ExecuteError`."""
        return self._loop.run_until_complete(self._client.execute(command, arguments))

    def close(self) -> None:
        """End the connection."""
        try:
            self._loop.run_until_complete(self._client.disconnect())
        except EOFError:
            pass  # the machine ended first
        finally:
            self._loop.close()
