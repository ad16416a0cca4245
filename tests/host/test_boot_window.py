"""What the page tables that the kernel boots with can't be made to reach."""

from __future__ import annotations

import pytest

from kernel.boot.bootwindow import BootWindow
from kernel.contents import CONTENTS
from kernel.cpu.features import Features
from kernel.cpu.pagetable import PAGE
from kernel.paging.addresses import MEMORY_END
from pykasm import *
from pykasm.hostrun import Host

GIB = 1 << 30


@pytest.mark.parametrize(
    ("bits", "middle"),
    [(36, 64 * GIB), (36, 1 << 63), (52, MEMORY_END), (46, 512 * GIB)],
    ids=["no address", "far from any", "no room in the map", "two tables"],
)
def test_what_can_not_be_reached_is_refused(bits: int, middle: int) -> None:
    parts = Parts(CONTENTS)
    window = parts[BootWindow]
    host = Host(window)
    host[parts[Features].physical_bits] = bits
    assert not host.call(window.open, middle - PAGE, middle + PAGE)
