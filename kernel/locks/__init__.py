"""Spin locks, and the queues of those who wait for anything."""
