"""Text in and out: the serial line, the text screen, formatted printing to both."""
