"""The kernel, written with pykasm; `kernel.image` wires it together."""
