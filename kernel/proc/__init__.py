"""What the kernel tells of processes and of itself, as files (proc(5))."""
