"""Units of time."""

NSEC_PER_SEC = 1_000_000_000
"""Nanoseconds in a second."""
FSEC_PER_SEC = 1_000_000_000_000_000
"""Femtoseconds in a second."""
BILLION = 1_000_000_000
"""The parts in which errors of a rate are given (ppb)."""
