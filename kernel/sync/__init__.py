"""Locks and conditions that threads wait for asleep."""
