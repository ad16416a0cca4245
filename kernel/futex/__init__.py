"""Waiting for words of programs to change."""
