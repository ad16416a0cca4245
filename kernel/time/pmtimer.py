"""The counter of ACPI's power-management timer (ACPI 6.5, 4.8.3.3)."""

from __future__ import annotations

from kernel.acpi.fadt import FixedDescription
from kernel.clock.units import FSEC_PER_SEC
from kernel.time.referenceclock import ReferenceClock, ReferenceClockDriver
from pykasm import *

FREQUENCY = 3_579_545
"""Hertz."""


class PmTimer(ReferenceClockDriver):
    """Count in 24 or 32 bits, read at a port."""

    port = bss(U32)
    """The counter's port."""

    def __init__(self, description: FixedDescription) -> None:
        self.description = description
        self.reference = data(ReferenceClock, ReferenceClock(name="acpi-pm", read=self.read))

    @function(init=True)
    def start(self) -> None:
        """Find the timer, if there is one; it always counts."""
        port, bits = self.description.timer()
        with if_(port == 0):
            ret()
        mov(self.port, port)
        mov(ecx, bits)
        mov(eax, 1)
        shl(rax, cl)
        dec(rax)  # as many ones as bits
        mov(self.reference.mask, rax)
        mov(self.reference.period, FSEC_PER_SEC // FREQUENCY)

    @function(context="any")
    def read(self) -> U64:
        """Return the count; bits above the reference's mask have no meaning. Context: any."""
        mov(edx, self.port)
        in_(eax, dx)
        ret(rax)
