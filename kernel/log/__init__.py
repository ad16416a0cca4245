"""What the kernel has to say of itself, kept in memory."""
