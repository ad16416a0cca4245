"""Structures that hold the kernel's objects in order."""
