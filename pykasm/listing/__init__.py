"""The listing: each function's machine code under the Python lines that made it."""
