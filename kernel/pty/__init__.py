"""Pseudo-terminals: terminals with a program at their other end (pty(7)), and their names."""
