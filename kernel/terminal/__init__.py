"""Terminal devices: serial line and keyboard, and serial output by interrupts."""
