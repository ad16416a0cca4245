"""From statements to verified machine code, and from code pieces to laid-out bytes."""
