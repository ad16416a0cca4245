"""The mutation test of the checker: faults planted in the kernel, and who finds them."""
