"""Nanoseconds since the start, and timers."""
