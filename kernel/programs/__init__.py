"""Programs that run on the kernel, and on Linux."""
