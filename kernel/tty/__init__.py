"""Terminals: what stands between who types and programs that read (termios(3))."""
