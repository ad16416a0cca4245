"""Switching the machine off, and starting it again."""
