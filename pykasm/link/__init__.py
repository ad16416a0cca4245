"""From objects to the kernel image."""
