"""Mutual exclusion."""
