"""Where a kernel lies in its addresses (System V ABI AMD64, 3.5.1, "kernel code model")."""

VIRTUAL_BASE = 0xFFFFFFFF80000000
"""The last 2 GiB of addresses, which sign-extended 32-bit operands reach."""

MOST_BYTES = (1 << 64) - VIRTUAL_BASE
"""All that can be linked there."""
