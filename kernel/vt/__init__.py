"""Virtual consoles: terminals that share the screen and the keyboard."""
