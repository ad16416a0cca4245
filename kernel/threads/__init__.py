"""Threads of the kernel: what runs when, and on which processor."""
