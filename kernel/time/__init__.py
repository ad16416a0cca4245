"""What time it is, and what is to happen when."""
