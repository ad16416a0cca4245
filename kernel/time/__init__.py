"""Hardware clocks, how they correct each other, and the time of day."""
