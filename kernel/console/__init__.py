"""Where text goes: the serial line and the text screen."""
