"""Programs in files: how they get into memory, and what they find there."""
