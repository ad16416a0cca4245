"""Slips of a programmer: a right project with one thing wrong, built as a user builds it."""
