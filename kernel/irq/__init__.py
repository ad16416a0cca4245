"""Interrupts of devices: I/O APICs, shared lines, work deferred from handlers."""
