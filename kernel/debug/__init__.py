"""Telling people what went wrong, and where."""
