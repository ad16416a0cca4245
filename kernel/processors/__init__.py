"""The processors that run the kernel, and how all of them are stopped."""
