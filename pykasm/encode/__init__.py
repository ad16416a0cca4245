"""From statements to verified machine code, and from routines to laid-out bytes."""
