"""Units of time."""

NANOSECONDS = 1_000_000_000
"""In a second."""
FEMTOSECONDS = 1_000_000_000_000_000
"""In a second."""
BILLION = 1_000_000_000
"""Errors of a rate are given as parts of it."""
