"""Who knows what sysfs tells."""

from __future__ import annotations

from pykasm import *


class SysSource(Subsystem):
    """A subsystem that adds files to `SysTree`."""

    @function
    def fill(self) -> None:
        """Add them. Context: the thread that starts the kernel."""
        raise NotImplementedError
