"""The processor: its state, its descriptor tables, its interrupts."""
