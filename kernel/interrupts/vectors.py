"""What the 256 vectors are for."""

from __future__ import annotations

from enum import IntEnum

FIRST_INTERRUPT = 0x20
"""The vectors below are exceptions (AMD64 APM vol. 2, 8.1)."""


class InterruptVector(IntEnum):
    """Vectors of interrupts. The local APIC serves those with a higher number first, in classes of
    sixteen (Intel SDM vol. 3A, 11.8.3)."""

    LEGACY = 0x20
    """The first of the 8259s' sixteen. Even while all their lines are masked, a disturbance can
    make them interrupt by the last one of each eight, so no device may have these."""
    FIRST_DEVICE = 0x30
    LAST_DEVICE = 0xDF
    TIMER = 0xE0
    RESCHEDULE = 0xF0
    CALL = 0xF2
    STOP = 0xF3
    WORK = 0xF4
    """By which a processor has itself see to work that was not queued by an interrupt."""
    APIC_ERROR = 0xFE
    SPURIOUS = 0xFF
    """Its low four bits have to be ones on old processors (Intel SDM vol. 3A, 11.9)."""
