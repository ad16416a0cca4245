"""What people type, on whatever device."""
