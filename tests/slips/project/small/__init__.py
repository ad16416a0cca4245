"""A small program that uses all parts of the language."""
