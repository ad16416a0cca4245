"""What people type on the serial line and the keyboard, and serial output by interrupts."""
