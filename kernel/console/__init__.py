"""Where text goes: the serial line and the screen, VGA text or a framebuffer."""
