"""From the boot loader's hands to 64-bit code at the kernel's own addresses."""
