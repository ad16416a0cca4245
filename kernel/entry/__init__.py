"""The ways into the kernel: a gate for each vector, and what it leads to."""
